"""Stacking: the best weights, held-out scores of labeled rows, and a refusal of few labels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from tests.simulated.verifier_votes import drawn
from winnow.statistics.combine.dependence import CombineRefusal
from winnow.statistics.combine.stacking import StackedScores, StackLabels, fit_logistic, stack_scores


def stacked(columns: np.ndarray, labeled: StackLabels) -> StackedScores:
    """Not refused."""
    result = stack_scores(columns, labeled)
    assert isinstance(result, StackedScores)
    return result


@pytest.mark.parametrize("ridge", [0.1, 10.0, 1_000.0])
def test_no_other_weights_fit_better(ridge: float) -> None:
    rng = np.random.default_rng(0)
    design = np.hstack([np.ones((300, 1)), rng.normal(size=(300, 4))])
    right = (rng.random(300) < expit(design @ [0.5, 2, -1, 0, 0.3])).astype(float)
    weights = fit_logistic(design, right, ridge)
    slope = design.T @ (right - expit(design @ weights)) - np.array([0, ridge, ridge, ridge, ridge]) * weights
    assert np.abs(slope).max() < 1e-6


def test_a_column_that_separates_perfectly_converges() -> None:
    design = np.hstack([np.ones((40, 1)), np.repeat([-1.0, 1.0], 20)[:, None]])
    assert np.isfinite(fit_logistic(design, np.repeat([0.0, 1.0], 20), 0.1)).all()


def test_stacking_beats_the_majority_where_verifiers_differ_in_quality() -> None:
    votes, truth = drawn(4_000)
    votes[:, 2:] = np.random.default_rng(0).random((4_000, 3)) < 0.5
    known = np.arange(4_000) < 400
    result = stacked(np.where(votes < 0, np.nan, votes), StackLabels(known, truth))
    accuracy = np.mean((result.score >= 0.5)[~known] == truth[~known])
    assert accuracy > np.mean((votes.sum(axis=1) >= 3)[~known] == truth[~known]) + 0.05
    assert result.accuracy == pytest.approx(accuracy, abs=4 * 0.3 / 20)


def test_random_labels_are_not_predicted_on_their_own_rows() -> None:
    rng = np.random.default_rng(1)
    prompt = np.repeat(np.arange(50), 4)
    right = np.repeat(rng.random(50) < 0.5, 4)
    columns = np.hstack([rng.normal(size=(200, 20)), rng.normal(size=(50, 20))[prompt]])
    result = stacked(columns, StackLabels(np.ones(200, dtype=bool), right, prompt))
    assert abs(result.accuracy - 0.5) < 4 * 0.5 / 50**0.5
    assert result.ridge == 1_000.0


def test_missing_scores_are_used_as_information() -> None:
    rng = np.random.default_rng(2)
    right = rng.random(600) < 0.5
    silent = rng.random(600) < np.where(right, 0.1, 0.8)
    scores = np.where(silent, np.nan, rng.normal(size=600))[:, None]
    assert stacked(scores, StackLabels(np.ones(600, dtype=bool), right)).accuracy > 0.78


def test_units_of_a_score_do_not_matter() -> None:
    votes, truth = drawn(500)
    labeled = StackLabels(np.arange(500) % 2 == 0, truth)
    usual, stretched = stacked(votes, labeled), stacked(votes * 1_000.0 - 7, labeled)
    assert stretched.score == pytest.approx(usual.score, abs=1e-9)


def test_the_truth_of_unlabeled_rows_is_never_read() -> None:
    votes, truth = drawn(500)
    known = np.arange(500) < 200
    one, other = stacked(votes, StackLabels(known, truth)), stacked(votes, StackLabels(known, truth & known))
    assert one.score.tolist() == other.score.tolist()


@pytest.mark.parametrize("right", [0, 9, 91, 100])
def test_labels_almost_all_of_one_kind_are_refused(right: int) -> None:
    votes, _ = drawn(100)
    result = stack_scores(votes, StackLabels(np.ones(100, dtype=bool), np.arange(100) < right))
    assert isinstance(result, CombineRefusal)
    assert result.problem.startswith(f"{min(right, 100 - right)} of 100 labels are of the rarer kind")


def test_labels_of_a_single_prompt_have_no_held_out_prediction() -> None:
    votes, truth = drawn(100)
    result = stacked(votes, StackLabels(np.ones(100, dtype=bool), truth, np.zeros(100, dtype=np.int64)))
    assert result.score.tolist() == [0.5] * 100
