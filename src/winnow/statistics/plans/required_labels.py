"""How many labels, of which side, would settle it; and when no affordable number would.

A projection: if the shares right are what they look like now, the named look settles it with a chance of 80%. Few
labels make the projection itself uncertain; after each look it is worth asking again. Differences that even the last
look (10,000 labels) would not settle are called too small: whether one keeps or drops such rows hardly matters.

It decides nothing: that is look.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from winnow.statistics.plans.allocation import LookAllocation, allocate_labels, share_kept, shrink_share
from winnow.statistics.plans.boundaries import LEVEL, LOOK_SIZES, stopping_boundaries

POWER = 0.8
POWER_ERRORS = 0.8416212335729143  # standard errors that a settled look has to spare with that chance


@dataclass(frozen=True)
class SequentialDesign:
    """What is to be settled: the table's kept and dropped rows, the number of classes, and when one looks."""

    rows: tuple[int, int]
    classes: int | None = None
    level: float = LEVEL
    look_sizes: tuple[int, ...] = LOOK_SIZES

    def dropped_share(self) -> float:
        """1 - P; what a - b is worth in uplift. 0 for no rows."""
        return self.rows[1] / sum(self.rows) if sum(self.rows) else 0.0


@dataclass(frozen=True)
class SideTally:
    """Labels so far: right answers and labels of both sides, and what labels of one prompt do to a variance."""

    right_kept: int
    kept: int
    right_dropped: int
    dropped: int
    design_effect: float = 1.0

    def shares(self) -> tuple[float, float]:
        """Shares right of the two sides, drawn a little towards one half."""
        return shrink_share(self.right_kept, self.kept), shrink_share(self.right_dropped, self.dropped)


@dataclass(frozen=True)
class RequiredLabels:
    """The labels still to add; None where no number settles it. `too_small`: not even the last look would."""

    labels: int | None
    more_kept: int | None
    more_dropped: int | None
    too_small: bool
    out_of_rows: bool
    smallest: float | None
    why: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able numbers."""
        return dict(vars(self))


def project_required_labels(tally: SideTally, design: SequentialDesign) -> RequiredLabels:
    """The first look that would settle it at the present estimate, and the labels it takes."""
    smallest = _smallest_uplift_at_last_look(tally, design)
    if not all(design.rows):
        side = "kept" if design.rows[1] == 0 else "dropped"
        return RequiredLabels(
            None, None, None, False, True, None, f"every decided row was {side}: there is nothing to compare"
        )
    if not tally.kept or not tally.dropped:
        return RequiredLabels(
            None, None, None, False, False, smallest, "there is no estimate yet: label rows of both sides"
        )
    already_labeled = (tally.kept, tally.dropped)
    allocations = allocate_labels(design.look_sizes, share_kept(*tally.shares()), design.rows, already_labeled)
    bounds = dict(zip(design.look_sizes, stopping_boundaries(design.look_sizes, design.level), strict=True))
    for stop in allocations:
        bound = bounds[min(size for size in design.look_sizes if size >= stop.labels)]
        if _is_settled(stop, tally, design, bound + POWER_ERRORS):
            more = (stop.kept - already_labeled[0], stop.dropped - already_labeled[1])
            why = f"{more[0]} more labels of kept rows and {more[1]} of dropped ones would settle it at this estimate"
            return RequiredLabels(stop.labels, *more, False, False, smallest, why)
    if sum(design.rows) < design.look_sizes[-1]:
        why = f"the {sum(design.rows):,} decided rows are too few to settle it at this estimate"
        return RequiredLabels(None, None, None, False, True, smallest, why)
    why = f"the difference is too small to settle with {design.look_sizes[-1]:,} labels"
    return RequiredLabels(None, None, None, True, False, smallest, why)


def no_more_labels(tally: SideTally, design: SequentialDesign) -> RequiredLabels:
    """Nothing more to label."""
    return RequiredLabels(
        tally.kept + tally.dropped, 0, 0, False, False, _smallest_uplift_at_last_look(tally, design), "settled"
    )


def _smallest_uplift_at_last_look(tally: SideTally, design: SequentialDesign) -> float | None:
    share = share_kept(*tally.shares())
    return smallest_detectable_uplift(design.look_sizes[-1], share, design.rows, tally.shares(), design)


def smallest_detectable_uplift(
    labels: int,
    share: float,
    rows: tuple[int, int],
    shares: tuple[float, float] = (0.5, 0.5),
    design: SequentialDesign | None = None,
) -> float | None:
    """The smallest uplift that this many labels settle with a chance of 80%; None before the first look."""
    sequential_design = design or SequentialDesign(rows)
    reached = [size for size in sequential_design.look_sizes if size <= labels]
    allocations = allocate_labels(tuple(reached[-1:]), share, rows)
    if not allocations or not allocations[0].kept or not allocations[0].dropped:
        return None
    bound = stopping_boundaries(sequential_design.look_sizes, sequential_design.level)[len(reached) - 1]
    return (
        (bound + POWER_ERRORS) * _standard_error(allocations[0], shares, 1.0) * SequentialDesign(rows).dropped_share()
    )


def _standard_error(stop: LookAllocation, shares: tuple[float, float], design_effect: float) -> float:
    """The standard error of a - b."""
    a, b = shares
    return math.sqrt(design_effect * (a * (1 - a) / stop.kept + b * (1 - b) / stop.dropped))


def _is_settled(stop: LookAllocation, tally: SideTally, design: SequentialDesign, errors: float) -> bool:
    """Whether the labels of a look would do, as look.py decides."""
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
