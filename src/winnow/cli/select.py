"""The command select: the rows to train on."""

from __future__ import annotations

from winnow.cli.console import print_lines, report_result
from winnow.cli.options import Document, OutOption, OutputOptions, TableArgument, command
from winnow.stages.select.config import SelectConfig
from winnow.stages.table_config import TableConfig


@command
def select(
    table: TableArgument,
    config: SelectConfig,
    reading: TableConfig,
    output: OutputOptions,
    out: OutOption = None,
) -> Document:
    """Choose the rows to train on, and a control to compare them with.

    winnow select v --passed --out s.jsonl --control c.jsonl
    """
    from winnow.api.keywords import to_location
    from winnow.stages.select.stage import select
    from winnow.stages.table_config import open_input

    opened = open_input(table, reading)
    print_lines(opened.columns.summary())
    return report_result(select(opened, config, to_location(out)), out)
