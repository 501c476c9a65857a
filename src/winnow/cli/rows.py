"""The commands that act on rows: verify, select, edit and train."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

from winnow.cli.console import open_table, print_lines, report_result
from winnow.cli.options import Document, OutOption, TableArgument, cli_option, command
from winnow.stages.edit.config import EditConfig
from winnow.stages.select.config import SelectConfig
from winnow.stages.table_config import TableConfig
from winnow.stages.train.config import TrainConfig
from winnow.stages.verify.config import VerifyConfig


@command
def verify(
    table: TableArgument,
    config: VerifyConfig,
    reading: TableConfig,
    out: OutOption = None,
) -> Document:
    """Judge every candidate with one or more verifiers: pass, fail, abstain or error.

    winnow verify t.jsonl --prompt task --text answer --reference gold --with exact --out v
    """
    from winnow.api.keywords import to_location
    from winnow.stages.verify.stage import open_verifiers, verify

    with open_verifiers(config) as verifiers:
        return report_result(verify(open_table(table, reading), verifiers, to_location(out)), out)


@command
def select(
    table: TableArgument,
    config: SelectConfig,
    reading: TableConfig,
    out: OutOption = None,
) -> Document:
    """Choose the rows to train on, and a control to compare them with.

    winnow select v --passed --out s.jsonl --control c.jsonl
    """
    from winnow.api.keywords import to_location
    from winnow.stages.select.stage import select

    return report_result(select(open_table(table, reading), config, to_location(out)), out)


@command
def edit(
    table: TableArgument,
    config: EditConfig,
    reading: TableConfig,
    model: Annotated[
        str, cli_option("--model", "A folder with config.json, *.safetensors and tokenizer.json.", None, "DIR")
    ],
    out: OutOption = None,
    estimate: Annotated[
        bool, cli_option("--estimate", "Estimate costs and changes from 1,000 texts; write nothing.")
    ] = False,
    gpu_tflops: Annotated[
        float, cli_option("--gpu-tflops", "The speed of the GPU of --estimate, in TFLOP/s (default 100).", None, "T")
    ] = 100.0,
) -> Document:
    """Edit texts token by token: tokens that the model is certain of are drawn again, every other byte stays.

    winnow edit t.jsonl --model gpt2 --threshold 0.99 --top-k 8 --out e.jsonl
    """
    from winnow.stages.edit.estimate import estimate_editing
    from winnow.stages.edit.shard_map import EditMap
    from winnow.stages.edit.stage import edit, local_output
    from winnow.stages.progress import ProgressLine

    opened, edit_map = open_table(table, reading), EditMap(model, config)
    if estimate:
        report = estimate_editing(opened, edit_map, gpu_tflops)
        print_lines(report.describe())
        return report.summary
    total_rows = total_tokens = 0

    def add_progress(rows: int, tokens: int) -> None:
        nonlocal total_rows, total_tokens
        total_rows, total_tokens = total_rows + rows, total_tokens + tokens
        counts = f"edit: {total_rows:,} texts, {total_tokens:,} tokens"
        line.update(lambda elapsed: f"{counts}, {total_tokens / elapsed:,.0f} tokens/s")

    with closing(ProgressLine()) as line:
        edited = edit(opened, edit_map, local_output(out), add_progress)
    return report_result(edited, out)


@command
def train(
    table: TableArgument,
    config: TrainConfig,
    reading: TableConfig,
    out: Annotated[Path, cli_option("--out", "The folder of the trained model.", None, "DIR")],
) -> Document:
    """Train a small student on a table, and evaluate it on a held-out one. The same command again continues.

    winnow train s.jsonl --out student --steps 400 --held-out test.jsonl --verifier number
    """
    from winnow.stages.train.stage import make_progress_printer, make_request, train

    result = train(open_table(table, reading), make_request(config, out), make_progress_printer())
    print_lines(result.describe(), f"wrote {out}")
    return result.to_dict()
