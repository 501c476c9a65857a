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

from winnow.stats.forecasts import spread
from winnow.stats.outcomes.shares import Ranking


@dataclass(frozen=True)
class Past:
    """An earlier forecast with an outcome."""

    place: str
    said: float | None
    """The share right said of the recommended rows."""
    score: float | None
    """What their student got; None while none is recorded."""
    n: int | None
    ranking: Ranking | None
    """Whether the order against the control held; None while one of the two is missing."""

    def difference(self) -> float | None:
        """What the student got, less what was said of its rows."""
        return None if self.said is None or self.score is None else self.score - self.said

    def plain(self) -> dict[str, Any]:
        return {**vars(self), "difference": self.difference()}


@dataclass(frozen=True)
class Record:
    """Earlier forecasts of a regime, how many pilots of other regimes there were, and what could not be read."""

    regime: str
    pilots: tuple[Past, ...]
    others: int = 0
    left_out: tuple[str, ...] = ()

    def outcomes(self) -> list[tuple[float, float]]:
        """For each recorded student on recommended rows, the share said and the share it got."""
        return [(p.said, p.score) for p in self.pilots if p.said is not None and p.score is not None]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        differences = [got - said for said, got in self.outcomes()]
        return {
            "regime": self.regime,
            "pilots": len(self.pilots),
            "ranking": {word.replace(" ", "_"): self._count(word) for word in ("held", "not held", "undecided")},
            "outcomes": len(differences),
            "difference": spread(differences),
            "error": mean(map(abs, differences)) if differences else None,
            "each": [pilot.plain() for pilot in self.pilots],
            "other_regimes": self.others,
            "left_out": list(self.left_out),
        }

    def lines(self) -> Iterator[str]:
        """What a person reads."""
        differences = [got - said for said, got in self.outcomes()]
        judged = sum(pilot.ranking is not None for pilot in self.pilots)
        yield f"your record ({self.regime}): {self._order(judged)}"
        if differences:
            students = f"{len(differences)} {'student' if len(differences) == 1 else 'students'}"
            yield f"  the share said was off by {100 * mean(map(abs, differences)):.1f} points on average ({students})"
        if self.others:
            yield f"  recorded in other regimes, and not counted here: {self.others}"
        yield from (f"  left out: {one}" for one in self.left_out)

    def _order(self, judged: int) -> str:
        if not self.pilots:
            return "no outcome is recorded"
        if not judged:
            return "no pilot has outcomes of both its control and its recommended rows"
        missed = [f"{count} {word}" for word in ("not held", "undecided") if (count := self._count(word))]
        said = (
            f"in {self._count('held')} of {judged} {'pilot' if judged == 1 else 'pilots'} the forecast's ranking held"
        )
        return f"{said} ({', '.join(missed)})" if missed else said

    def _count(self, word: str) -> int:
        return sum(pilot.ranking == word for pilot in self.pilots)
