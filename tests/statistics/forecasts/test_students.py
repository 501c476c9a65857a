"""Shares that students copy, and the outlook for a student with its basis."""

from __future__ import annotations

import pytest

from tests.simulated.scored_candidates import scored
from winnow.statistics.forecasts.candidates import make_candidates
from winnow.statistics.forecasts.forecast import ForecastRequest, compute_forecast
from winnow.statistics.forecasts.share_estimates import ForecastInterval
from winnow.statistics.forecasts.students import describe_student_outlook

GAIN = ForecastInterval(0.1, 0.05, 0.15)


def test_copied_shares_cover_the_raw_rows_and_the_best_rule_of_each_kind() -> None:
    prompt = [0, 0, 0, 0, 1, 1, 1, 1]
    answer = [7, 7, 8, 9, 5, 6, 6, 6]
    right = [0, 0, 1, 0, 1, 0, 0, 0]
    score = [1.0, 0.0, 2.0, 0.0, 2.0, 0.0, 0.0, 0.0]
    result = compute_forecast(
        make_candidates(prompt, score, right, answer=answer),
        ForecastRequest(thresholds=[2.0], top_shares=[1.0], repeats=100),
    )
    shares = {one.rule: (one.sampling.value, one.greedy.value) for one in result.copied_shares}
    assert shares["raw"] == (0.25, 0.0)
    assert shares["threshold"] == (1.0, 1.0)
    assert shares["top-share"] == (0.25, 0.0)
    assert shares["best-of-n"] == (1.0, 1.0)
    gains = {one.rule: (one.sampling_gain.value, one.greedy_gain.value) for one in result.copied_shares}
    assert gains["threshold"] == (0.75, 1.0)


def test_without_answers_there_is_no_share_for_a_greedy_student() -> None:
    result = compute_forecast(scored(40, 4, 1.0), ForecastRequest(repeats=100))
    assert all(one.greedy.value is None and one.greedy.why for one in result.copied_shares)
    assert all(one.sampling.value is not None for one in result.copied_shares)


def test_an_outlook_without_recorded_outcomes_holds_no_number() -> None:
    for regime in ("self", "teacher", "pretrain"):
        assert describe_student_outlook(regime, GAIN).to_dict()["value"] is None


def test_outside_self_training_the_outlook_has_counter_evidence_and_no_direction() -> None:
    assert describe_student_outlook("self", GAIN).counter_evidence == ()
    assert describe_student_outlook("self", GAIN).expects == "better"
    for regime, source in (("teacher", "2506.04178"), ("pretrain", "2510.01631")):
        result = describe_student_outlook(regime, GAIN)  # type: ignore[arg-type]
        assert any(source in name for name, _ in result.counter_evidence)
        assert (result.expects, result.basis) == (None, "none")
    shown = compute_forecast(scored(20, 4, 1.0), ForecastRequest(regime="teacher", repeats=100)).to_dict()["lead"]
    assert isinstance(shown, dict)
    assert shown["counter_evidence"][0].keys() == {"source", "says"}


@pytest.mark.parametrize(
    ("low", "high", "expects"), [(-0.2, -0.1, "worse"), (-0.1, 0.1, "undecided"), (None, None, None)]
)
def test_the_expected_direction_follows_the_interval_of_the_gain(
    low: float | None, high: float | None, expects: str | None
) -> None:
    assert describe_student_outlook("self", ForecastInterval(-0.1, low, high)).expects == expects


def test_recorded_outcomes_are_shown_as_differences_and_not_applied_to_the_forecast() -> None:
    result = describe_student_outlook("teacher", GAIN, [(0.5, 0.6), (0.5, 0.45), (0.4, 0.6)])
    assert (result.basis, result.expects) == ("your own outcomes", "better")
    plain = result.to_dict()
    assert (plain["outcomes"], plain["value"], plain["low"], plain["high"]) == (3, None, None, None)
    assert plain["difference"] == pytest.approx({"value": 0.25 / 3, "low": -0.05, "high": 0.2})
    assert "your recorded students scored +8.3 points on average" in result.message
    assert "(-5.0 to +20.0; n = 3)" in result.message
    assert result.counter_evidence


def test_one_outcome_is_shown_together_with_the_study_of_small_models() -> None:
    result = describe_student_outlook("self", GAIN, [(0.5, 0.52)])
    assert (result.basis, result.to_dict()["outcomes"]) == ("your own outcomes", 1)
    assert result.message.startswith("your recorded students scored +2.0 points")
    assert "small models trained from scratch" in result.message
