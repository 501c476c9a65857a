"""The command outcome: what training gave, recorded beside its forecast."""

from __future__ import annotations

from typing import Annotated

import typer

from winnow.cli.console import print_lines
from winnow.cli.options import Document, OutputOptions, command
from winnow.stages.outcome.config import OutcomeConfig

ForecastArgument = Annotated[
    str, typer.Argument(metavar="FORECAST", help="the folder of a pilot, or the file of winnow forecast --out")
]


@command
def outcome(forecast: ForecastArgument, config: OutcomeConfig, output: OutputOptions) -> Document:
    """Record what training gave, and compare it with the forecast; later forecasts show the record.

    winnow outcome pilot --file control --score 0.64 --n 500
    """
    from winnow.stages.outcome.stage import record_outcome

    result = record_outcome(forecast, config)
    print_lines(result.describe())
    return result.to_dict()
