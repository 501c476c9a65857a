"""Outcomes of training: the share right of a student, differences of students, and the record of earlier forecasts.

A share has Wilson's interval, a difference Newcombe's, which treats the prompts of the two students as different; on
the same prompts it is rather too wide. The variation between training runs is not included. The record holds observed
differences, never a number for the next student.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from statistics import mean
from typing import Any, Literal, get_args

from scipy.special import ndtri

from winnow.statistics.forecasts.students import summarize_differences
from winnow.statistics.intervals import IntervalEstimate

LEVEL = 0.95

RankingOutcome = Literal["held", "not held", "undecided"]
"""Whether a forecast order was observed; undecided where the forecast or the outcome is not sure."""


def measure_share(score: float, n: int, level: float = LEVEL) -> IntervalEstimate:
    """Return a share right of `n` prompts; averages over several answers of a prompt count as one answer each."""
    z = float(ndtri((1 + level) / 2))
    center, spread = score + z * z / (2 * n), z * sqrt(score * (1 - score) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # Rounding must not move an end past a share of 0 or 1.
    low, high = (center - spread) / scale, (center + spread) / scale
    return IntervalEstimate(float(score), max(min(low, score), 0.0), min(max(high, score), 1.0))


def subtract_shares(minuend: IntervalEstimate, subtrahend: IntervalEstimate) -> IntervalEstimate:
    """Return the first share minus the second."""
    values = (minuend.value, minuend.low, minuend.high, subtrahend.value, subtrahend.low, subtrahend.high)
    if None in values:
        return IntervalEstimate()
    p, p_low, p_high, q, q_low, q_high = (float(value or 0.0) for value in values)
    below, above = sqrt((p - p_low) ** 2 + (q_high - q) ** 2), sqrt((p_high - p) ** 2 + (q - q_low) ** 2)
    return IntervalEstimate(p - q, p - q - below, p - q + above)


def compare_with_forecast(expected: str | None, difference: IntervalEstimate) -> RankingOutcome:
    """Return whether a difference has the expected sign (`better` or `worse`; anything else is not sure)."""
    low, high = difference.low, difference.high
    if expected not in ("better", "worse") or low is None or high is None or low <= 0 <= high:
        return "undecided"
    return "held" if (low > 0) == (expected == "better") else "not held"


@dataclass(frozen=True)
class PastForecast:
    """An earlier forecast with an outcome."""

    place: str
    said: float | None  # the forecast share right of the recommended rows
    score: float | None  # the score of their student; None while none is recorded
    n: int | None
    ranking: RankingOutcome | None
    """Whether the order against the control was observed; None while one of the two scores is missing."""

    def difference(self) -> float | None:
        """Return the score minus the forecast share right."""
        return None if self.said is None or self.score is None else self.score - self.said

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "difference": self.difference()}


@dataclass(frozen=True)
class TrackRecord:
    """Earlier forecasts of a regime, the number of pilots of other regimes, and files that could not be read."""

    regime: str
    pilots: tuple[PastForecast, ...]
    others: int = 0
    left_out: tuple[str, ...] = ()

    def outcomes(self) -> list[tuple[float, float]]:
        """Return the forecast share right and the score of each recorded student on recommended rows."""
        return [(p.said, p.score) for p in self.pilots if p.said is not None and p.score is not None]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document."""
        differences = [score - expected for expected, score in self.outcomes()]
        return {
            "regime": self.regime,
            "pilots": len(self.pilots),
            "ranking": {name.replace(" ", "_"): self._count_rankings(name) for name in get_args(RankingOutcome)},
            "outcomes": len(differences),
            "difference": summarize_differences(differences),
            "error": mean(map(abs, differences)) if differences else None,
            "each": [pilot.to_dict() for pilot in self.pilots],
            "other_regimes": self.others,
            "left_out": list(self.left_out),
        }

    def summary_lines(self) -> Iterator[str]:
        """Return the record as text."""
        differences = [score - expected for expected, score in self.outcomes()]
        ranked = sum(pilot.ranking is not None for pilot in self.pilots)
        line = "no pilot has outcomes of both its control and its recommended rows"
        if not self.pilots:
            line = "no outcome is recorded"
        elif ranked:
            counts = ((outcome, self._count_rankings(outcome)) for outcome in ("not held", "undecided"))
            rest = ", ".join(f"{count} {outcome}" for outcome, count in counts if count)
            line = f"the forecast order held in {self._count_rankings('held')} of {_format_count(ranked, 'pilot')}"
            line += f" ({rest})" if rest else ""
        yield f"your record ({self.regime}): {line}"
        if differences:
            error, students = mean(map(abs, differences)), _format_count(len(differences), "student")
            yield f"  mean difference between score and forecast share right: {100 * error:.1f} points ({students})"
        if self.others:
            yield f"  {_format_count(self.others, 'pilot')} of other regimes not counted"
        yield from (f"  not read: {problem}" for problem in self.left_out)

    def _count_rankings(self, outcome: str) -> int:
        return sum(pilot.ranking == outcome for pilot in self.pilots)


def _format_count(count: int, noun: str) -> str:
    return f"{count} {noun if count == 1 else noun + 's'}"
