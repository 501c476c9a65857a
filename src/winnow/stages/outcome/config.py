"""The options of outcome: what training gave."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from winnow.stages.config import StageConfig, option
from winnow.stages.forecast.config import PilotFile


def _check_share(share: float | None) -> float | None:
    if share is not None and not 0 <= share <= 1:
        hint = f"; for {share:g}% write {share / 100:g}" if 1 < share <= 100 else ""
        raise ValueError(f"a share from 0 to 1{hint}")
    return share


class OutcomeConfig(StageConfig):
    """What the student of a training file scored."""

    score: Annotated[
        float,
        AfterValidator(_check_share),
        option("The share of held-out prompts that the student answers right, from 0 to 1.", metavar="S"),
    ]
    n: Annotated[int, option("The number of held-out prompts it was measured on.", metavar="K", ge=1)]
    file: Annotated[
        PilotFile,
        option("What it was trained on: recommended, runner-up or control.", metavar="FILE", command_type=str),
    ] = "recommended"
    baseline: Annotated[
        float | None,
        AfterValidator(_check_share),
        option("The share right on the same prompts before training.", metavar="B"),
    ] = None
    note: Annotated[str | None, option("A note to remember it by.", metavar="TEXT")] = None
