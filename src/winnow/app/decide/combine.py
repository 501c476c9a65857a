"""The command combine: one verifier out of several weak ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from winnow.app.act import TABLE, Out
from winnow.app.decide.labels import LABELS, LabelsFile, RightIf, given
from winnow.app.options import Column, Document, OutputOptions, TableOptions, command, option
from winnow.app.say import say
from winnow.stages import front


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
    labels: LabelsFile = None
    label: Annotated[Column, option("--label", "right or wrong, to learn from", LABELS, "COLUMN")] = None
    right_if: RightIf = None
    seed: Annotated[int, option("--seed", "seed of the intervals' draws (default 0)", None, "N")] = 0


@command
def combine(
    table: Annotated[str, TABLE],
    asked: CombineOptions,
    reading: TableOptions,
    output: OutputOptions,
    out: Out = None,
) -> Document:
    """Make one verifier of several weak ones: label-free from at least three, or learned from labels.

    winnow combine t.jsonl --scores judge_a,judge_b,judge_c --out c
    """
    opened = front.table(table, **reading.given())
    say(opened.columns.said())
    done = front.combine(opened, out=out, **given(asked))
    say(done.words())
    if done.summary["quarantined"]:
        listed = "" if out is None else f", listed in {out}.quarantine.jsonl"
        say(f"  set aside: {done.summary['quarantined']:,} bad rows{listed}")
    if out is None:
        say("nothing was written: name a place with --out")
    else:
        say(f"{out} already holds this very result" if done.summary.get("already_done") else f"wrote {out}")
    return done.summary
