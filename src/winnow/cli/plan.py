"""The command plan: which candidates to label."""

from __future__ import annotations

from typing import Annotated

from winnow.cli.console import print_lines
from winnow.cli.options import Document, OutputOptions, TableArgument, cli_option, command
from winnow.stages.plan.config import PlanConfig
from winnow.stages.table_config import TableConfig


@command
def plan(
    table: TableArgument,
    config: PlanConfig,
    reading: TableConfig,
    output: OutputOptions,
    out: Annotated[str, cli_option("--out", "The file to fill in: .csv, .jsonl or .parquet.", None, "FILE")],
) -> Document:
    """Choose which candidates to label, in which order; it needs no label yet.

    winnow plan v --for measure --budget 200 --out to-label.csv
    """
    from winnow.stages.plan.stage import plan_labels
    from winnow.stages.table_config import open_input
    from winnow.storage.locations.location import parse_location

    opened = open_input(table, reading)
    print_lines(opened.columns.summary())
    result = plan_labels(opened, config, parse_location(out))
    print_lines(result.describe())
    return result.to_dict()
