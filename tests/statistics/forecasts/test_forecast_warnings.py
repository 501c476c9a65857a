"""Warnings: a decline is called sure where there is one and rarely where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from tests.simulated.scored_candidates import at_random, planned, scored
from winnow.statistics.forecasts.candidates import ScoredCandidates, best_of_n_weights, make_candidates
from winnow.statistics.forecasts.curves import default_n
from winnow.statistics.forecasts.forecast import ForecastRequest, compute_forecast
from winnow.statistics.forecasts.forecast_warnings import CurveDecline, detect_decline
from winnow.statistics.forecasts.share_estimates import PromptBlocks

QUICK = ForecastRequest(repeats=100)


def found(whole: ScoredCandidates, seed: int = 0) -> CurveDecline | None:
    blocks = PromptBlocks(whole, seed, repeats=400)
    points = [(n, blocks.tally_weights(best_of_n_weights(whole, n), per_prompt=True)) for n in default_n(whole)]
    return detect_decline(blocks, [(n, tally) for n, tally in points if tally.is_visible])


def codes(whole: ScoredCandidates) -> dict[str, bool]:
    return {one.code: one.sure for one in compute_forecast(whole, QUICK).warnings}


def test_a_score_with_a_few_high_wrong_answers_is_surely_over_optimized() -> None:
    result = compute_forecast(scored(80, 64, 1.5, fooled=0.05))
    assert result.decline is not None
    assert result.decline.is_sure
    assert 1 < result.decline.peak < result.decline.last == 64
    assert 0 < result.decline.lower_bound < result.decline.size
    (warning,) = [one for one in result.warnings if one.code == "over-optimization"]
    assert warning.sure
    assert f"highest at N = {result.decline.peak}" in warning.words


@pytest.mark.parametrize("labels", ["all", "planned", "random"])
@pytest.mark.parametrize("gap", [0.0, 0.3])
def test_a_curve_without_a_decline_is_called_surely_declining_in_at_most_5_percent(gap: float, labels: str) -> None:
    sure = 0
    for seed in range(200):
        candidates = scored(50, 16, gap, seed)
        if labels != "all":
            candidates = planned(candidates, 150, seed) if labels == "planned" else at_random(candidates, 200, seed)
        result = found(candidates, seed)
        sure += result is not None and result.is_sure
    assert sure / 200 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)


def test_a_rising_curve_has_its_peak_at_the_end_and_no_decline() -> None:
    result = found(scored(80, 16, 2.0))
    assert result is not None
    assert (result.peak, result.size, result.is_detected, result.is_sure) == (16, 0.0, False, False)


def test_no_decline_is_computed_with_one_prompt_or_one_n() -> None:
    assert found(make_candidates([0, 0, 0], [1.0, 2.0, 3.0], [1, 0, 0])) is None
    assert found(make_candidates([0, 1, 2], [1.0, 2.0, 3.0], [1, 0, 0])) is None


def test_tables_without_labels_with_one_prompt_or_with_one_score_give_warnings() -> None:
    assert codes(make_candidates([0, 0, 1], [1.0, 2.0, 3.0])) == {"no-labels": True, "fewer-candidates": True}
    assert codes(make_candidates([0, 0], [1.0, 2.0], [0, 1])) == {"one-prompt": True}
    candidates = scored(30, 4, 1.0)
    assert codes(make_candidates(candidates.prompt, np.zeros(120), candidates.right)) == {
        "constant-score": True,
        "no-gain": False,
    }


def test_no_rule_uses_a_score_that_prefers_wrong_answers() -> None:
    candidates = scored(80, 16, -1.5)
    best = compute_forecast(candidates).recommended
    assert best is not None
    assert (best.rule, best.n) == ("best-of-n", 1)
    assert codes(candidates)["over-optimization"]
    assert not codes(candidates)["no-gain"]


def test_labels_chosen_by_score_give_the_warning_that_they_are_not_random() -> None:
    candidates = scored(80, 16, 1.0)
    right = np.where(candidates.score > np.quantile(candidates.score, 0.8), candidates.right, np.nan)
    assert codes(make_candidates(candidates.prompt, candidates.score, right))["labels-not-random"]
    assert all("labels-not-random" not in codes(at_random(candidates, 200, seed)) for seed in range(20))


def test_prompts_with_fewer_candidates_than_drawn_are_counted() -> None:
    candidates = make_candidates([0, 0, 0, 0, 1, 1], np.arange(6.0), [0, 1, 0, 1, 1, 0])
    result = compute_forecast(candidates, QUICK)
    (warning,) = [one for one in result.warnings if one.code == "fewer-candidates"]
    assert "(prompts at N = 4: 1)" in warning.words
