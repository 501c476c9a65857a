"""The commands that look ahead: plan and forecast."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from winnow.app.act import TABLE
from winnow.app.decide.labels import LABELS, VERIFIER, LabelsFile, RightIf, given, given_of
from winnow.app.options import Column, Document, OutputOptions, TableOptions, command, option
from winnow.app.say import say
from winnow.data.errors import UsageError, shown
from winnow.stages import front

KEPT = "To hold it against what training gives"


@dataclass(frozen=True)
class ForecastOptions:
    """What to forecast."""

    labels: LabelsFile = None
    label: Annotated[Column, option("--label", "right or wrong, or a grade with --right-if", LABELS, "COLUMN")] = None
    right_if: RightIf = None
    n: Annotated[str | None, option("--n", "sizes of best-of-N: 1,2,4,8 (default: powers of two)", None, "N")] = None
    regime: Annotated[
        str, option("--regime", "who is trained on the result: self (default), teacher or pretrain", None, "REGIME")
    ] = "self"
    answer: Annotated[
        Column, option("--answer", "the final answers, to find the commonest of a prompt", LABELS, "COLUMN")
    ] = None
    lower_is_better: Annotated[bool, option("--lower-is-better", "a low score is a good score")] = False
    seed: Annotated[int, option("--seed", "seed of the draws (default 0)", None, "N")] = 0


@dataclass(frozen=True)
class KeepingOptions:
    """Where a forecast is kept to be held against its outcome."""

    pilot: Annotated[
        Path | None, option("--pilot", "write training files of equal size for a pilot here", KEPT, "DIR")
    ] = None
    out: Annotated[Path | None, option("--out", "keep the forecast alone, for winnow outcome", KEPT, "FILE.json")] = (
        None
    )
    record: Annotated[
        str | None,
        option("--record", "where earlier pilots are (default: beside --pilot or --out)", KEPT, "DIR|GLOB"),
    ] = None


@dataclass(frozen=True)
class PlanOptions:
    """What the labels are for."""

    aim: Annotated[str, option("--for", "measure (default) or forecast", None, "AIM")] = "measure"
    budget: Annotated[int, option("--budget", "how many labels (default 200)", None, "N")] = 200
    verdict: Annotated[Column, option("--verdict", "the verdicts to measure", VERIFIER, "COLUMN")] = None
    n: Annotated[str | None, option("--n", "sizes of best-of-N to forecast: 1,2,4,8", None, "N")] = None
    lower_is_better: Annotated[bool, option("--lower-is-better", "a low score is a good score")] = False
    seed: Annotated[int, option("--seed", "seed of the draws (default 0)", None, "N")] = 0


@command
def plan(
    table: Annotated[str, TABLE],
    out: Annotated[str, option("--out", "the file to fill in: FILE.csv, FILE.jsonl or FILE.parquet", None, "FILE")],
    asked: PlanOptions,
    reading: TableOptions,
    output: OutputOptions,
) -> Document:
    """Say which candidates to label, in which order; works without any label yet.

    winnow plan v --for measure --budget 200 --out to-label.csv
    """
    opened = front.table(table, **reading.given())
    say(opened.columns.said())
    options = {**given_of(asked, "aim", "budget", "verdict", "lower_is_better", "seed")}
    made = front.plan(opened, out, n=None if asked.n is None else _sizes(asked.n), **options)
    say(f"{made['labels']:,} rows to label, of {made['prompts']:,} prompts, in order: {out}")
    ways = {"measure": "--labels-drawn by-verdict", "forecast": f"--score {opened.columns.score}"}
    back = f"  winnow {asked.aim} {table} {ways[asked.aim]} --labels {out}"
    say("fill in the column correct (1 or 0), then:", back)
    return made


@command
def forecast(
    table: Annotated[str, TABLE],
    asked: ForecastOptions,
    keeping: KeepingOptions,
    reading: TableOptions,
    output: OutputOptions,
) -> Document:
    """Say which rule to select by: best-of-N, threshold and top-share curves, and the select line that does it.

    winnow forecast candidates.jsonl --score judge --labels labels.csv
    """
    opened = front.table(table, **reading.given(), **given_of(asked, "labels", "label"))
    say(opened.columns.said())
    more = given_of(asked, "right_if", "regime", "answer", "lower_is_better", "seed") | given(keeping)
    foreseen = front.forecast(opened, n=None if asked.n is None else _sizes(asked.n), **more)
    say(foreseen.words())
    return foreseen.plain()


def _sizes(text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise UsageError("--n", f"{shown(text)} is not a list of whole numbers from 1", "For example --n 1,2,4,8")
    return [int(part) for part in parts]
