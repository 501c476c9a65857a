"""The command verify: a verdict for every candidate."""

from __future__ import annotations

from winnow.cli.console import print_lines, report_result
from winnow.cli.options import Document, OutOption, OutputOptions, TableArgument, command
from winnow.stages.table_config import TableConfig
from winnow.stages.verify.config import VerifyConfig


@command
def verify(
    table: TableArgument,
    config: VerifyConfig,
    reading: TableConfig,
    output: OutputOptions,
    out: OutOption = None,
) -> Document:
    """Judge every candidate with one or more verifiers: pass, fail, abstain or error.

    winnow verify t.jsonl --prompt task --text answer --reference gold --with exact --out v
    """
    from winnow.api.keywords import to_location
    from winnow.stages.table_config import open_input
    from winnow.stages.verify.stage import open_verifiers, verify

    with open_verifiers(config) as verifiers:
        opened = open_input(table, reading)
        print_lines(opened.columns.summary())
        return report_result(verify(opened, verifiers, to_location(out)), out)
