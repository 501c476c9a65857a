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

from winnow.stats.intervals import Figure

LEVEL = 0.95

Ranking = Literal["held", "not held", "undecided"]
"""What became of an order that was forecast; undecided where the forecast or the outcome is."""


def measured(score: float, n: int, level: float = LEVEL) -> Figure:
    """A share right of `n` prompts; shares that average several answers of a prompt are as certain as one of each."""
    z = float(ndtri((1 + level) / 2))
    center, spread = score + z * z / (2 * n), z * sqrt(score * (1 - score) / n + z * z / (4 * n * n))
    whole = 1 + z * z / n
    # Rounding must not push an end past its own share where that is 0 or 1.
    return Figure(
        float(score), max(min((center - spread) / whole, score), 0.0), min(max((center + spread) / whole, score), 1.0)
    )


def apart(one: Figure, other: Figure) -> Figure:
    """The first share less the second."""
    values = (one.value, one.low, one.high, other.value, other.low, other.high)
    if None in values:
        return Figure()
    p, below, above, q, under, over = (float(value or 0.0) for value in values)
    return Figure(
        p - q, p - q - sqrt((p - below) ** 2 + (over - q) ** 2), p - q + sqrt((above - p) ** 2 + (q - under) ** 2)
    )


def ranking(said: str | None, got: Figure) -> Ranking:
    """Whether a difference came out as forecast: `said` is `better` or `worse`; anything else was not sure."""
    if said not in ("better", "worse") or got.low is None or got.high is None or got.low <= 0 <= got.high:
        return "undecided"
    return "held" if (got.low > 0) == (said == "better") else "not held"
