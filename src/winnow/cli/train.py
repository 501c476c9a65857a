"""The command train: a small student, trained on a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from winnow.cli.console import print_lines
from winnow.cli.options import Document, OutputOptions, TableArgument, cli_option, command
from winnow.stages.table_config import TableConfig
from winnow.stages.train.config import TrainConfig


@command
def train(
    table: TableArgument,
    config: TrainConfig,
    reading: TableConfig,
    output: OutputOptions,
    out: Annotated[Path, cli_option("--out", "The folder of the trained model.", None, "DIR")],
) -> Document:
    """Train a small student on a table, and evaluate it on a held-out one. The same command again continues.

    winnow train s.jsonl --out student --steps 400 --held-out test.jsonl --verifier number
    """
    from winnow.stages.table_config import open_input
    from winnow.stages.train.progress import make_progress_printer
    from winnow.stages.train.stage import make_request
    from winnow.stages.train.stage import train as run_train

    opened = open_input(table, reading)
    print_lines(opened.columns.summary())
    result = run_train(opened, make_request(config, out), make_progress_printer())
    print_lines(result.describe(), f"wrote {out}")
    return result.to_dict()
