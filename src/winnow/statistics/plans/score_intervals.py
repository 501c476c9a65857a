"""Score intervals for a share and for the difference of two, and exact tests that widen their boundaries at few labels.

Intervals invert a score test: a value is inside if the labels deviate from it by at most `bound` standard errors,
computed under that value. So test and interval agree and no interval has width 0. Counts may be fractions, for
correlated labels. All functions work on arrays, one entry per pair of sides.

With few labels the errors of score tests reach twice the allowed level. Where a score test rejects and the exact test
(Fisher for two shares, binomial for a share against 1/2) does not, the boundary moves to the observed difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, bdtrc, gammaln, ndtr

from winnow.statistics.card_inputs import Floats

BISECTIONS = 50


@dataclass(frozen=True, eq=False)
class SideCounts:
    """Right answers and labels of two sides; every count of labels is above 0."""

    right_a: Floats
    labels_a: Floats
    right_b: Floats
    labels_b: Floats

    def difference(self) -> Floats:
        """Return the share right of side a minus that of side b."""
        return self.right_a / self.labels_a - self.right_b / self.labels_b


def wilson_interval(right: Floats, labels: Floats, bound: Floats) -> tuple[Floats, Floats]:
    """Return Wilson's interval of a share; [0, 1] for an infinite boundary."""
    is_infinite = np.isinf(bound)
    bound = np.where(is_infinite, 1.0, bound)
    wide = bound**2 / labels
    center = (right / labels + wide / 2) / (1 + wide)
    half = bound / (1 + wide) * np.sqrt(right / labels * (1 - right / labels) / labels + wide / (4 * labels))
    low, high = np.maximum(center - half, 0.0), np.minimum(center + half, 1.0)
    return np.where(is_infinite, 0.0, low), np.where(is_infinite, 1.0, high)


def miettinen_nurminen_interval(sides: SideCounts, bound: Floats) -> tuple[Floats, Floats]:
    """Return Miettinen and Nurminen's interval of the difference of two shares."""
    observed = sides.difference()
    ends = []
    for sign in (-1.0, 1.0):
        inside, outside = observed.copy(), np.full_like(observed, sign)
        for _ in range(BISECTIONS):
            middle = (inside + outside) / 2
            is_rejected = np.abs(score_statistic(sides, middle)) > bound
            inside, outside = np.where(is_rejected, inside, middle), np.where(is_rejected, middle, outside)
        ends.append(outside)
    return ends[0], ends[1]


def score_statistic(sides: SideCounts, null_difference: Floats) -> Floats:
    """Return the distance of the observed difference from a null difference, in standard errors."""
    share_a, share_b = constrained_shares(sides, null_difference)
    total = sides.labels_a + sides.labels_b
    variance = share_a * (1 - share_a) / sides.labels_a + share_b * (1 - share_b) / sides.labels_b
    # The correction n / (n - 1) is capped at 2, its value for two labels.
    variance = variance * total / np.maximum(total - 1, total / 2)
    excess = sides.difference() - null_difference
    infinite_statistic = np.where(excess == 0, 0.0, np.copysign(np.inf, excess))
    return np.divide(excess, np.sqrt(variance), out=infinite_statistic, where=variance > 0)


def constrained_shares(sides: SideCounts, null_difference: Floats) -> tuple[Floats, Floats]:
    """Return the maximum likelihood shares among those with the null difference.

    They are a root of a cubic (Farrington and Manning 1990), in its trigonometric form.
    """
    observed_a, observed_b = sides.right_a / sides.labels_a, sides.right_b / sides.labels_b
    times = sides.labels_b / sides.labels_a
    cubic = 1 + times
    square = -(cubic + observed_a + times * observed_b + null_difference * (times + 2))
    linear = null_difference**2 + null_difference * (2 * observed_a + cubic) + observed_a + times * observed_b
    constant = -observed_a * null_difference * (1 + null_difference)
    third = square / (3 * cubic)
    v = third**3 - square * linear / (6 * cubic**2) + constant / (2 * cubic)
    u = np.copysign(np.sqrt(np.maximum(third**2 - linear / (3 * cubic), 0.0)), np.where(v == 0, 1.0, v))
    ratio = np.divide(v, u**3, out=np.zeros_like(v), where=np.abs(u) > 1e-12)
    angle = (np.pi + np.arccos(np.clip(ratio, -1.0, 1.0))) / 3
    share_a = 2 * u * np.cos(angle) - third
    low, high = np.maximum(null_difference, 0.0), np.minimum(1.0, 1 + null_difference)
    share_a = np.clip(share_a, low, np.maximum(low, high))
    return share_a, np.clip(share_a - null_difference, 0.0, 1.0)


def widen_boundary(sides: SideCounts, bound: Floats) -> Floats:
    """Return the boundary for the difference of two sides, widened where Fisher's test does not reject."""
    statistic = score_statistic(sides, np.zeros_like(bound))
    widened_bound = np.array(bound, dtype=np.float64)
    for entry in np.flatnonzero(np.abs(statistic) > bound):
        counts = (sides.right_a[entry], sides.labels_a[entry], sides.right_b[entry], sides.labels_b[entry])
        if fisher_p_value(*(round(float(count)) for count in counts)) > ndtr(-bound[entry]):
            widened_bound[entry] = abs(statistic[entry])
    return widened_bound


def widen_boundary_against_half(share: Floats, labels: Floats, bound: Floats) -> Floats:
    """Return the boundary for a share against 1/2, widened where the binomial test does not reject."""
    statistic = (share - 0.5) * 2 * np.sqrt(labels)
    label_counts = np.rint(labels).astype(np.int64)
    right = np.rint(share * labels).astype(np.int64)
    above = np.where(right > 0, bdtrc(np.maximum(right - 1, 0), label_counts, 0.5), 1.0)
    chance = np.where(statistic > 0, above, bdtr(right, label_counts, 0.5))
    disagrees = (np.abs(statistic) > bound) & (chance > ndtr(-bound))
    return np.where(disagrees, np.abs(statistic), bound)


def fisher_p_value(right_a: int, labels_a: int, right_b: int, labels_b: int) -> float:
    """Return Fisher's one-sided p-value for the side with the larger share."""
    total, all_labels = right_a + right_b, labels_a + labels_b
    if right_a * labels_b < right_b * labels_a:
        right_a, labels_a, labels_b = right_b, labels_b, labels_a
    right_counts = np.arange(right_a, min(labels_a, total) + 1, dtype=np.float64)
    ways = _log_choose(labels_a, right_counts) + _log_choose(labels_b, total - right_counts)
    return float(np.sum(np.exp(ways - _log_choose(all_labels, np.array([float(total)])))))


def _log_choose(total: int, chosen: Floats) -> Floats:
    ways: Floats = gammaln(total + 1) - gammaln(chosen + 1) - gammaln(total - chosen + 1)
    return ways
