"""A whole forecast: JSON without NaN for any table, the same for the same input, and exact pass@N."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulated.scored_candidates import planned, scored
from winnow.statistics.forecasts.candidates import make_candidates
from winnow.statistics.forecasts.forecast import ForecastRequest, compute_forecast

QUICK = ForecastRequest(repeats=100)
ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(-2, 2), st.sampled_from([0.0, 1.0, None]), st.integers(0, 2)),
    min_size=1,
    max_size=25,
)


@settings(deadline=None)
@given(ROWS, st.booleans(), st.booleans())
def test_every_table_has_a_forecast_that_is_json_with_shares_inside_their_intervals(
    rows: list[tuple[int, int, float | None, int]], drawn: bool, lower: bool
) -> None:
    prompt, score, right, answer = (list(column) for column in zip(*rows, strict=True))
    chances = [None if label is None else 0.5 for label in right] if drawn else None
    result = compute_forecast(make_candidates(prompt, score, right, chances, answer, lower), QUICK).to_dict()
    text = json.dumps(result, allow_nan=False)
    for point in [*json.loads(text)["best_of_n"], *json.loads(text)["thresholds"], *json.loads(text)["top_shares"]]:
        value, low, high = point["accuracy"], point["low"], point["high"]
        assert value is None or -1e-9 <= value <= 1 + 1e-9
        assert low is None or low - 1e-9 <= value <= high + 1e-9
        assert value is not None or low is None


def test_the_fields_of_a_point_of_best_of_n_are_these() -> None:
    result = compute_forecast(scored(20, 4, 1.0), QUICK).to_dict()
    assert list(result["best_of_n"][0]) == ["n", "accuracy", "low", "high", "prompts", "labeled_weight"]  # type: ignore[index]
    assert {"rule", "n", "args", "accuracy", "command"} <= set(result["recommended"])  # type: ignore[call-overload]


def test_the_same_input_gives_the_same_forecast_and_another_seed_the_same_accuracies() -> None:
    candidates = scored(50, 8, 1.0)
    assert compute_forecast(candidates, QUICK).to_dict() == compute_forecast(candidates, QUICK).to_dict()
    other = compute_forecast(candidates, ForecastRequest(repeats=100, seed=1))
    first = compute_forecast(candidates, QUICK)
    assert [p.accuracy.value for p in first.best_of_n] == [p.accuracy.value for p in other.best_of_n]
    assert [p.accuracy.low for p in first.best_of_n] != [p.accuracy.low for p in other.best_of_n]


def test_the_names_of_prompts_do_not_change_the_forecast() -> None:
    candidates = scored(30, 8, 1.0)
    named = make_candidates([f"p{prompt:03}" for prompt in candidates.prompt], candidates.score, candidates.right)
    assert compute_forecast(named, QUICK).to_dict() == compute_forecast(candidates, QUICK).to_dict()


def test_pass_at_n_is_the_share_of_draws_with_a_right_one_and_is_left_out_when_a_label_is_missing() -> None:
    right = [1, 0, 0, 0, 0, 1, 1, 0, 0]
    prompt = [0, 0, 0, 0, 1, 1, 1, 2, 2]
    result = compute_forecast(
        make_candidates(prompt, np.arange(9.0), right), ForecastRequest(n=(1, 2, 3, 4), repeats=100)
    )
    for point in result.pass_at_n:
        shares = []
        for own in ([1, 0, 0, 0], [0, 1, 1], [0, 0]):
            draws = list(combinations(own, min(point.n, len(own))))
            shares.append(sum(max(draw) for draw in draws) / len(draws))
        assert point.share.value == pytest.approx(np.mean(shares))
    assert compute_forecast(planned(scored(40, 8, 1.0), 50, 0), QUICK).pass_at_n == []


def test_thresholds_and_top_shares_count_what_they_keep() -> None:
    candidates = make_candidates([0, 0, 1, 1, 2], [1.0, 3.0, 2.0, 0.0, 0.0], [0, 1, 1, 0, 1])
    result = compute_forecast(candidates, ForecastRequest(thresholds=[2.0], top_shares=[0.5], repeats=100)).to_dict()
    for name in ("thresholds", "top_shares"):
        point = result[name][0]  # type: ignore[index]
        expected = (2, 2, 1.0) if name == "thresholds" else (3, 2, pytest.approx(2 / 3))
        assert (point["kept"], point["prompts"], point["accuracy"]) == expected
    assert result["thresholds"][0]["per_prompt"] == pytest.approx(2 / 3)  # type: ignore[index]


def test_the_curve_suggested_by_scores_never_declines_while_the_true_one_does() -> None:
    result = compute_forecast(scored(80, 64, 1.5, fooled=0.05), QUICK).winners_curve
    scores = [point.score for point in result]
    suggested = [point.optimistic or 0.0 for point in result]
    truth = [point.accuracy or 0.0 for point in result]
    assert scores == sorted(scores)
    assert all(later >= earlier - 1e-12 for earlier, later in pairwise(suggested))
    assert truth[-1] < max(truth) - 0.1


def test_the_quick_validation_of_forecasts_keeps_its_error_rates(tmp_path: Path) -> None:
    program = Path(__file__).parents[3] / "validation" / "forecast.py"
    subprocess.run([sys.executable, str(program), "--quick", "--out", str(tmp_path)], check=True, capture_output=True)
    figures = json.loads((tmp_path / "proofs" / "forecast.json").read_text(encoding="utf-8"))
    assert figures["weights_error"] < 1e-12
    assert all(row["sure"] <= 0.1 for row in figures["curves"] if row["world"] != "falls")
    assert any(row["sure"] >= 0.9 for row in figures["curves"] if row["world"] == "falls")
