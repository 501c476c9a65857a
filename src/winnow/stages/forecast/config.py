"""The options of forecast: what is forecast, and where the forecast is kept."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal, Self

from pydantic import model_validator

from winnow.errors import UsageError
from winnow.stages.config import LowerIsBetter, Seed, StageConfig, option
from winnow.stages.labels import Answer, RightIf
from winnow.stages.plan.config import SampleSizes
from winnow.storage.locations.location import Location

path_option = partial(option, panel="To compare with the outcome of training", command_type=str)
PATHS = ("pilot", "out", "record")
"""The options on which the forecast itself does not depend."""

PilotFile = Literal["recommended", "runner-up", "control"]
"""The training files of a pilot."""


class ForecastConfig(StageConfig):
    """What is forecast from a score and labels."""

    n: SampleSizes = None
    regime: Annotated[
        Literal["self", "teacher", "pretrain"],
        option(
            "Who is trained on the selection: self, teacher (a smaller model) or pretrain.",
            metavar="REGIME",
            command_type=str,
        ),
    ] = "self"
    right_if: RightIf = None
    answer: Answer = None
    lower_is_better: LowerIsBetter = False
    seed: Seed = 0
    pilot: Annotated[
        str | Location | None,
        path_option("Write training files of equal size for a pilot to this folder.", metavar="DIR"),
    ] = None
    out: Annotated[
        str | Location | None,
        path_option("Write the forecast alone to this file, for winnow outcome.", metavar="FILE.json"),
    ] = None
    record: Annotated[
        str | Location | None,
        path_option(
            "Where earlier pilots are: a folder or a pattern; by default beside the pilot or the file.",
            metavar="DIR|GLOB",
        ),
    ] = None

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.pilot is not None and self.out is not None:
            problem = "--out and --pilot both keep the forecast"
            raise UsageError("--out", problem, "Give one of them: a pilot holds its forecast as forecast.json")
        return self
