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

from winnow.stats.plans.allocation import Stop, guessed, share_kept, stops
from winnow.stats.plans.boundaries import LEVEL, LOOKS, boundaries

CHANCE = 0.8
CHANCE_ERRORS = 0.8416212335729143  # standard errors that a settled look has to spare with that chance


@dataclass(frozen=True)
class Rule:
    """What is to be settled: the table's kept and dropped rows, the number of classes, and when one looks."""

    rows: tuple[int, int]
    classes: int | None = None
    level: float = LEVEL
    looks: tuple[int, ...] = LOOKS

    def dropped_share(self) -> float:
        """1 - P; what a - b is worth in uplift. 0 for no rows."""
        return self.rows[1] / sum(self.rows) if sum(self.rows) else 0.0


@dataclass(frozen=True)
class Tallied:
    """Labels so far: right answers and labels of both sides, and what labels of one prompt do to a variance."""

    right_kept: int
    kept: int
    right_dropped: int
    dropped: int
    design_effect: float = 1.0

    def shares(self) -> tuple[float, float]:
        """Shares right of the two sides, drawn a little towards one half."""
        return guessed(self.right_kept, self.kept), guessed(self.right_dropped, self.dropped)


@dataclass(frozen=True)
class Enough:
    """The labels still to add; None where no number settles it. `too_small`: not even the last look would."""

    labels: int | None
    more_kept: int | None
    more_dropped: int | None
    too_small: bool
    out_of_rows: bool
    smallest: float | None
    why: str

    def plain(self) -> dict[str, Any]:
        """As JSON-able numbers."""
        return dict(vars(self))


def enough(tally: Tallied, rule: Rule) -> Enough:
    """The first look that would settle it at the present estimate, and the labels it takes."""
    smallest = _smallest(tally, rule)
    if not all(rule.rows):
        side = "kept" if rule.rows[1] == 0 else "dropped"
        return Enough(None, None, None, False, True, None, f"every decided row was {side}: there is nothing to compare")
    if not tally.kept or not tally.dropped:
        return Enough(None, None, None, False, False, smallest, "there is no estimate yet: label rows of both sides")
    done = (tally.kept, tally.dropped)
    at = stops(rule.looks, share_kept(*tally.shares()), rule.rows, done)
    bounds = dict(zip(rule.looks, boundaries(rule.looks, rule.level), strict=True))
    for stop in at:
        bound = bounds[min(size for size in rule.looks if size >= stop.labels)]
        if _settles(stop, tally, rule, bound + CHANCE_ERRORS):
            more = (stop.kept - done[0], stop.dropped - done[1])
            why = f"{more[0]} more labels of kept rows and {more[1]} of dropped ones would settle it at this estimate"
            return Enough(stop.labels, *more, False, False, smallest, why)
    if sum(rule.rows) < rule.looks[-1]:
        why = f"the {sum(rule.rows):,} decided rows are too few to settle it at this estimate"
        return Enough(None, None, None, False, True, smallest, why)
    why = f"the difference is too small to settle with {rule.looks[-1]:,} labels"
    return Enough(None, None, None, True, False, smallest, why)


def settled(tally: Tallied, rule: Rule) -> Enough:
    """Nothing more to label."""
    return Enough(tally.kept + tally.dropped, 0, 0, False, False, _smallest(tally, rule), "settled")


def _smallest(tally: Tallied, rule: Rule) -> float | None:
    share = share_kept(*tally.shares())
    return smallest_uplift(rule.looks[-1], share, rule.rows, tally.shares(), rule)


def smallest_uplift(
    labels: int,
    share: float,
    rows: tuple[int, int],
    shares: tuple[float, float] = (0.5, 0.5),
    rule: Rule | None = None,
) -> float | None:
    """The smallest uplift that this many labels settle with a chance of 80%; None before the first look."""
    said = rule or Rule(rows)
    reached = [size for size in said.looks if size <= labels]
    at = stops(tuple(reached[-1:]), share, rows)
    if not at or not at[0].kept or not at[0].dropped:
        return None
    bound = boundaries(said.looks, said.level)[len(reached) - 1]
    return (bound + CHANCE_ERRORS) * _error(at[0], shares, 1.0) * Rule(rows).dropped_share()


def _error(stop: Stop, shares: tuple[float, float], design_effect: float) -> float:
    """The standard error of a - b."""
    a, b = shares
    return math.sqrt(design_effect * (a * (1 - a) / stop.kept + b * (1 - b) / stop.dropped))


def _settles(stop: Stop, tally: Tallied, rule: Rule, errors: float) -> bool:
    """Whether the labels of a look would do, as look.py decides."""
    if not stop.kept or not stop.dropped:
        return False
    a, b = tally.shares()
    far = abs(a - b) >= errors * _error(stop, (a, b), tally.design_effect)
    if rule.classes != 2:
        return far
    clear = abs(a - 0.5) >= errors * math.sqrt(tally.design_effect * 0.25 / stop.kept)
    return (far and clear and a > max(b, 0.5)) or (far and a < b) or (clear and a < 0.5)
