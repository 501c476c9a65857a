"""Six predictors of a student, computed from its training data before it is trained, and how well they predict.

They were fixed before the second task was run: `precision x served` was noticed, and the line fitted, on prototypes of
the first task, eigenvalues. All values follow from the kept rows and their labels.

    p_star             phi / (phi + psi), the papers' break-even of two classes
    p_star_w           the same for open answers, w from the labels of sampled answers
    precision          the share right among kept rows
    served             prompts served: the share of all prompts that have a right kept answer
    precision_served   precision x served
    plurality          the share of prompts with kept answers whose commonest one is right

A rank metric is Spearman's correlation, or the share of pairs in the right order among those whose outcomes differ by
at least `clear`; equal predictions count one half. Students without a predictor's value are left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, mean, multimode
from typing import Any

from scipy.stats import spearmanr

from winnow.science.studies.framework.check import Row, group_rows
from winnow.science.theory.selection.breakdown import p_star

PREDICTORS = ("p_star", "p_star_w", "precision", "served", "precision_served", "plurality")

ACCURACY_PREDICTORS = ("precision", "plurality", "line")
"""The predictors that estimate an accuracy, and the fitted line."""

INTERCEPT, SLOPE, GENERATOR_SLOPE = 0.15, 0.57, 0.34
"""accuracy = .15 + .57 precision x served + .34 generator accuracy, fitted on 28 students of eigenvalue prototypes."""


def compute_predictors(card: Mapping[str, Any], labeled: Sequence[Row]) -> dict[str, float | None]:
    """Return the predictors of one student from the card of its rule and labeled rows with `kept` and `correct`."""
    precision, served = _card_value(card, "precision"), _card_value(card, "prompts_served")
    served = prompts_served(labeled) if served is None else served
    return {
        "p_star": _card_value(card, "p_star"),
        "p_star_w": _p_star_w(card),
        "precision": precision,
        "served": served,
        "precision_served": None if precision is None or served is None else precision * served,
        "plurality": plurality_accuracy(labeled),
    }


def fitted_line(predictors: Mapping[str, float | None], generator: float) -> float | None:
    """Return the accuracy that the fitted line gives."""
    product = predictors["precision_served"]
    return None if product is None else INTERCEPT + SLOPE * product + GENERATOR_SLOPE * generator


def prompts_served(labeled: Sequence[Row]) -> float | None:
    """Return the share of labeled prompts with a right kept answer, for rules whose card has no value."""
    prompts = group_rows(labeled, "prompt_id").values()
    return (
        sum(any(row["kept"] and row["correct"] for row in rows) for rows in prompts) / len(prompts) if prompts else None
    )


def plurality_accuracy(labeled: Sequence[Row]) -> float | None:
    """Return the share of prompts with a labeled kept row whose commonest kept answer is right; ties are shared."""
    prompts = group_rows([row for row in labeled if row["kept"]], "prompt_id").values()
    shares = [_plurality_share_right(rows) for rows in prompts]
    return sum(shares) / len(shares) if shares else None


def _plurality_share_right(rows: Sequence[Row]) -> float:
    right = {row["text"]: bool(row["correct"]) for row in rows}
    return fmean(right[text] for text in multimode(row["text"] for row in rows))


def _p_star_w(card: Mapping[str, Any]) -> float | None:
    """p*_w by its formula, since the card has none for a rule that keeps everything."""
    phi, psi, w = _card_value(card, "phi"), _card_value(card, "psi"), card["w"]
    return None if phi is None or psi is None or w is None or not phi + w * psi else float(p_star(phi, psi, w))


def _card_value(card: Mapping[str, Any], name: str) -> float | None:
    figure = card.get(name)
    return None if figure is None or figure["value"] is None else float(figure["value"])


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
        correlation = _spearman_correlation(predictions, outcomes)
        correlations += [] if correlation is None else [correlation]
        for first, second in combinations(students, 2):
            if abs(first[1] - second[1]) >= clear:
                pairs += 1
                right += 0.5 if first[0] == second[0] else float((first[0] > second[0]) == (first[1] > second[1]))
    return PredictorRanking(name, mean(correlations) if correlations else None, right, pairs, left_out)


def _spearman_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's correlation; None if one of the two does not vary."""
    if len(first) < 3 or len(set(first)) < 2 or len(set(second)) < 2:
        return None
    return float(spearmanr(first, second).statistic)


def outcome_deviations(rows: Sequence[Row]) -> list[OutcomeDeviation]:
    """Return the errors of each predictor that estimates an accuracy."""
    deviations = []
    for name in ACCURACY_PREDICTORS:
        differences = [row["outcome"] - row[name] for row in rows if row[name] is not None]
        if differences:
            error = mean(map(abs, differences))
            deviations.append(OutcomeDeviation(name, error, mean(differences), len(differences)))
    return deviations
