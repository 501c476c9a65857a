"""The command combine: one verifier from several weak ones."""

from __future__ import annotations

from winnow.cli.console import print_lines, report_result
from winnow.cli.options import Document, OutOption, OutputOptions, TableArgument, command
from winnow.stages.combine.config import CombineConfig
from winnow.stages.table_config import TableConfig


@command
def combine(
    table: TableArgument,
    config: CombineConfig,
    reading: TableConfig,
    output: OutputOptions,
    out: OutOption = None,
) -> Document:
    """Combine weak verifiers into one: without labels from at least three, or by learning from labels.

    winnow combine t.jsonl --scores judge_a,judge_b,judge_c --out c
    """
    from winnow.api.keywords import to_location
    from winnow.stages.combine.stage import combine, open_unlabeled

    opened = open_unlabeled(table, reading)
    print_lines(opened.columns.summary())
    return report_result(combine(opened, config, reading, to_location(out)), out)
