"""What the statistics are told: counts of a whole table, labeled rows as arrays, and how the labels were drawn.

Promises: whatever passes the checks here has a defined answer everywhere in this room, and what does not pass is
refused with the argument, its value and the rule. Rows are told apart by position, prompts by an integer code of any
value. Also says which half of the labels a holdout keeps back.
It counts nothing itself and draws nothing.
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
    """How the labeled rows were chosen from the table."""

    RANDOM = "random"
    BY_VERDICT = "by-verdict"
    BY_LABEL = "by-label"


@dataclass(frozen=True)
class VerdictCounts:
    """One verifier's verdicts over all rows of a table.

    `prompts` is the number of prompts with a decided row and `spread` the sum over them of (kept_j - P n_j)^2; without
    both the rows count as independent. `with_kept` says how many prompts have 0, 1, 2 ... kept rows.
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
            problem = f"counts other rows than the {self.kept} kept ones"
            raise UsageError("with_kept", problem, "Count the table again")

    @property
    def decided(self) -> int:
        """Rows with a verdict."""
        return self.kept + self.dropped

    @property
    def n(self) -> int:
        """All rows."""
        return self.decided + self.abstain + self.error

    @property
    def keep_rate(self) -> float | None:
        """P, the share kept of the decided rows."""
        return self.kept / self.decided if self.decided else None


@dataclass(frozen=True, eq=False)
class LabeledRows:
    """Rows that have a label and a verdict.

    `right` is true or false, or a grade from 0 to 1. `weight` is 1/drawn where rows had unequal chances; only its
    ratios within a side matter. `prompt_kept` and `prompt_decided` count, for each row, the kept and the decided rows
    its prompt has in the whole table: with them the keep rate and the labels know that they share prompts.
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
            raise UsageError("prompt_kept", "comes without prompt_decided or the other way round", "Pass both or none")

    def __len__(self) -> int:
        return len(self.kept)

    def take(self, rows: Booleans | Integers) -> LabeledRows:
        """Some of the rows."""
        arrays = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return replace(self, **{name: values[rows] for name, values in arrays.items() if values is not None})


@dataclass(frozen=True)
class MeasureOptions:
    """How to read the labels: how they were drawn, the classes, who labeled, and the level of the intervals.

    `w` is the share of the commonest wrong answer among the wrong; `judge` names the model that made the labels.
    """

    labels_drawn: SamplingDesign = SamplingDesign.RANDOM
    classes: int | None = None
    w: float | None = None
    judge: str | None = None
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if self.labels_drawn not in tuple(SamplingDesign):
            raise UsageError(
                "drawn", f"is {format_value(self.labels_drawn)}", f"Use one of: {', '.join(SamplingDesign)}"
            )
        object.__setattr__(self, "drawn", SamplingDesign(self.labels_drawn))
        if self.classes not in (None, 2):
            raise UsageError(
                "classes", f"is {format_value(self.classes)}, but only 2 has a rule", "Pass 2 or leave it out"
            )
        if self.w is not None and not 0 < self.w <= 1:
            raise UsageError(
                "w", f"is {format_value(self.w)}, but a share lies above 0 and at most at 1", "Pass such a share"
            )
        if not 0.5 <= self.level < 1:
            raise UsageError("level", f"is {format_value(self.level)}, but must lie between 0.5 and 1", "Pass 0.95")


def check_values(name: str, values: Floats, low: float, high: float) -> None:
    """Refuse the first value that is not a number from low to high."""
    invalid = np.flatnonzero(~((values >= low) & (values <= high)))
    if len(invalid):
        problem = f"row {invalid[0]} is {values[invalid[0]]}, but must lie between {low:g} and {high:g}"
        raise UsageError(name, problem, "Leave rows without a label out, and scale grades to their range")


def is_held_out(row_id: str, share: float = 0.5, seed: int = 0) -> bool:
    """Whether a holdout keeps this row's label back: the same rows at every look, whatever else is in the table."""
    if not 0 <= share < 1:
        raise UsageError("holdout", f"is {format_value(share)}, but must lie between 0 and 1", "Pass 0.5")
    return draw_number(seed, HOLDOUT_PURPOSE, row_id) < share * 2.0**64
