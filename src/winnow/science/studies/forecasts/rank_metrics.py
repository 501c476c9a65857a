"""How well each predictor ranks the students of a task and seed, and the errors of predicted accuracies.

A rank metric is Spearman's correlation, or the share of pairs in the right order among those whose outcomes differ by
at least `clear`; equal predictions count one half. Students without a predictor's value are left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import mean

import numpy as np

from winnow.science.studies.forecasts.predictors import ACCURACY_PREDICTORS, PREDICTORS
from winnow.science.studies.framework.check import Row, group_rows


@dataclass(frozen=True)
class PredictorRanking:
    """The rank metrics of one predictor over groups of students; a group is a task at a seed."""

    predictor: str
    spearman: float | None
    pairs_right: float
    pairs: int
    left_out: int

    @property
    def share(self) -> float | None:
        """The share of pairs in the right order."""
        return self.pairs_right / self.pairs if self.pairs else None


@dataclass(frozen=True)
class OutcomeDeviation:
    """The mean absolute error of a predicted accuracy, and the mean difference (outcome less prediction)."""

    number: str
    error: float
    difference: float
    students: int


def group_by_task_and_seed(rows: Iterable[Row]) -> list[list[Row]]:
    """Return the groups of students of the same task and seed."""
    return list(group_rows(rows, "task", "seed").values())


def rank_predictors(rows: Sequence[Row], clear: float) -> list[PredictorRanking]:
    """Return for each predictor the mean rank correlation within groups, and the pairs of all groups."""
    groups = group_by_task_and_seed(rows)
    return [_rank_predictor(name, groups, clear) for name in PREDICTORS]


def _rank_predictor(name: str, groups: Sequence[Sequence[Row]], clear: float) -> PredictorRanking:
    correlations, right, pairs, left_out = [], 0.0, 0, 0
    for rows in groups:
        students = [(row[name], row["outcome"]) for row in rows if row[name] is not None]
        left_out += len(rows) - len(students)
        predictions, outcomes = [student[0] for student in students], [student[1] for student in students]
        correlation = spearman_correlation(predictions, outcomes)
        correlations += [] if correlation is None else [correlation]
        for first, second in combinations(students, 2):
            if abs(first[1] - second[1]) >= clear:
                pairs += 1
                right += 0.5 if first[0] == second[0] else float((first[0] > second[0]) == (first[1] > second[1]))
    return PredictorRanking(name, mean(correlations) if correlations else None, right, pairs, left_out)


def spearman_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return Spearman's correlation with average ranks for ties; None if one of the two does not vary."""
    if len(first) < 3 or len(set(first)) < 2 or len(set(second)) < 2:
        return None
    return float(np.corrcoef(_average_ranks(first), _average_ranks(second))[0, 1])


def _average_ranks(values: Sequence[float]) -> list[float]:
    return [sum(other < value for other in values) + sum(other == value for other in values) / 2 for value in values]


def outcome_deviations(rows: Sequence[Row]) -> list[OutcomeDeviation]:
    """Return the errors of each predictor that estimates an accuracy."""
    deviations = []
    for name in ACCURACY_PREDICTORS:
        differences = [row["outcome"] - row[name] for row in rows if row[name] is not None]
        if differences:
            error = mean(map(abs, differences))
            deviations.append(OutcomeDeviation(name, error, mean(differences), len(differences)))
    return deviations
