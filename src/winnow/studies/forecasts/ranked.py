"""How well each predictor ordered the students of a task and seed, and how far numbers were off.

Spearman's rank correlation, and the share of pairs ordered right: of the pairs of students whose outcomes differ by at
least `clear`, those in which the predictor's larger value is the better student's; equal values count one half.
Promises: students without a predictor's value are left out of its figures and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import mean

import numpy as np

from winnow.studies.forecasts.predictors import NUMBERS, PREDICTORS
from winnow.studies.frame.check import Row


@dataclass(frozen=True)
class Rank:
    """One predictor over some groups of students (a task at a seed is a group)."""

    predictor: str
    spearman: float | None
    right: float
    pairs: int
    left_out: int

    @property
    def share(self) -> float | None:
        """The share of clear pairs ordered right."""
        return self.right / self.pairs if self.pairs else None


@dataclass(frozen=True)
class Off:
    """How far a number was from the outcomes: mean absolute error and mean difference (outcome less number)."""

    number: str
    error: float
    difference: float
    students: int


def groups(rows: Iterable[Row]) -> list[list[Row]]:
    """Students of the same task and seed."""
    found: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        found.setdefault((row["task"], row["seed"]), []).append(row)
    return list(found.values())


def ranks(rows: Sequence[Row], clear: float) -> list[Rank]:
    """Each predictor: its mean rank correlation within groups, and its pairs over all of them."""
    return [_rank(name, groups(rows), clear) for name in PREDICTORS]


def _rank(name: str, of: Sequence[Sequence[Row]], clear: float) -> Rank:
    correlations, right, pairs, left_out = [], 0.0, 0, 0
    for rows in of:
        known = [(row[name], row["outcome"]) for row in rows if row[name] is not None]
        left_out += len(rows) - len(known)
        correlation = spearman([said for said, _ in known], [got for _, got in known])
        correlations += [] if correlation is None else [correlation]
        for one, other in combinations(known, 2):
            if abs(one[1] - other[1]) >= clear:
                pairs += 1
                right += 0.5 if one[0] == other[0] else float((one[0] > other[0]) == (one[1] > other[1]))
    return Rank(name, mean(correlations) if correlations else None, right, pairs, left_out)


def spearman(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Of ranks, ties sharing theirs; None where one of the two does not vary."""
    if len(one) < 3 or len(set(one)) < 2 or len(set(other)) < 2:
        return None
    return float(np.corrcoef(_shared_ranks(one), _shared_ranks(other))[0, 1])


def _shared_ranks(values: Sequence[float]) -> list[float]:
    return [sum(other < one for other in values) + sum(other == one for other in values) / 2 for one in values]


def offs(rows: Sequence[Row]) -> list[Off]:
    """Each number against the outcomes."""
    found = []
    for name in NUMBERS:
        differences = [row["outcome"] - row[name] for row in rows if row[name] is not None]
        if differences:
            found.append(Off(name, mean(map(abs, differences)), mean(differences), len(differences)))
    return found
