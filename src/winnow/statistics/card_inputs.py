"""Inputs of the card: verdict counts of a whole table, labeled rows as arrays, and how the labels were drawn.

Rows are identified by position, prompts by an integer code. The module also decides which labels a holdout sets aside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from winnow.errors import UsageError
from winnow.statistics.row_random import draw_number

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


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
        if self.weight is not None:
            check_values("weight", self.weight, np.nextafter(0.0, 1.0), np.finfo(np.float64).max)

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


DEFAULT_OPTIONS = MeasureOptions()


def check_values(name: str, values: Floats, low: float, high: float) -> None:
    """Raise UsageError for the first value that is not a number from low to high."""
    invalid = np.flatnonzero(~((values >= low) & (values <= high)))
    if len(invalid):
        problem = f"row {invalid[0]} is {values[invalid[0]]}, but must lie between {low:g} and {high:g}"
        raise UsageError(name, problem, "Leave out rows without a label, and scale grades to their range")


def is_held_out(row_id: str, share: float = 0.5, seed: int = 0) -> bool:
    """Return whether a holdout sets this row's label aside; depends only on the row id, the share and the seed."""
    return draw_number(seed, "holdout", row_id) < share * 2.0**64
