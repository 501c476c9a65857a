"""The order in which to label rows for the card.

Kept and dropped rows are in the ratio that shrinks the interval of the uplift fastest, kept ones first up to each look.
The rows of a side are random, spread over prompts and have the same known chance. A larger budget, or a plan made again
with the first labels, continues with the same rows. Texts are not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.errors import UsageError
from winnow.statistics.card_inputs import Integers
from winnow.statistics.plans.allocation import (
    LookAllocation,
    allocate_labels,
    share_kept,
    shrink_share,
)
from winnow.statistics.plans.boundaries import choose_look_sizes
from winnow.statistics.plans.label_order import walk_rows
from winnow.statistics.plans.required_labels import smallest_detectable_uplift
from winnow.storage.canonical_json import to_plain

BUDGET = 200


@dataclass(frozen=True, eq=False)
class DecidedRows:
    """Every decided row: its side, its draw number (label_order.py), and its prompt's code if there are prompts."""

    kept: npt.NDArray[np.bool_]
    draw_numbers: npt.NDArray[np.uint64]
    prompt: Integers | None = None


@dataclass(frozen=True)
class EarlierLabels:
    """Labels made by an earlier plan of the same rows and seed."""

    kept: int = 0
    kept_right: int = 0
    dropped: int = 0
    dropped_right: int = 0


@dataclass(frozen=True, eq=False)
class LabelingPlan:
    """Rows to label, by index, in order; `drawn` is a row's chance of being within the budget."""

    order: Integers
    stratum: npt.NDArray[np.str_]
    drawn: npt.NDArray[np.float64]
    looks: tuple[LookAllocation, ...]
    share_kept: float
    prompts: int
    most_per_prompt: int
    settles: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers of the plan, without the rows."""
        names = ("share_kept", "prompts", "most_per_prompt", "settles", "looks")
        return {"labels": len(self.order), **{name: to_plain(getattr(self, name)) for name in names}}


def make_labeling_plan(
    rows: DecidedRows,
    budget: int = BUDGET,
    earlier_labels: EarlierLabels | None = None,
    guess: tuple[float, float] = (0.5, 0.5),
    seed: int = 0,
) -> LabelingPlan:
    """Return which rows to label next, up to `budget` labels in all.

    Args:
        rows: Every decided row of the table.
        budget: Labels in all, earlier ones included.
        earlier_labels: Labels made by an earlier plan.
        guess: Shares right among kept and dropped rows, used while a side has no label.
        seed: Seed of the order.
    """
    if budget < 1:
        raise UsageError("--budget", f"{budget} is less than 1", "Pass at least 1, for example 200")
    earlier = earlier_labels or EarlierLabels()
    sides = [np.flatnonzero(rows.kept), np.flatnonzero(~rows.kept)]
    sizes = (len(sides[0]), len(sides[1]))
    share = _share_of_kept(earlier, guess)
    look_sizes = tuple(size for size in choose_look_sizes(budget) if size < budget)
    allocations = allocate_labels((*look_sizes, budget), share, sizes, (earlier.kept, earlier.dropped))
    side_counts = (allocations[-1].kept, allocations[-1].dropped) if allocations else (earlier.kept, earlier.dropped)
    walks = [_walk_side(rows, side, count, seed) for side, count in zip(sides, side_counts, strict=True)]
    order, is_kept = _interleave_sides(walks, allocations, earlier)
    chances = [count / max(size, 1) for count, size in zip(side_counts, sizes, strict=True)]
    per_prompt = _labels_per_prompt(rows, order)
    return LabelingPlan(
        order=order,
        stratum=np.where(is_kept, "kept", "dropped"),
        drawn=np.where(is_kept, chances[0], chances[1]),
        looks=tuple(allocations),
        share_kept=share,
        prompts=len(per_prompt),
        most_per_prompt=int(per_prompt.max(initial=0)),
        settles=smallest_detectable_uplift(sum(side_counts), share, sizes) if all(sizes) else None,
    )


def _share_of_kept(earlier: EarlierLabels, guess: tuple[float, float]) -> float:
    if not earlier.kept or not earlier.dropped:
        return share_kept(*guess)
    a, b = shrink_share(earlier.kept_right, earlier.kept), shrink_share(earlier.dropped_right, earlier.dropped)
    return share_kept(a, b)


def _walk_side(rows: DecidedRows, side: Integers, count: int, seed: int) -> Integers:
    prompt = None if rows.prompt is None else rows.prompt[side]
    return side[walk_rows(prompt, rows.draw_numbers[side], count, seed)]


def _interleave_sides(
    walks: list[Integers], allocations: list[LookAllocation], earlier: EarlierLabels
) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """Return the rows block by block up to each look, kept rows before dropped ones."""
    labels_before = (earlier.kept, earlier.dropped)
    blocks, is_kept = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.bool_)]
    for stop in allocations:
        for side, until in enumerate((stop.kept, stop.dropped)):
            block = walks[side][labels_before[side] : until]
            blocks.append(block)
            is_kept.append(np.full(len(block), side == 0))
        labels_before = (stop.kept, stop.dropped)
    return np.concatenate(blocks), np.concatenate(is_kept)


def _labels_per_prompt(rows: DecidedRows, order: Integers) -> Integers:
    if rows.prompt is None:
        return np.ones(len(order), dtype=np.int64)
    return np.unique(rows.prompt[order], return_counts=True)[1].astype(np.int64)
