"""The record of earlier forecasts of one regime: whether their order held, and how far students ended from the shares.

Promises: only pilots of the regime asked for are counted, and how many others there were is said; what is shown are
differences that were observed, never a number for the next student.
It reads no files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mean
from typing import Any

from winnow.statistics.forecasts import summarize_differences
from winnow.statistics.outcomes.student_shares import RankingOutcome


@dataclass(frozen=True)
class PastForecast:
    """An earlier forecast with an outcome."""

    place: str
    said: float | None
    """The share right said of the recommended rows."""
    score: float | None
    """What their student got; None while none is recorded."""
    n: int | None
    ranking: RankingOutcome | None
    """Whether the order against the control held; None while one of the two is missing."""

    def difference(self) -> float | None:
        """What the student got, less what was said of its rows."""
        return None if self.said is None or self.score is None else self.score - self.said

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "difference": self.difference()}


@dataclass(frozen=True)
class TrackRecord:
    """Earlier forecasts of a regime, how many pilots of other regimes there were, and what could not be read."""

    regime: str
    pilots: tuple[PastForecast, ...]
    others: int = 0
    left_out: tuple[str, ...] = ()

    def outcomes(self) -> list[tuple[float, float]]:
        """For each recorded student on recommended rows, the share said and the share it got."""
        return [(p.said, p.score) for p in self.pilots if p.said is not None and p.score is not None]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        differences = [got - expected for expected, got in self.outcomes()]
        return {
            "regime": self.regime,
            "pilots": len(self.pilots),
            "ranking": {
                outcome.replace(" ", "_"): self._count_rankings(outcome)
                for outcome in ("held", "not held", "undecided")
            },
            "outcomes": len(differences),
            "difference": summarize_differences(differences),
            "error": mean(map(abs, differences)) if differences else None,
            "each": [pilot.to_dict() for pilot in self.pilots],
            "other_regimes": self.others,
            "left_out": list(self.left_out),
        }

    def summary_lines(self) -> Iterator[str]:
        """What a person reads."""
        differences = [got - expected for expected, got in self.outcomes()]
        ranked_pilots = sum(pilot.ranking is not None for pilot in self.pilots)
        yield f"your record ({self.regime}): {self._describe_rankings(ranked_pilots)}"
        if differences:
            students = f"{len(differences)} {'student' if len(differences) == 1 else 'students'}"
            yield f"  the share said was off by {100 * mean(map(abs, differences)):.1f} points on average ({students})"
        if self.others:
            yield f"  recorded in other regimes, and not counted here: {self.others}"
        yield from (f"  left out: {problem}" for problem in self.left_out)

    def _describe_rankings(self, ranked_pilots: int) -> str:
        if not self.pilots:
            return "no outcome is recorded"
        if not ranked_pilots:
            return "no pilot has outcomes of both its control and its recommended rows"
        other_outcomes = [
            f"{count} {outcome}" for outcome in ("not held", "undecided") if (count := self._count_rankings(outcome))
        ]
        line = f"in {self._count_rankings('held')} of {ranked_pilots} {'pilot' if ranked_pilots == 1 else 'pilots'} the forecast's ranking held"
        return f"{line} ({', '.join(other_outcomes)})" if other_outcomes else line

    def _count_rankings(self, outcome: str) -> int:
        return sum(pilot.ranking == outcome for pilot in self.pilots)
