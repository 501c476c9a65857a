"""What cautions promise: a fall is called sure where it is one, seldom where there is none, and each says its words."""

from __future__ import annotations

import numpy as np
import pytest

from tests.simulated.scored_candidates import at_random, planned, scored
from winnow.statistics.forecasts import ForecastRequest, compute_forecast, make_candidates
from winnow.statistics.forecasts.candidates import ScoredCandidates
from winnow.statistics.forecasts.curves import default_n
from winnow.statistics.forecasts.forecast_warnings import CurveDecline, detect_decline
from winnow.statistics.forecasts.share_estimates import PromptBlocks
from winnow.statistics.forecasts.weights import best_of_n_weights

QUICK = ForecastRequest(repeats=100)


def found(whole: ScoredCandidates, seed: int = 0) -> CurveDecline | None:
    blocks = PromptBlocks(whole, seed)
    points = [(n, blocks.tally_weights(best_of_n_weights(whole, n), per_prompt=True)) for n in default_n(whole)]
    return detect_decline(blocks.prompts_per_block, [(n, tally) for n, tally in points if tally.is_visible], 400, seed)


def codes(whole: ScoredCandidates) -> dict[str, bool]:
    return {one.code: one.is_sure for one in compute_forecast(whole, QUICK).warnings}


def test_a_score_that_a_few_wrong_answers_fool_is_surely_over_optimized() -> None:
    result = compute_forecast(scored(80, 64, 1.5, fooled=0.05))
    assert result.decline is not None
    assert result.decline.is_sure
    assert 1 < result.decline.peak < result.decline.last == 64
    assert 0 < result.decline.lower_bound < result.decline.size
    (warning,) = [one for one in result.warnings if one.code == "over-optimization"]
    assert warning.is_sure
    assert f"highest at N = {result.decline.peak}" in warning.message


@pytest.mark.parametrize("labels", ["all", "planned", "random"])
@pytest.mark.parametrize("gap", [0.0, 0.3])
def test_a_curve_that_does_not_fall_is_called_surely_falling_on_one_table_of_twenty_at_most(
    gap: float, labels: str
) -> None:
    sure = 0
    for seed in range(200):
        candidates = scored(50, 16, gap, seed)
        if labels != "all":
            candidates = planned(candidates, 150, seed) if labels == "planned" else at_random(candidates, 200, seed)
        result = found(candidates, seed)
        sure += result is not None and result.is_sure
    assert sure / 200 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)


def test_a_rising_curve_has_its_peak_at_the_end_and_no_fall() -> None:
    result = found(scored(80, 16, 2.0))
    assert result is not None
    assert (result.peak, result.size, result.is_detected, result.is_sure) == (16, 0.0, False, False)


def test_nothing_is_compared_with_one_prompt_or_one_n() -> None:
    assert found(make_candidates([0, 0, 0], [1.0, 2.0, 3.0], [1, 0, 0])) is None
    assert found(make_candidates([0, 1, 2], [1.0, 2.0, 3.0], [1, 0, 0])) is None


def test_tables_without_labels_with_one_prompt_or_with_one_score_say_so() -> None:
    assert codes(make_candidates([0, 0, 1], [1.0, 2.0, 3.0])) == {"no-labels": True, "fewer-candidates": True}
    assert codes(make_candidates([0, 0], [1.0, 2.0], [0, 1])) == {"one-prompt": True}
    candidates = scored(30, 4, 1.0)
    assert codes(make_candidates(candidates.prompt, np.zeros(120), candidates.right)) == {
        "constant-score": True,
        "no-gain": False,
    }


def test_a_score_that_prefers_wrong_answers_never_gets_a_rule_that_uses_it() -> None:
    candidates = scored(80, 16, -1.5)
    best = compute_forecast(candidates).recommended
    assert best is not None
    assert (best.rule, best.n) == ("best-of-n", 1)
    assert codes(candidates)["over-optimization"]
    assert not codes(candidates)["no-gain"]


def test_labels_picked_by_score_are_not_taken_for_random_ones() -> None:
    candidates = scored(80, 16, 1.0)
    right = np.where(candidates.score > np.quantile(candidates.score, 0.8), candidates.right, np.nan)
    assert codes(make_candidates(candidates.prompt, candidates.score, right))["labels-not-random"]
    assert all("labels-not-random" not in codes(at_random(candidates, 200, seed)) for seed in range(20))


def test_prompts_with_fewer_candidates_than_drawn_are_counted() -> None:
    candidates = make_candidates([0, 0, 0, 0, 1, 1], np.arange(6.0), [0, 1, 0, 1, 1, 0])
    result = compute_forecast(candidates, QUICK)
    (warning,) = [one for one in result.warnings if one.code == "fewer-candidates"]
    assert "(prompts at N = 4: 1)" in warning.message
    assert [point.short_prompts for point in result.best_of_n] == [0, 0, 1]
