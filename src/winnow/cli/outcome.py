"""The command outcome: what training gave, recorded beside the forecast that was made before it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from winnow import api
from winnow.cli.console import print_lines
from winnow.cli.label_options import to_keywords
from winnow.cli.options import Document, OutputOptions, command, option

FORECAST_ARGUMENT = typer.Argument(metavar="FORECAST", help="a pilot's folder, or the file of winnow forecast --out")


@dataclass(frozen=True)
class OutcomeOptions:
    """What the student of which file scored."""

    score: Annotated[float, option("--score", "the student's share right, from 0 to 1", None, "S")]
    n: Annotated[int, option("--n", "the number of held-out prompts it was measured on", None, "K")]
    file: Annotated[
        str, option("--file", "what it was trained on: recommended (default), runner-up or control", None, "FILE")
    ] = "recommended"
    baseline: Annotated[
        float | None, option("--baseline", "the share right on the same prompts before training", None, "B")
    ] = None
    note: Annotated[str | None, option("--note", "a word of your own to remember it by", None, "TEXT")] = None


@command
def outcome(forecast: Annotated[Path, FORECAST_ARGUMENT], options: OutcomeOptions, output: OutputOptions) -> Document:
    """Record what training gave, and lay it beside what the forecast said; later forecasts show the record.

    winnow outcome pilot --file control --score 0.64 --n 500
    """
    result = api.outcome(forecast, **to_keywords(options))
    print_lines(result.describe(), f"in {result.forecast.outcomes_path()}")
    return result.to_dict()
