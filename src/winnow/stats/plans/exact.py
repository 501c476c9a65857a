"""Widens a boundary where an exact test disagrees, so that few or rare labels mislead no more than many.

Score tests go by the normal curve; with 25 labels, or two labels of kept rows, their errors come to up to twice what
is allowed. Where such a test would call a difference, the exact one (Fisher for two shares, binomial for one against
1/2) is asked too; if it disagrees, the boundary moves to the seen difference, so that the interval just includes
"none". Counts that are fractions are rounded.

It only ever widens, and it looks at nothing but the supposition of no difference.
"""

from __future__ import annotations

import numpy as np
from scipy.special import bdtr, bdtrc, gammaln, ndtr

from winnow.stats.plans.score import Floats, Sides, distance


def widened(sides: Sides, bound: Floats) -> Floats:
    """The boundary for the difference of two sides."""
    off = distance(sides, np.zeros_like(bound))
    wide = np.array(bound, dtype=np.float64)
    for entry in np.flatnonzero(np.abs(off) > bound):
        counts = (sides.right_a[entry], sides.of_a[entry], sides.right_b[entry], sides.of_b[entry])
        if _fisher(*(round(float(count)) for count in counts)) > ndtr(-bound[entry]):
            wide[entry] = abs(off[entry])
    return wide


def widened_half(share: Floats, of: Floats, bound: Floats) -> Floats:
    """The boundary for a share against 1/2."""
    off = (share - 0.5) * 2 * np.sqrt(of)
    labels = np.rint(of).astype(np.int64)
    right = np.rint(share * of).astype(np.int64)
    above = np.where(right > 0, bdtrc(np.maximum(right - 1, 0), labels, 0.5), 1.0)
    chance = np.where(off > 0, above, bdtr(right, labels, 0.5))
    disagrees = (np.abs(off) > bound) & (chance > ndtr(-bound))
    return np.where(disagrees, np.abs(off), bound)


def _fisher(right_a: int, of_a: int, right_b: int, of_b: int) -> float:
    """The chance of so many right on the better side or more, the total given."""
    total, of = right_a + right_b, of_a + of_b
    if right_a * of_b < right_b * of_a:
        right_a, of_a, of_b = right_b, of_b, of_a
    more = np.arange(right_a, min(of_a, total) + 1, dtype=np.float64)
    chances = _log_choose(of_a, more) + _log_choose(of_b, total - more) - _log_choose(of, np.array([float(total)]))
    return float(np.sum(np.exp(chances)))


def _log_choose(of: int, some: Floats) -> Floats:
    ways: Floats = gammaln(of + 1) - gammaln(some + 1) - gammaln(of - some + 1)
    return ways
