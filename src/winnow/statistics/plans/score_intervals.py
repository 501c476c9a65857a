"""Intervals for a share and for the difference of two, which hold at few labels and near 0 and 1.

Both come from turning a score test around: a value is inside if the labels do not speak against it by `bound`
standard errors, the standard error being taken as if that value were true. So a test at `bound` and the interval
never disagree, and no interval has width 0. Counts may be fractions (labels that go together count for less).
Everything works on whole arrays at once: one entry, one pair of sides.

It knows nothing of looks, prompts or verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BISECTIONS = 50


@dataclass(frozen=True, eq=False)
class SideCounts:
    """Right answers and labels of two sides; every count of labels is above 0."""

    right_a: Floats
    labels_a: Floats
    right_b: Floats
    labels_b: Floats

    def difference(self) -> Floats:
        """Share right of side a less that of side b."""
        return self.right_a / self.labels_a - self.right_b / self.labels_b


def wilson_interval(right: Floats, labels: Floats, bound: Floats) -> tuple[Floats, Floats]:
    """Wilson's interval of a share; all of it where the boundary is infinitely far."""
    is_infinite = np.isinf(bound)
    bound = np.where(is_infinite, 1.0, bound)
    wide = bound**2 / labels
    center = (right / labels + wide / 2) / (1 + wide)
    half = bound / (1 + wide) * np.sqrt(right / labels * (1 - right / labels) / labels + wide / (4 * labels))
    return np.where(is_infinite, 0.0, np.maximum(center - half, 0.0)), np.where(
        is_infinite, 1.0, np.minimum(center + half, 1.0)
    )


def miettinen_nurminen_interval(sides: SideCounts, bound: Floats) -> tuple[Floats, Floats]:
    """Miettinen and Nurminen's interval of the difference of two shares."""
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
    """How many standard errors the seen difference stands from a supposed one."""
    share_a, share_b = _constrained_shares(sides, null_difference)
    total = sides.labels_a + sides.labels_b
    variance = share_a * (1 - share_a) / sides.labels_a + share_b * (1 - share_b) / sides.labels_b
    # With a label or less in all the correction for few labels has no meaning; it then widens as for two.
    variance = variance * total / np.maximum(total - 1, total / 2)
    excess = sides.difference() - null_difference
    infinite_statistic = np.where(excess == 0, 0.0, np.copysign(np.inf, excess))
    return np.divide(excess, np.sqrt(variance), out=infinite_statistic, where=variance > 0)


def _constrained_shares(sides: SideCounts, null_difference: Floats) -> tuple[Floats, Floats]:
    """The two shares that explain the labels best among those that differ by the supposed difference.

    A root of a cubic (Farrington and Manning 1990), in its trigonometric form.
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
