"""The recommended rule is the best, judged by prompts that did not choose it, with its command."""

from __future__ import annotations

import numpy as np
import pytest

from tests.simulated.scored_candidates import planned, scored
from winnow.statistics.forecasts import curves
from winnow.statistics.forecasts.candidates import ScoredCandidates, best_of_n_weights, make_candidates
from winnow.statistics.forecasts.forecast import ForecastRequest, compute_forecast
from winnow.statistics.forecasts.recommendation import Recommendation, RuleComparison, forecast_files
from winnow.statistics.forecasts.share_estimates import PromptBlocks

QUICK = ForecastRequest(repeats=100)


def recommended(whole: ScoredCandidates, request: ForecastRequest = QUICK) -> Recommendation:
    best = compute_forecast(whole, request).recommended
    assert best is not None
    return best


def test_a_rising_curve_recommends_the_largest_n_and_a_falling_one_its_peak() -> None:
    assert recommended(scored(80, 16, 2.0)).n == 16
    falling = scored(80, 64, 1.5, fooled=0.05)
    curve = {point.at: point.accuracy.value or 0.0 for point in compute_forecast(falling, QUICK).best_of_n}
    assert recommended(falling).n == max(curve, key=lambda n: curve[n])


def test_planned_labels_recommend_an_n_that_is_nearly_as_good_as_the_best() -> None:
    candidates = scored(80, 64, 1.5, fooled=0.05)
    curve = {point.at: point.accuracy.value or 0.0 for point in compute_forecast(candidates, QUICK).best_of_n}
    chosen = [recommended(planned(candidates, 200, seed)).n for seed in range(40)]
    assert sum(n is not None and curve[n] > max(curve.values()) - 0.04 for n in chosen) >= 36


def test_the_stated_accuracy_is_not_biased_by_choosing_the_best_rule() -> None:
    """On scores that know nothing every rule gives the same, so what is said beyond it is flattery."""
    result, naive = [], []
    for seed in range(60):
        candidates = planned(scored(60, 32, 0.0, seed), 100, seed)
        best = recommended(candidates)
        truth = scored(60, 32, 0.0, seed).right.mean()
        assert best.uncorrected is not None
        if best.accuracy.value is not None:
            result.append(best.accuracy.value - truth)
            naive.append(best.uncorrected - truth)
    assert np.mean(naive) > 0.03
    assert np.mean(result) < np.mean(naive) / 2
    assert np.mean(result) < 4 * np.std(result) / np.sqrt(len(result))


def test_a_threshold_is_recommended_where_it_gains_more_than_it_loses() -> None:
    """All candidates of a prompt share its score, so nothing can be chosen inside a prompt, but bad rows can go."""
    rng = np.random.default_rng(1)
    right = rng.random((200, 4)) < 0.5
    score = np.where(right, 1.0, 0.0)
    score[:, :2] += 2 * rng.random((200, 1))
    best = recommended(make_candidates(np.repeat(np.arange(200), 4), score.ravel(), right.ravel().astype(float)))
    assert best.gain.low is not None
    assert best.gain.low > 0
    assert best.rule in ("best-of-n", "threshold")


def test_with_one_candidate_per_prompt_the_rule_balances_precision_and_share_kept() -> None:
    rng = np.random.default_rng(2)
    right = rng.random(2000) < 0.5
    score = np.where(right, 1.0, 0.0) + 0.3 * rng.normal(size=2000)
    best = recommended(make_candidates(np.arange(2000), score, right.astype(float)))
    assert best.rule == "threshold"
    assert 0.2 < float(best.args["threshold"]) < 0.8
    assert best.accuracy.value is not None
    assert best.accuracy.value > 0.85
    assert best.judged_by == "precision and share kept"


def test_the_command_applies_the_rule_and_states_the_direction_of_the_score() -> None:
    candidates = scored(60, 8, 2.0)
    request = ForecastRequest(command="winnow select t.jsonl --score s", repeats=100)
    assert recommended(candidates, request).command == "winnow select t.jsonl --score s --best-of 8"
    low = make_candidates(candidates.prompt, -candidates.score, candidates.right, lower_is_better=True)
    assert recommended(low, request).command.endswith("--best-of 8 --lower-is-better")


def test_thresholds_are_in_the_direction_of_the_score() -> None:
    right = np.r_[np.ones(50), np.zeros(50)]
    loss = np.r_[np.linspace(0, 1, 50), np.linspace(2, 3, 50)]
    result = compute_forecast(
        make_candidates(np.arange(100), loss, right, lower_is_better=True),
        ForecastRequest(thresholds=[1.5], repeats=100),
    )
    (point,) = result.thresholds
    assert (point.at, point.kept, point.accuracy.value) == (1.5, 50, 1.0)
    assert result.recommended is not None
    assert result.recommended.args in ({"threshold": 1.5}, {"top_share": 0.5})


@pytest.mark.parametrize("labels", [None, 1])
def test_no_labels_recommend_no_rule_and_one_prompt_gives_no_accuracy(labels: float | None) -> None:
    right = None if labels is None else np.ones(6)
    best = compute_forecast(make_candidates(np.zeros(6), np.arange(6.0), right), QUICK).recommended
    assert (best is None) if labels is None else (best is not None and best.accuracy.value is None)


def test_the_gain_is_the_difference_from_taking_any_candidate() -> None:
    candidates = scored(80, 16, 1.5)
    best = recommended(candidates)
    assert best.raw == pytest.approx(float(best_of_n_weights(candidates, 1) @ candidates.right) / 80)
    assert best.accuracy.value is not None and best.raw is not None
    assert best.gain.value == pytest.approx(best.accuracy.value - best.raw)


def test_the_runner_up_is_a_different_rule_with_its_own_command() -> None:
    result = {
        one.file: one
        for one in compute_forecast(scored(120, 16, 2.0), ForecastRequest(n=[1, 2, 16, 99], repeats=100)).file_forecasts
    }
    assert (result["recommended"].rule, result["recommended"].at) == ("best-of-n", 16)
    other = result["runner-up"]
    assert (other.rule, other.at) != ("best-of-n", 99)
    assert other.command is not None and other.command.endswith(f"--{other.rule.removesuffix('-n')} {other.at!r}")
    assert other.selects and result["recommended"].selects and not result["control"].selects


def test_the_runner_up_of_a_threshold_is_a_best_of_n_rule() -> None:
    """Half of the prompts are hopeless, and a candidate's score knows it; inside a prompt it knows a little."""
    rng = np.random.default_rng(3)
    right = np.where(np.arange(300)[:, None] % 2, rng.random((300, 4)) < 0.9, False)
    score = 2.0 * (np.arange(300)[:, None] % 2) + 0.1 * rng.random((300, 4)) + 0.05 * right
    candidates = make_candidates(np.repeat(np.arange(300), 4), score.ravel(), right.ravel().astype(float))
    blocks = PromptBlocks(candidates, 0)
    cut = curves.threshold_rules(blocks, [2.0])
    comparison = RuleComparison(
        blocks, [*cut, *curves.top_share_rules(blocks, [0.25], 0), *curves.best_of_n_rules(blocks, [1, 2])]
    )
    comparison.winner_index = 0
    other = comparison.find_runner_up()
    assert other is not None and (other.rule, other.at) == ("best-of-n", 2)


def test_a_single_selective_rule_has_no_runner_up() -> None:
    result = compute_forecast(
        scored(80, 4, 2.0), ForecastRequest(n=[1, 4], thresholds=[-99.0], top_shares=[1.0], repeats=100)
    ).file_forecasts
    assert [one.file for one in result] == ["control", "recommended"]


def test_the_control_has_the_share_right_of_the_prompts_that_a_rule_keeps() -> None:
    """A cut that only chooses prompts gains over raw rows, and nothing over a control drawn from those prompts."""
    rng = np.random.default_rng(4)
    easy = np.arange(400) % 2
    right = rng.random((400, 4)) < (0.2 + 0.7 * easy)[:, None]
    score = np.repeat(easy.astype(float), 4)
    blocks = PromptBlocks(
        make_candidates(np.repeat(np.arange(400), 4), score, right.ravel().astype(float)), 0, repeats=200
    )
    comparison = RuleComparison(blocks, curves.threshold_rules(blocks, [1.0]))
    control, best = forecast_files(comparison, "winnow select t")
    assert control.sampling.value == pytest.approx(float(right[easy == 1].mean()))
    assert best.over_control.value == pytest.approx(0.0, abs=1e-12)
    assert control.sampling.value > right.mean() + 0.2
