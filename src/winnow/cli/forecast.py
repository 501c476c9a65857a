"""The commands that look ahead: plan and forecast."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from winnow import api
from winnow.cli.commands import TABLE_ARGUMENT
from winnow.cli.console import print_lines
from winnow.cli.label_options import (
    LABELS_PANEL,
    VERIFIER_PANEL,
    LabelsOption,
    RightIfOption,
    pick_keywords,
    to_keywords,
)
from winnow.cli.options import Column, Document, OutputOptions, TableOptions, command, option
from winnow.errors import UsageError, format_value

SAVING_PANEL = "To hold it against what training gives"


@dataclass(frozen=True)
class ForecastOptions:
    """What to forecast."""

    labels: LabelsOption = None
    label: Annotated[
        Column, option("--label", "right or wrong, or a grade with --right-if", LABELS_PANEL, "COLUMN")
    ] = None
    right_if: RightIfOption = None
    n: Annotated[str | None, option("--n", "sizes of best-of-N: 1,2,4,8 (default: powers of two)", None, "N")] = None
    regime: Annotated[
        str, option("--regime", "who is trained on the result: self (default), teacher or pretrain", None, "REGIME")
    ] = "self"
    answer: Annotated[
        Column, option("--answer", "the final answers, to find the commonest of a prompt", LABELS_PANEL, "COLUMN")
    ] = None
    lower_is_better: Annotated[bool, option("--lower-is-better", "a low score is a good score")] = False
    seed: Annotated[int, option("--seed", "seed of the draws (default 0)", None, "N")] = 0


@dataclass(frozen=True)
class ForecastSavingOptions:
    """Where a forecast is kept to be held against its outcome."""

    pilot: Annotated[
        Path | None, option("--pilot", "write training files of equal size for a pilot here", SAVING_PANEL, "DIR")
    ] = None
    out: Annotated[
        Path | None, option("--out", "keep the forecast alone, for winnow outcome", SAVING_PANEL, "FILE.json")
    ] = None
    record: Annotated[
        str | None,
        option("--record", "where earlier pilots are (default: beside --pilot or --out)", SAVING_PANEL, "DIR|GLOB"),
    ] = None


@dataclass(frozen=True)
class PlanOptions:
    """What the labels are for."""

    aim: Annotated[str, option("--for", "measure (default) or forecast", None, "AIM")] = "measure"
    budget: Annotated[int, option("--budget", "how many labels (default 200)", None, "N")] = 200
    verdict: Annotated[Column, option("--verdict", "the verdicts to measure", VERIFIER_PANEL, "COLUMN")] = None
    n: Annotated[str | None, option("--n", "sizes of best-of-N to forecast: 1,2,4,8", None, "N")] = None
    lower_is_better: Annotated[bool, option("--lower-is-better", "a low score is a good score")] = False
    seed: Annotated[int, option("--seed", "seed of the draws (default 0)", None, "N")] = 0


@command
def plan(
    table: Annotated[str, TABLE_ARGUMENT],
    out: Annotated[str, option("--out", "the file to fill in: FILE.csv, FILE.jsonl or FILE.parquet", None, "FILE")],
    settings: PlanOptions,
    reading: TableOptions,
    output: OutputOptions,
) -> Document:
    """Say which candidates to label, in which order; works without any label yet.

    winnow plan v --for measure --budget 200 --out to-label.csv
    """
    opened = api.table(table, **reading.to_keywords())
    print_lines(opened.columns.summary())
    keywords = {**pick_keywords(settings, "aim", "budget", "verdict", "lower_is_better", "seed")}
    planned = api.plan(opened, out, n=None if settings.n is None else _parse_sizes(settings.n), **keywords)
    print_lines(f"{planned['labels']:,} rows to label, of {planned['prompts']:,} prompts, in order: {out}")
    next_options = {"measure": "--labels-drawn by-verdict", "forecast": f"--score {opened.columns.score}"}
    next_command = f"  winnow {settings.aim} {table} {next_options[settings.aim]} --labels {out}"
    print_lines("fill in the column correct (1 or 0), then:", next_command)
    return planned


@command
def forecast(
    table: Annotated[str, TABLE_ARGUMENT],
    settings: ForecastOptions,
    saving: ForecastSavingOptions,
    reading: TableOptions,
    output: OutputOptions,
) -> Document:
    """Say which rule to select by: best-of-N, threshold and top-share curves, and the select line that does it.

    winnow forecast candidates.jsonl --score judge --labels labels.csv
    """
    opened = api.table(table, **reading.to_keywords(), **pick_keywords(settings, "labels", "label"))
    print_lines(opened.columns.summary())
    keywords = pick_keywords(settings, "right_if", "regime", "answer", "lower_is_better", "seed") | to_keywords(saving)
    result = api.forecast(opened, n=None if settings.n is None else _parse_sizes(settings.n), **keywords)
    print_lines(result.describe())
    return result.to_dict()


def _parse_sizes(text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise UsageError(
            "--n", f"{format_value(text)} is not a list of whole numbers from 1", "For example --n 1,2,4,8"
        )
    return [int(part) for part in parts]
