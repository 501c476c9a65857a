"""The options of measure: which verdicts are measured, how labels are read, and what is reported."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from winnow.errors import UsageError
from winnow.stages.config import LowerIsBetter, Names, Numbers, Seed, StageConfig, option
from winnow.stages.labels import LABELS, Answer, RightIf
from winnow.storage.locations.location import Location

if TYPE_CHECKING:
    from winnow.statistics.card_inputs import MeasureOptions

label_option = partial(option, panel=LABELS)
verifier_option = partial(option, panel="The verifier")


def _check_range(ends: tuple[float, ...] | None) -> tuple[float, ...] | None:
    if ends is not None and (len(ends) != 2 or not ends[0] < ends[1]):
        raise ValueError("two numbers, the lowest grade and the highest, for example 1,5")
    return ends


class MeasureConfig(StageConfig):
    """How a verifier is measured."""

    threshold: Annotated[
        float | None, verifier_option("Measure the score at this threshold.", metavar="T", allow_inf_nan=False)
    ] = None
    lower_is_better: LowerIsBetter = False
    by: Annotated[str | None, verifier_option("Also measure each value of this column.", metavar="COLUMN")] = None
    right_if: RightIf = None
    grade_range: Annotated[
        Numbers | None,
        AfterValidator(_check_range),
        label_option("Labels are grades between these ends, and stay grades.", metavar="LOW,HIGH", command_type=str),
    ] = None
    labels_drawn: Annotated[
        Literal["random", "by-verdict", "by-label"],
        label_option("How the labels were drawn: random, by-verdict or by-label.", metavar="DESIGN", command_type=str),
    ] = "random"
    labelers: Annotated[
        Names,
        label_option("Columns of several people's labels, whose majority counts.", metavar="A,B,C", command_type=str),
    ] = ()
    holdout: Annotated[
        float | None, label_option("Keep the labels of this share of prompts unseen.", metavar="SHARE", gt=0, lt=1)
    ] = None
    look: Annotated[bool, label_option("Show the unseen labels of the holdout instead, and count the look.")] = False
    labels_by: Annotated[
        str | None, label_option("The model that made the labels; cards then state agreement.", metavar="MODEL")
    ] = None
    classes: Annotated[
        Literal[2] | None,
        verifier_option("2 if labels are two classes, for which p* decides.", metavar="2", command_type=int),
    ] = None
    w: Annotated[
        float | None,
        verifier_option("The share of the commonest wrong answer, for p*_w.", metavar="SHARE", gt=0, le=1),
    ] = None
    answer: Answer = None
    cost: Annotated[
        Numbers,
        verifier_option("The cost of a call, for each verifier: 0.002,0.01.", metavar="C,C", command_type=str),
    ] = ()
    errors: Annotated[
        str | Location | None,
        verifier_option("Write false passes and false drops to this file.", metavar="FILE", command_type=str),
    ] = None
    seed: Seed = 0

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.labelers and (len(self.labelers) < 2 or len(set(self.labelers)) < len(self.labelers)):
            problem = f"'{','.join(self.labelers)}' does not name the columns of several people"
            raise UsageError("--labelers", problem, "Name two or more, each once: --labelers a,b,c")
        if self.look and self.holdout is None:
            raise UsageError("--look", "there is no holdout to look at", "Say which share is held out: --holdout 0.5")
        return self

    def label_options(self) -> MeasureOptions:
        """How the statistics read the labels."""
        from winnow.statistics.card_inputs import MeasureOptions, SamplingDesign

        design = SamplingDesign(self.labels_drawn)
        return MeasureOptions(design, self.classes, self.w, judge=self.labels_by, seed=self.seed)
