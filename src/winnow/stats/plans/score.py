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
class Sides:
    """Right answers and labels of two sides; every count of labels is above 0."""

    right_a: Floats
    of_a: Floats
    right_b: Floats
    of_b: Floats

    def difference(self) -> Floats:
        """Share right of side a less that of side b."""
        return self.right_a / self.of_a - self.right_b / self.of_b


def share_interval(right: Floats, of: Floats, bound: Floats) -> tuple[Floats, Floats]:
    """Wilson's interval of a share; all of it where the boundary is infinitely far."""
    endless = np.isinf(bound)
    bound = np.where(endless, 1.0, bound)
    wide = bound**2 / of
    center = (right / of + wide / 2) / (1 + wide)
    half = bound / (1 + wide) * np.sqrt(right / of * (1 - right / of) / of + wide / (4 * of))
    return np.where(endless, 0.0, np.maximum(center - half, 0.0)), np.where(
        endless, 1.0, np.minimum(center + half, 1.0)
    )


def difference_interval(sides: Sides, bound: Floats) -> tuple[Floats, Floats]:
    """Miettinen and Nurminen's interval of the difference of two shares."""
    seen = sides.difference()
    ends = []
    for sign in (-1.0, 1.0):
        inside, outside = seen.copy(), np.full_like(seen, sign)
        for _ in range(BISECTIONS):
            middle = (inside + outside) / 2
            refused = np.abs(distance(sides, middle)) > bound
            inside, outside = np.where(refused, inside, middle), np.where(refused, middle, outside)
        ends.append(outside)
    return ends[0], ends[1]


def distance(sides: Sides, supposed: Floats) -> Floats:
    """How many standard errors the seen difference stands from a supposed one."""
    share_a, share_b = _likeliest(sides, supposed)
    total = sides.of_a + sides.of_b
    variance = share_a * (1 - share_a) / sides.of_a + share_b * (1 - share_b) / sides.of_b
    # With a label or less in all the correction for few labels has no meaning; it then widens as for two.
    variance = variance * total / np.maximum(total - 1, total / 2)
    off = sides.difference() - supposed
    away = np.where(off == 0, 0.0, np.copysign(np.inf, off))
    return np.divide(off, np.sqrt(variance), out=away, where=variance > 0)


def _likeliest(sides: Sides, supposed: Floats) -> tuple[Floats, Floats]:
    """The two shares that explain the labels best among those that differ by the supposed difference.

    A root of a cubic (Farrington and Manning 1990), in its trigonometric form.
    """
    seen_a, seen_b = sides.right_a / sides.of_a, sides.right_b / sides.of_b
    times = sides.of_b / sides.of_a
    cubic = 1 + times
    square = -(cubic + seen_a + times * seen_b + supposed * (times + 2))
    linear = supposed**2 + supposed * (2 * seen_a + cubic) + seen_a + times * seen_b
    constant = -seen_a * supposed * (1 + supposed)
    third = square / (3 * cubic)
    v = third**3 - square * linear / (6 * cubic**2) + constant / (2 * cubic)
    u = np.copysign(np.sqrt(np.maximum(third**2 - linear / (3 * cubic), 0.0)), np.where(v == 0, 1.0, v))
    ratio = np.divide(v, u**3, out=np.zeros_like(v), where=np.abs(u) > 1e-12)
    angle = (np.pi + np.arccos(np.clip(ratio, -1.0, 1.0))) / 3
    share_a = 2 * u * np.cos(angle) - third
    low, high = np.maximum(supposed, 0.0), np.minimum(1.0, 1 + supposed)
    share_a = np.clip(share_a, low, np.maximum(low, high))
    return share_a, np.clip(share_a - supposed, 0.0, 1.0)
