"""The order in which to label rows for the card: random, spread over prompts, with known chances.

Kept and dropped rows are in the ratio that shrinks the interval of the uplift fastest, kept ones first up to each look.
Every row of a side has the same chance of being among its first n, for every n: rows are arranged in a circle in seeded
random order, prompt by prompt, and steps of the golden ratio walk around it from a seeded start. So labels need no
weights, and because the walk leaves no large gaps, a prompt's number of labels stays close to its share of the rows.
With equal prompts and labels for up to three in eight of them, no prompt gets a second label. A larger budget, or a
plan made again with the first labels, continues with the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.statistics.card_inputs import Integers
from winnow.statistics.plans.boundaries import choose_look_sizes
from winnow.statistics.plans.required_labels import (
    LookAllocation,
    SequentialDesign,
    SideTally,
    allocate_labels,
    share_kept,
    smallest_detectable_uplift,
)
from winnow.statistics.row_random import draw_number
from winnow.storage.canonical_json import to_plain

CIRCLE = 1 << 64
GOLDEN_STEP = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio


@dataclass(frozen=True, eq=False)
class DecidedRows:
    """Every decided row: its side, its draw number, and its prompt's code if there are prompts."""

    kept: npt.NDArray[np.bool_]
    draw_numbers: npt.NDArray[np.uint64]
    prompt: Integers | None = None


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


def make_labeling_plan(rows: DecidedRows, budget: int, earlier: SideTally | None = None, seed: int = 0) -> LabelingPlan:
    """Return which rows to label next, up to `budget` labels in all, those of an earlier plan included."""
    earlier = earlier or SideTally()
    sides = [np.flatnonzero(rows.kept), np.flatnonzero(~rows.kept)]
    sizes = (len(sides[0]), len(sides[1]))
    share = share_kept(*earlier.shares()) if earlier.kept and earlier.dropped else 0.5
    look_sizes = tuple(size for size in choose_look_sizes(budget) if size < budget)
    allocations = allocate_labels((*look_sizes, budget), share, sizes, (earlier.kept, earlier.dropped))
    side_counts = (allocations[-1].kept, allocations[-1].dropped) if allocations else (earlier.kept, earlier.dropped)
    walks = []
    for side, count in zip(sides, side_counts, strict=True):
        prompt = None if rows.prompt is None else rows.prompt[side]
        walks.append(side[walk_rows(prompt, rows.draw_numbers[side], count, seed)])
    order, is_kept = _interleave_sides(walks, allocations, earlier)
    chances = [count / max(size, 1) for count, size in zip(side_counts, sizes, strict=True)]
    codes = order if rows.prompt is None else rows.prompt[order]
    per_prompt = np.unique(codes, return_counts=True)[1]
    return LabelingPlan(
        order=order,
        stratum=np.where(is_kept, "kept", "dropped"),
        drawn=np.where(is_kept, chances[0], chances[1]),
        looks=tuple(allocations),
        share_kept=share,
        prompts=len(per_prompt),
        most_per_prompt=int(per_prompt.max(initial=0)),
        settles=smallest_detectable_uplift(sum(side_counts), share, SequentialDesign(sizes)) if all(sizes) else None,
    )


def _interleave_sides(
    walks: list[Integers], allocations: list[LookAllocation], earlier: SideTally
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


def draw_numbers(ids: list[str], seed: int) -> npt.NDArray[np.uint64]:
    """Return the draw number of each row: the same as `draw_sql(seed, "plan", column)` in DuckDB."""
    return np.array([draw_number(seed, "plan", row_id) for row_id in ids], dtype=np.uint64)


def walk_rows(prompt: Integers | None, row_numbers: npt.NDArray[np.uint64], count: int, seed: int) -> Integers:
    """Return the first `count` rows of a side, in the order to label; a longer walk begins with the same rows."""
    circle = _arrange_circle(prompt, row_numbers)
    size, point = len(circle), draw_number(seed, "plan", "where the walk starts")
    next_free: dict[int, int] = {}
    chosen = np.empty(min(count, size), dtype=np.int64)
    for step in range(len(chosen)):
        place = _find_free_place(next_free, point * size // CIRCLE, size)
        next_free[place] = (place + 1) % size
        chosen[step] = circle[place]
        point = (point + GOLDEN_STEP) % CIRCLE
    return chosen


def _arrange_circle(prompt: Integers | None, row_numbers: npt.NDArray[np.uint64]) -> Integers:
    """Return rows in random order, those of a prompt next to one another."""
    if prompt is None or not len(prompt):
        return np.argsort(row_numbers, kind="stable").astype(np.int64)
    by_prompt = np.lexsort((row_numbers, prompt))
    begins = np.flatnonzero(np.diff(prompt[by_prompt], prepend=prompt[by_prompt[0]] - 1))
    sizes = np.diff(begins, append=len(prompt))
    first_draw = np.repeat(row_numbers[by_prompt[begins]], sizes)
    return by_prompt[np.lexsort((row_numbers[by_prompt], prompt[by_prompt], first_draw))].astype(np.int64)


def _find_free_place(next_free: dict[int, int], place: int, size: int) -> int:
    """Return the first free position from here on, and shorten the path for the next search."""
    visited = []
    while place in next_free:
        visited.append(place)
        place = next_free[place]
    for taken in visited:
        next_free[taken] = place
    return place % size
