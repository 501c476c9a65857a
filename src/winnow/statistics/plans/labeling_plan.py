"""The order in which to label for the card, before any label is there.

Promises: kept and dropped rows in the ratio that shrinks the uplift's interval fastest, kept ones first up to each
look; rows of a side random, spread over prompts and of equal, known chance; a larger budget, or a plan made again
with the first labels in hand, goes on with the same rows. It reads every decided row's side and prompt, and no text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.errors import UsageError
from winnow.statistics.plans.allocation import LookAllocation, allocate_labels, share_kept, shrink_share
from winnow.statistics.plans.boundaries import choose_look_sizes
from winnow.statistics.plans.label_order import Indices, walk_rows
from winnow.statistics.plans.required_labels import smallest_detectable_uplift

BUDGET = 200


@dataclass(frozen=True, eq=False)
class DecidedRows:
    """Every decided row: its side, its number from `order.numbers`, and its prompt's code if there are prompts."""

    kept: npt.NDArray[np.bool_]
    draw_numbers: npt.NDArray[np.uint64]
    prompt: Indices | None = None


@dataclass(frozen=True)
class EarlierLabels:
    """Labels already there that followed an earlier plan of the same rows and seed."""

    kept: int = 0
    kept_right: int = 0
    dropped: int = 0
    dropped_right: int = 0


@dataclass(frozen=True, eq=False)
class LabelingPlan:
    """Rows to label, by their index, in order; `drawn` is a row's chance of being within the budget."""

    order: Indices
    stratum: npt.NDArray[np.str_]
    drawn: npt.NDArray[np.float64]
    looks: tuple[LookAllocation, ...]
    share_kept: float
    prompts: int
    most_per_prompt: int
    settles: float | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able numbers; the rows themselves stand in order, stratum and drawn."""
        return {
            "labels": len(self.order),
            "share_kept": self.share_kept,
            "prompts": self.prompts,
            "most_per_prompt": self.most_per_prompt,
            "settles": self.settles,
            "looks": [stop.to_dict() for stop in self.looks],
        }


def make_labeling_plan(
    rows: DecidedRows,
    budget: int = BUDGET,
    earlier_labels: EarlierLabels | None = None,
    guess: tuple[float, float] = (0.5, 0.5),
    seed: int = 0,
) -> LabelingPlan:
    """Which rows to label next, up to `budget` labels in all; `guess` stands for a and b while nothing is labeled."""
    if budget < 1:
        raise UsageError("--budget", f"{budget} labels is less than one", "State at least 1")
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
    return share_kept(
        shrink_share(earlier.kept_right, earlier.kept), shrink_share(earlier.dropped_right, earlier.dropped)
    )


def _walk_side(rows: DecidedRows, side: Indices, count: int, seed: int) -> Indices:
    prompt = None if rows.prompt is None else rows.prompt[side]
    return side[walk_rows(prompt, rows.draw_numbers[side], count, seed)]


def _interleave_sides(
    walks: list[Indices], allocations: list[LookAllocation], earlier: EarlierLabels
) -> tuple[Indices, npt.NDArray[np.bool_]]:
    """Block by block up to each look: the kept rows, then the dropped ones."""
    labels_before = (earlier.kept, earlier.dropped)
    blocks, is_kept = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.bool_)]
    for stop in allocations:
        for side, until in enumerate((stop.kept, stop.dropped)):
            block = walks[side][labels_before[side] : until]
            blocks.append(block)
            is_kept.append(np.full(len(block), side == 0))
        labels_before = (stop.kept, stop.dropped)
    return np.concatenate(blocks), np.concatenate(is_kept)


def _labels_per_prompt(rows: DecidedRows, order: Indices) -> Indices:
    if rows.prompt is None:
        return np.ones(len(order), dtype=np.int64)
    return np.unique(rows.prompt[order], return_counts=True)[1].astype(np.int64)
