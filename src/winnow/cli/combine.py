"""The command combine: one verifier out of several weak ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from winnow import api
from winnow.cli.commands import TABLE_ARGUMENT, OutOption
from winnow.cli.console import print_lines
from winnow.cli.label_options import LABELS_PANEL, LabelsOption, RightIfOption, to_keywords
from winnow.cli.options import Column, Document, OutputOptions, TableOptions, command, option


@dataclass(frozen=True)
class CombineOptions:
    """Which verifiers, the name of the result, and labels to learn from."""

    scores: Annotated[
        str | None,
        option(
            "--scores", "columns of verdicts or scores, or verifiers by name (default: all verdicts)", None, "A,B,C"
        ),
    ] = None
    name: Annotated[str, option("--name", "what the combined verifier is called (default combined)", None, "NAME")] = (
        "combined"
    )
    labels: LabelsOption = None
    label: Annotated[Column, option("--label", "right or wrong, to learn from", LABELS_PANEL, "COLUMN")] = None
    right_if: RightIfOption = None
    seed: Annotated[int, option("--seed", "seed of the intervals' draws (default 0)", None, "N")] = 0


@command
def combine(
    table: Annotated[str, TABLE_ARGUMENT],
    options: CombineOptions,
    reading: TableOptions,
    output: OutputOptions,
    out: OutOption = None,
) -> Document:
    """Make one verifier of several weak ones: label-free from at least three, or learned from labels.

    winnow combine t.jsonl --scores judge_a,judge_b,judge_c --out c
    """
    opened = api.table(table, **reading.to_keywords())
    print_lines(opened.columns.summary())
    result = api.combine(opened, out=out, **to_keywords(options))
    print_lines(result.describe())
    if result.summary["quarantined"]:
        quarantine_note = "" if out is None else f", listed in {out}.quarantine.jsonl"
        print_lines(f"  set aside: {result.summary['quarantined']:,} bad rows{quarantine_note}")
    if out is None:
        print_lines("nothing was written: name a place with --out")
    else:
        print_lines(f"{out} already holds this very result" if result.summary.get("already_done") else f"wrote {out}")
    return result.summary
