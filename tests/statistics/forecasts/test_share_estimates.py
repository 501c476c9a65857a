"""Estimates are exact with all labels, unbiased with planned ones, and missing where labels are too few."""

from __future__ import annotations

import numpy as np
import pytest

from tests.simulated.scored_candidates import at_random, curve, planned, scored
from winnow.errors import UsageError
from winnow.statistics.forecasts.candidates import best_of_n_weights, make_candidates
from winnow.statistics.forecasts.curves import default_n
from winnow.statistics.forecasts.forecast import ForecastRequest, compute_forecast
from winnow.statistics.forecasts.share_estimates import PromptBlocks, bootstrap_shares, widened_tail

QUICK = ForecastRequest(repeats=100)
FALLING = scored(60, 40, 1.0, seed=5, fooled=0.05)
WEIGHTS = [best_of_n_weights(FALLING, n) for n in default_n(FALLING)]
EXACT = np.array([weights @ FALLING.right / 60 for weights in WEIGHTS])


def test_with_all_labels_the_curve_is_the_weighted_mean_itself() -> None:
    result = compute_forecast(FALLING, QUICK)
    np.testing.assert_allclose(curve([point.accuracy.value for point in result.best_of_n]), EXACT, atol=1e-12)
    assert all(point.labeled_weight == pytest.approx(1) for point in result.best_of_n)


def test_planned_labels_are_unbiased_at_every_n_even_if_only_the_first_were_made() -> None:
    result: list[list[list[float]]] = [[], []]
    for seed in range(200):
        for values, known in zip(result, (planned(FALLING, 160, seed), planned(FALLING, 160, seed, 80)), strict=True):
            blocks = PromptBlocks(known, seed)
            tallies = [blocks.tally_weights(weights, per_prompt=True) for weights in WEIGHTS]
            values.append([blocks.share_value(tally) or 0.0 for tally in tallies])
    for values in result:
        away = np.mean(values, axis=0) - EXACT
        assert (np.abs(away) < 4 * np.std(values, axis=0) / np.sqrt(200) + 0.003).all()
        assert (np.abs(away) < 0.025).all()


def test_random_labels_give_no_value_for_an_n_that_they_cannot_estimate() -> None:
    result = compute_forecast(at_random(FALLING, 150, seed=1), QUICK)
    values = [point.accuracy.value for point in result.best_of_n]
    assert values[0] is not None
    assert values[-1] is None
    suggested = [point.optimistic or 0.0 for point in result.winners_curve]
    assert EXACT[-1] < EXACT.max() - 0.1
    assert max(suggested) == suggested[-1] > suggested[0] + 0.1
    assert "unseen" in [one.code for one in result.warnings]


def test_whether_random_labels_give_a_value_does_not_depend_on_the_labels_drawn() -> None:
    tables = [at_random(FALLING, 200, seed) for seed in range(25)]
    shown = {tuple(point.accuracy.value is None for point in compute_forecast(one, QUICK).best_of_n) for one in tables}
    assert len(shown) == 1


def test_complete_labels_of_some_prompts_estimate_the_curve_of_these_prompts() -> None:
    right = np.where(FALLING.prompt < 30, FALLING.right, np.nan)
    result = compute_forecast(make_candidates(FALLING.prompt, FALLING.score, right), QUICK)
    half = make_candidates(FALLING.prompt[:1200], FALLING.score[:1200], FALLING.right[:1200])
    expected = [point.accuracy.value for point in compute_forecast(half, QUICK).best_of_n]
    np.testing.assert_allclose(curve([p.accuracy.value for p in result.best_of_n]), curve(expected), atol=1e-12)


def test_resampling_blocks_of_prompts_gives_the_standard_error_of_prompts() -> None:
    candidates = scored(9000, 2, 1.0)
    blocks = PromptBlocks(candidates, seed=0)
    tally = blocks.tally_weights(best_of_n_weights(candidates, 2), per_prompt=True)
    per_prompt = np.bincount(candidates.prompt, best_of_n_weights(candidates, 2) * candidates.right)
    error = bootstrap_shares(blocks.prompts_per_block, [tally], 2000, seed=1)[:, 0].std()
    assert error == pytest.approx(per_prompt.std() / np.sqrt(9000), rel=0.1)


def test_intervals_widen_for_few_prompts_and_reach_the_usual_tail_for_many() -> None:
    assert widened_tail(1e6) == pytest.approx(0.025, abs=1e-4)
    assert widened_tail(5) < widened_tail(20) < widened_tail(200) < 0.025


def test_prompts_that_all_agree_have_an_interval() -> None:
    candidates = make_candidates(np.repeat(np.arange(20), 3), np.arange(60.0), np.ones(60))
    point = compute_forecast(candidates, QUICK).best_of_n[0]
    assert point.accuracy.value == point.accuracy.high == pytest.approx(1)
    assert point.accuracy.low is not None
    assert 0.8 < point.accuracy.low < 0.95


@pytest.mark.parametrize(
    ("right", "drawn", "message"),
    [
        ([1, 0.5], None, "right: a label is neither 1, 0 nor missing"),
        ([1, 0], [0.5, None], "drawn: 1 of 2 labeled rows have no chance of being drawn"),
        ([1, None], [1.5, None], "drawn: a chance lies outside"),
    ],
)
def test_invalid_labels_and_chances_are_refused_by_name(
    right: list[float | None], drawn: list[float | None] | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        make_candidates([0, 1], [0.0, 1.0], right, drawn)


@pytest.mark.parametrize("score", [[np.nan, 1.0], [np.inf, 1.0]])
def test_scores_that_are_missing_or_infinite_are_refused(score: list[float]) -> None:
    with pytest.raises(UsageError, match="score"):
        make_candidates([0, 1], score)
