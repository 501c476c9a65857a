"""Measured shares and their differences: published intervals, symmetry, and coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.statistics.intervals import IntervalEstimate
from winnow.statistics.outcomes import compare_with_forecast, measure_share, subtract_shares

SHARES = st.floats(0, 1)
COUNTS = st.integers(1, 100_000)


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_a_share_agrees_with_newcombe_s_table(right: int, n: int, low: float, high: float) -> None:
    result = measure_share(right / n, n)
    assert [result.low, result.high] == pytest.approx([low, high], abs=5e-5)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_the_interval_of_a_difference_agrees_with_newcombe_s_table(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    result = subtract_shares(*(measure_share(right / n, n) for right, n in (one, other)))
    assert [result.low, result.high] == pytest.approx([low, high], abs=5e-5)


@given(SHARES, COUNTS)
def test_an_interval_lies_between_0_and_1_and_contains_its_share(score: float, n: int) -> None:
    result = measure_share(score, n)
    assert result.low is not None and result.high is not None
    assert 0 <= result.low <= score <= result.high <= 1
    assert result.high > result.low


@given(SHARES, COUNTS, SHARES, COUNTS)
def test_swapping_two_shares_negates_the_difference(p: float, n: int, q: float, m: int) -> None:
    there, back = (
        subtract_shares(measure_share(p, n), measure_share(q, m)),
        subtract_shares(measure_share(q, m), measure_share(p, n)),
    )
    assert there.low is not None and back.high is not None
    assert there.value == -(back.value or 0.0)
    assert there.low == pytest.approx(-back.high)


def test_intervals_of_shares_and_differences_cover_the_truth_in_95_percent() -> None:
    rng = np.random.default_rng(0)
    for p, q, n in ((0.5, 0.6, 100), (0.9, 0.95, 200), (0.7, 0.7, 400)):
        one, other = rng.binomial(n, p, 4000) / n, rng.binomial(n, q, 4000) / n
        shares = [measure_share(float(x), n) for x in one]
        both = [subtract_shares(share, measure_share(float(y), n)) for share, y in zip(shares, other, strict=True)]
        for result, truth in ((shares, p), (both, p - q)):
            held = np.mean([(one.low or 0.0) <= truth <= (one.high or 0.0) for one in result])
            assert 0.93 <= held <= 0.975


@pytest.mark.parametrize(
    ("expected", "low", "high", "outcome"),
    [
        ("better", 0.01, 0.2, "held"),
        ("better", -0.2, -0.01, "not held"),
        ("worse", -0.2, -0.01, "held"),
        ("worse", 0.01, 0.2, "not held"),
        ("better", -0.1, 0.1, "undecided"),
        ("undecided", 0.1, 0.2, "undecided"),
        (None, 0.1, 0.2, "undecided"),
    ],
)
def test_an_order_is_held_only_if_forecast_and_outcome_are_both_sure(
    expected: str | None, low: float, high: float, outcome: str
) -> None:
    assert compare_with_forecast(expected, IntervalEstimate((low + high) / 2, low, high)) == outcome
