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

from winnow.science.studies.forecasts.predictors import ACCURACY_PREDICTORS, PREDICTORS
from winnow.science.studies.framework.check import Row


@dataclass(frozen=True)
class PredictorRanking:
    """One predictor over some groups of students (a task at a seed is a group)."""

    predictor: str
    spearman: float | None
    pairs_right: float
    pairs: int
    left_out: int

    @property
    def share(self) -> float | None:
        """The share of clear pairs ordered right."""
        return self.pairs_right / self.pairs if self.pairs else None


@dataclass(frozen=True)
class OutcomeDeviation:
    """How far a number was from the outcomes: mean absolute error and mean difference (outcome less number)."""

    number: str
    error: float
    difference: float
    students: int


def group_by_task_and_seed(rows: Iterable[Row]) -> list[list[Row]]:
    """Students of the same task and seed."""
    found: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        found.setdefault((row["task"], row["seed"]), []).append(row)
    return list(found.values())


def rank_predictors(rows: Sequence[Row], clear: float) -> list[PredictorRanking]:
    """Each predictor: its mean rank correlation within groups, and its pairs over all of them."""
    return [_rank_predictor(name, group_by_task_and_seed(rows), clear) for name in PREDICTORS]


def _rank_predictor(name: str, row_groups: Sequence[Sequence[Row]], clear: float) -> PredictorRanking:
    correlations, right, pairs, left_out = [], 0.0, 0, 0
    for rows in row_groups:
        known_pairs = [(row[name], row["outcome"]) for row in rows if row[name] is not None]
        left_out += len(rows) - len(known_pairs)
        correlation = spearman_correlation(
            [prediction for prediction, _ in known_pairs], [outcome for _, outcome in known_pairs]
        )
        correlations += [] if correlation is None else [correlation]
        for first, second in combinations(known_pairs, 2):
            if abs(first[1] - second[1]) >= clear:
                pairs += 1
                right += 0.5 if first[0] == second[0] else float((first[0] > second[0]) == (first[1] > second[1]))
    return PredictorRanking(name, mean(correlations) if correlations else None, right, pairs, left_out)


def spearman_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Of ranks, ties sharing theirs; None where one of the two does not vary."""
    if len(first) < 3 or len(set(first)) < 2 or len(set(second)) < 2:
        return None
    return float(np.corrcoef(_average_ranks(first), _average_ranks(second))[0, 1])


def _average_ranks(values: Sequence[float]) -> list[float]:
    return [sum(other < one for other in values) + sum(other == one for other in values) / 2 for one in values]


def outcome_deviations(rows: Sequence[Row]) -> list[OutcomeDeviation]:
    """Each number against the outcomes."""
    found = []
    for name in ACCURACY_PREDICTORS:
        differences = [row["outcome"] - row[name] for row in rows if row[name] is not None]
        if differences:
            found.append(OutcomeDeviation(name, mean(map(abs, differences)), mean(differences), len(differences)))
    return found
