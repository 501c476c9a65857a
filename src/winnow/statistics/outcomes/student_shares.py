"""The share right of a trained student, measured on held-out prompts, and how far two students lie apart.

A share has Wilson's interval. A difference has Newcombe's, made of the two: it takes the students to be measured on
prompts of their own. On the same prompts the truth is as near or nearer, since easy prompts are easy for both, so the
interval is then rather too wide.
Promises: an interval lies inside what is possible, holds its value, and has a width at 0 and at 1 too. It speaks of the
prompts that were drawn; that another run of the same training ends elsewhere is not in it.
"""

from __future__ import annotations

from math import sqrt
from typing import Literal

from scipy.special import ndtri

from winnow.statistics.intervals import IntervalEstimate

LEVEL = 0.95

RankingOutcome = Literal["held", "not held", "undecided"]
"""What became of an order that was forecast; undecided where the forecast or the outcome is."""


def measure_share(score: float, n: int, level: float = LEVEL) -> IntervalEstimate:
    """A share right of `n` prompts; shares that average several answers of a prompt are as certain as one of each."""
    z = float(ndtri((1 + level) / 2))
    center, spread = score + z * z / (2 * n), z * sqrt(score * (1 - score) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # Rounding must not push an end past its own share where that is 0 or 1.
    return IntervalEstimate(
        float(score), max(min((center - spread) / scale, score), 0.0), min(max((center + spread) / scale, score), 1.0)
    )


def subtract_shares(minuend: IntervalEstimate, subtrahend: IntervalEstimate) -> IntervalEstimate:
    """The first share less the second."""
    values = (minuend.value, minuend.low, minuend.high, subtrahend.value, subtrahend.low, subtrahend.high)
    if None in values:
        return IntervalEstimate()
    p, p_low, p_high, q, q_low, q_high = (float(value or 0.0) for value in values)
    return IntervalEstimate(
        p - q, p - q - sqrt((p - p_low) ** 2 + (q_high - q) ** 2), p - q + sqrt((p_high - p) ** 2 + (q - q_low) ** 2)
    )


def compare_with_forecast(expected: str | None, difference: IntervalEstimate) -> RankingOutcome:
    """Whether a difference came out as forecast: `said` is `better` or `worse`; anything else was not sure."""
    if (
        expected not in ("better", "worse")
        or difference.low is None
        or difference.high is None
        or difference.low <= 0 <= difference.high
    ):
        return "undecided"
    return "held" if (difference.low > 0) == (expected == "better") else "not held"
