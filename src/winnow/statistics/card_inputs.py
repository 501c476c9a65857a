"""Inputs of the card: verdict counts of a whole table, labeled rows as arrays, and how the labels were drawn.

Invalid input is refused here with the argument, its value and the rule. Rows are identified by position, prompts by an
integer code. The module also decides which labels a holdout sets aside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from winnow.errors import UsageError, format_value
from winnow.statistics.row_random import draw_number

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

HOLDOUT_PURPOSE = "holdout"


class SamplingDesign(StrEnum):
    """How the labeled rows were drawn from the table."""

    RANDOM = "random"
    BY_VERDICT = "by-verdict"
    BY_LABEL = "by-label"


@dataclass(frozen=True)
class VerdictCounts:
    """The verdicts of one verifier over all rows of a table.

    `prompts` is the number of prompts with a decided row and `spread` the sum over them of (kept_j - P n_j)^2; without
    both, rows count as independent. `with_kept` maps a number of kept rows to the number of prompts that have it.
    """

    kept: int
    dropped: int
    abstain: int = 0
    error: int = 0
    prompts: int | None = None
    spread: float | None = None
    with_kept: Mapping[int, int] | None = None

    def __post_init__(self) -> None:
        for name in ("kept", "dropped", "abstain", "error", "prompts", "spread"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value >= 0):
                raise UsageError(name, f"is {format_value(value)}, but a count is 0 or more", "Count the table again")
        with_kept = self.with_kept or {}
        if with_kept and sum(number * prompts for number, prompts in with_kept.items()) != self.kept:
            problem = f"does not add up to the {self.kept} kept rows"
            raise UsageError("with_kept", problem, "Count the table again")

    @property
    def decided(self) -> int:
        """Rows with the verdict pass or fail."""
        return self.kept + self.dropped

    @property
    def n(self) -> int:
        """The number of all rows."""
        return self.decided + self.abstain + self.error

    @property
    def keep_rate(self) -> float | None:
        """The share kept of the decided rows; None if there is none."""
        return self.kept / self.decided if self.decided else None


@dataclass(frozen=True, eq=False)
class LabeledRows:
    """Rows that have a label and a verdict.

    `right` is 0 or 1, or a grade from 0 to 1. `weight` is 1 / (chance of being drawn); only ratios within a side
    matter. `prompt_kept` and `prompt_decided` are, for each row, the kept and the decided rows of its prompt in the
    whole table; they tie the keep rate to the labels of the same prompts.
    """

    kept: Booleans
    right: Floats
    prompt: Integers
    weight: Floats | None = None
    prompt_kept: Floats | None = None
    prompt_decided: Floats | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kept", np.asarray(self.kept, dtype=np.bool_))
        object.__setattr__(self, "prompt", np.asarray(self.prompt, dtype=np.int64))
        for name in ("right", "weight", "prompt_kept", "prompt_decided"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))
        for name in ("right", "prompt", "weight", "prompt_kept", "prompt_decided"):
            values = getattr(self, name)
            if values is not None and values.shape != (len(self.kept),):
                problem = f"has the shape {values.shape}, but there are {len(self.kept)} labeled rows"
                raise UsageError(name, problem, "Pass one value per labeled row")
        check_values("right", self.right, 0.0, 1.0)
        if self.weight is not None:
            check_values("weight", self.weight, np.nextafter(0.0, 1.0), np.finfo(np.float64).max)
        if (self.prompt_kept is None) != (self.prompt_decided is None):
            raise UsageError(
                "prompt_kept", "is passed without prompt_decided, or the other way round", "Pass both or neither"
            )

    def __len__(self) -> int:
        return len(self.kept)

    def take(self, rows: Booleans | Integers) -> LabeledRows:
        """Return some of the rows."""
        arrays = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return replace(self, **{name: values[rows] for name, values in arrays.items() if values is not None})


@dataclass(frozen=True)
class MeasureOptions:
    """How labels were drawn, the number of classes, who labeled, and the level of the intervals.

    `w` is the share of the commonest wrong answer among the wrong ones; `judge` names the model that made the labels.
    """

    labels_drawn: SamplingDesign = SamplingDesign.RANDOM
    classes: int | None = None
    w: float | None = None
    judge: str | None = None
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if self.labels_drawn not in tuple(SamplingDesign):
            problem = f"is {format_value(self.labels_drawn)}"
            raise UsageError("labels_drawn", problem, f"Use one of: {', '.join(SamplingDesign)}")
        object.__setattr__(self, "labels_drawn", SamplingDesign(self.labels_drawn))
        if self.classes not in (None, 2):
            problem = f"is {format_value(self.classes)}, but only 2 has a decision rule of its own"
            raise UsageError("classes", problem, "Pass 2 or leave it out")
        if self.w is not None and not 0 < self.w <= 1:
            problem = f"is {format_value(self.w)}, but a share must be above 0 and at most 1"
            raise UsageError("w", problem, "Pass a share such as 0.4")
        if not 0.5 <= self.level < 1:
            raise UsageError("level", f"is {format_value(self.level)}, but must lie between 0.5 and 1", "Pass 0.95")


DEFAULT_OPTIONS = MeasureOptions()


def check_values(name: str, values: Floats, low: float, high: float) -> None:
    """Raise UsageError for the first value that is not a number from low to high."""
    invalid = np.flatnonzero(~((values >= low) & (values <= high)))
    if len(invalid):
        problem = f"row {invalid[0]} is {values[invalid[0]]}, but must lie between {low:g} and {high:g}"
        raise UsageError(name, problem, "Leave out rows without a label, and scale grades to their range")


def is_held_out(row_id: str, share: float = 0.5, seed: int = 0) -> bool:
    """Return whether a holdout sets this row's label aside; depends only on the row id, the share and the seed."""
    if not 0 <= share < 1:
        raise UsageError("holdout", f"is {format_value(share)}, but must lie between 0 and 1", "Pass 0.5")
    return draw_number(seed, HOLDOUT_PURPOSE, row_id) < share * 2.0**64
