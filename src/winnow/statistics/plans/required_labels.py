"""How labels are divided among kept and dropped rows, and how many of each would settle the decision.

uplift = (1 - P)(a - b), with a and b the shares right among kept and dropped. P is known from all rows, so the interval
shrinks fastest if labels are in the ratio of the standard deviations sqrt(a(1-a)) : sqrt(b(1-b)) (Neyman 1934). Earlier
labels change the ratio at most to 45 : 55, because under the sequential boundaries the best ratio is close to one half.
The needed labels are a projection: if the shares right are as they look now, the named look settles the decision with a
chance of 80%. Differences that even the last look (10,000 labels) would not settle are called too small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from winnow.statistics.plans.boundaries import LEVEL, LOOK_SIZES, stopping_boundaries

POWER_ERRORS = 0.8416212335729143  # the normal quantile of a power of 80%
LEAST_SHARE = 0.45


@dataclass(frozen=True)
class LookAllocation:
    """The labels of each side at an interim look."""

    labels: int
    kept: int
    dropped: int


def share_kept(a: float, b: float) -> float:
    """Return the share of labels for kept rows, from the shares right of the two sides."""
    spread_a, spread_b = math.sqrt(max(a * (1 - a), 0.0)), math.sqrt(max(b * (1 - b), 0.0))
    if spread_a + spread_b == 0:
        return 0.5
    return min(max(spread_a / (spread_a + spread_b), LEAST_SHARE), 1 - LEAST_SHARE)


def shrink_share(right: int, labels: int) -> float:
    """Return a share right from few labels, shrunk toward one half."""
    return (right + 1) / (labels + 2)


def allocate_labels(
    sizes: tuple[int, ...], share: float, rows: tuple[int, int], already_labeled: tuple[int, int] = (0, 0)
) -> list[LookAllocation]:
    """Return the labels per side at each look after the current one; if a side runs out, the other gets its labels."""
    kept, dropped = already_labeled
    allocations = []
    for size in sizes:
        extra = min(size, sum(rows)) - kept - dropped
        if extra <= 0:
            continue
        target = math.floor(share * size + 0.5) - kept
        to_kept = min(max(target, extra - (rows[1] - dropped), 0), extra, rows[0] - kept)
        kept, dropped = kept + to_kept, dropped + extra - to_kept
        allocations.append(LookAllocation(kept + dropped, kept, dropped))
    return allocations


@dataclass(frozen=True)
class SequentialDesign:
    """The kept and dropped rows of the table, the number of classes, the level, and the sizes of the looks."""

    rows: tuple[int, int]
    classes: int | None = None
    level: float = LEVEL
    look_sizes: tuple[int, ...] = LOOK_SIZES

    def dropped_share(self) -> float:
        """Return 1 - P, the factor from a - b to the uplift; 0 without rows."""
        return self.rows[1] / sum(self.rows) if sum(self.rows) else 0.0


@dataclass(frozen=True)
class SideTally:
    """Right answers and labels of both sides, and the design effect of labels that share prompts."""

    right_kept: int = 0
    kept: int = 0
    right_dropped: int = 0
    dropped: int = 0
    design_effect: float = 1.0

    def shares(self) -> tuple[float, float]:
        """Return the shares right of the two sides, shrunk toward one half."""
        return shrink_share(self.right_kept, self.kept), shrink_share(self.right_dropped, self.dropped)


@dataclass(frozen=True)
class RequiredLabels:
    """The further labels needed; None where no number is enough (`too_small`: not even at the last look)."""

    labels: int | None
    more_kept: int | None
    more_dropped: int | None
    too_small: bool
    out_of_rows: bool
    smallest: float | None
    why: str


def project_required_labels(tally: SideTally, design: SequentialDesign, is_decided: bool = False) -> RequiredLabels:
    """Return the first look that would settle the decision at the current estimate, and the labels it needs."""
    share = share_kept(*tally.shares())
    smallest = smallest_detectable_uplift(design.look_sizes[-1], share, design, tally.shares())
    if is_decided:
        return RequiredLabels(tally.kept + tally.dropped, 0, 0, False, False, smallest, "the decision is settled")
    if not all(design.rows):
        why = f"every decided row is {'kept' if design.rows[1] == 0 else 'dropped'}, so there is nothing to compare"
        return RequiredLabels(None, None, None, False, True, None, why)
    if not tally.kept or not tally.dropped:
        why = "there is no estimate yet: label rows of both sides"
        return RequiredLabels(None, None, None, False, False, smallest, why)
    already_labeled = (tally.kept, tally.dropped)
    allocations = allocate_labels(design.look_sizes, share, design.rows, already_labeled)
    bounds = dict(zip(design.look_sizes, stopping_boundaries(design.look_sizes, design.level), strict=True))
    for stop in allocations:
        bound = bounds[min(size for size in design.look_sizes if size >= stop.labels)]
        if _is_settled(stop, tally, design, bound + POWER_ERRORS):
            more = (stop.kept - already_labeled[0], stop.dropped - already_labeled[1])
            why = (
                f"{more[0]:,} more labels of kept rows and {more[1]:,} of dropped rows would settle it at this estimate"
            )
            return RequiredLabels(stop.labels, *more, False, False, smallest, why)
    if sum(design.rows) < design.look_sizes[-1]:
        why = f"the {sum(design.rows):,} decided rows are too few to settle it at this estimate"
        return RequiredLabels(None, None, None, False, True, smallest, why)
    why = f"the difference is too small to settle with {design.look_sizes[-1]:,} labels"
    return RequiredLabels(None, None, None, True, False, smallest, why)


def smallest_detectable_uplift(
    labels: int, share: float, design: SequentialDesign, shares: tuple[float, float] = (0.5, 0.5)
) -> float | None:
    """Return the smallest uplift that these labels settle with a chance of 80%; None before the first look.

    `share` is the share of labels for kept rows, `shares` are the shares right of the two sides.
    """
    reached = [size for size in design.look_sizes if size <= labels]
    allocations = allocate_labels(tuple(reached[-1:]), share, design.rows)
    if not allocations or not allocations[0].kept or not allocations[0].dropped:
        return None
    bound = stopping_boundaries(design.look_sizes, design.level)[len(reached) - 1]
    return (bound + POWER_ERRORS) * _standard_error(allocations[0], shares, 1.0) * design.dropped_share()


def _standard_error(stop: LookAllocation, shares: tuple[float, float], design_effect: float) -> float:
    """Return the standard error of a - b."""
    a, b = shares
    return math.sqrt(design_effect * (a * (1 - a) / stop.kept + b * (1 - b) / stop.dropped))


def _is_settled(stop: LookAllocation, tally: SideTally, design: SequentialDesign, errors: float) -> bool:
    """Return whether a look with these labels would settle the decision."""
    if not stop.kept or not stop.dropped:
        return False
    a, b = tally.shares()
    is_far_from_zero = abs(a - b) >= errors * _standard_error(stop, (a, b), tally.design_effect)
    if design.classes != 2:
        return is_far_from_zero
    is_far_from_half = abs(a - 0.5) >= errors * math.sqrt(tally.design_effect * 0.25 / stop.kept)
    return (
        (is_far_from_zero and is_far_from_half and a > max(b, 0.5))
        or (is_far_from_zero and a < b)
        or (is_far_from_half and a < 0.5)
    )
