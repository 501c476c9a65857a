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

from winnow.statistics.plans.score_intervals import Floats, SideCounts, score_statistic


def widen_boundary(sides: SideCounts, bound: Floats) -> Floats:
    """The boundary for the difference of two sides."""
    statistic = score_statistic(sides, np.zeros_like(bound))
    widened_bound = np.array(bound, dtype=np.float64)
    for entry in np.flatnonzero(np.abs(statistic) > bound):
        counts = (sides.right_a[entry], sides.labels_a[entry], sides.right_b[entry], sides.labels_b[entry])
        if _fisher_p_value(*(round(float(count)) for count in counts)) > ndtr(-bound[entry]):
            widened_bound[entry] = abs(statistic[entry])
    return widened_bound


def widen_boundary_against_half(share: Floats, labels: Floats, bound: Floats) -> Floats:
    """The boundary for a share against 1/2."""
    statistic = (share - 0.5) * 2 * np.sqrt(labels)
    label_counts = np.rint(labels).astype(np.int64)
    right = np.rint(share * labels).astype(np.int64)
    above = np.where(right > 0, bdtrc(np.maximum(right - 1, 0), label_counts, 0.5), 1.0)
    chance = np.where(statistic > 0, above, bdtr(right, label_counts, 0.5))
    disagrees = (np.abs(statistic) > bound) & (chance > ndtr(-bound))
    return np.where(disagrees, np.abs(statistic), bound)


def _fisher_p_value(right_a: int, labels_a: int, right_b: int, labels_b: int) -> float:
    """The chance of so many right on the better side or more, the total given."""
    total, all_labels = right_a + right_b, labels_a + labels_b
    if right_a * labels_b < right_b * labels_a:
        right_a, labels_a, labels_b = right_b, labels_b, labels_a
    right_counts = np.arange(right_a, min(labels_a, total) + 1, dtype=np.float64)
    chances = (
        _log_choose(labels_a, right_counts)
        + _log_choose(labels_b, total - right_counts)
        - _log_choose(all_labels, np.array([float(total)]))
    )
    return float(np.sum(np.exp(chances)))


def _log_choose(total: int, chosen: Floats) -> Floats:
    ways: Floats = gammaln(total + 1) - gammaln(chosen + 1) - gammaln(total - chosen + 1)
    return ways
