"""The options of plan: what the labels are for, and how many there should be."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from winnow.stages.config import Integers, LowerIsBetter, Seed, StageConfig, option


def _check_sizes(sizes: tuple[int, ...] | None) -> tuple[int, ...] | None:
    if sizes is not None and (not sizes or min(sizes) < 1):
        raise ValueError("whole numbers from 1, for example 1,2,4,8")
    return sizes


SampleSizes = Annotated[
    Integers | None,
    AfterValidator(_check_sizes),
    option("The sizes of best-of-N, for example 1,2,4,8; by default powers of two.", metavar="N,N", command_type=str),
]
"""The option `n` of plan and forecast."""


class PlanConfig(StageConfig):
    """Which rows to label."""

    aim: Annotated[
        Literal["measure", "forecast"],
        option("What the labels are for: measure or forecast.", flag="--for", metavar="AIM", command_type=str),
    ] = "measure"
    budget: Annotated[int, option("How many rows to label.", metavar="N", ge=1)] = 200
    n: SampleSizes = None
    lower_is_better: LowerIsBetter = False
    seed: Seed = 0
