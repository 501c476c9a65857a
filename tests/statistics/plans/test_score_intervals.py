"""Score intervals have published values, are never empty, and agree with their test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri, xlogy

from winnow.statistics.plans.score_intervals import (
    SideCounts,
    constrained_shares,
    miettinen_nurminen_interval,
    score_statistic,
    wilson_interval,
)

TWO_SIDED = np.array([ndtri(0.975)])
# Newcombe 1998 (Statistics in Medicine 17:873), table II, method 5, Miettinen and Nurminen.
NEWCOMBE = {
    (56, 70, 48, 80): (0.0528, 0.3382),
    (9, 10, 3, 10): (0.1700, 0.8406),
    (6, 7, 2, 7): (0.0342, 0.8534),
    (5, 56, 0, 29): (-0.0326, 0.1933),
    (0, 10, 0, 20): (-0.1658, 0.2844),
    (10, 10, 0, 20): (0.7156, 1.0),
}
labels = st.integers(1, 60)
shares = st.floats(0, 1)


def sides(right_a: float, of_a: float, right_b: float, of_b: float) -> SideCounts:
    """One project."""
    return SideCounts(*(np.array([float(count)]) for count in (right_a, of_a, right_b, of_b)))


@pytest.mark.parametrize("counts", NEWCOMBE)
def test_differences_of_two_shares_agree_with_newcombe_s_table(counts: tuple[int, int, int, int]) -> None:
    low, high = miettinen_nurminen_interval(sides(*counts), TWO_SIDED)
    assert (low[0], high[0]) == pytest.approx(NEWCOMBE[counts], abs=6e-5)


@given(labels, labels, shares, shares, st.floats(1, 4))
def test_an_interval_excludes_zero_exactly_when_the_score_test_rejects(
    of_a: int, of_b: int, share_a: float, share_b: float, bound: float
) -> None:
    both = sides(round(share_a * of_a), of_a, round(share_b * of_b), of_b)
    low, high = miettinen_nurminen_interval(both, np.array([bound]))
    far = abs(score_statistic(both, np.zeros(1))[0])
    assert low[0] <= both.difference()[0] <= high[0]
    assert high[0] - low[0] > 0
    if abs(far - bound) > 1e-9:
        assert (low[0] > 0 or high[0] < 0) == (far > bound)


@settings(max_examples=30)
@given(labels, labels, shares, shares)
def test_swapping_the_sides_or_right_and_wrong_mirrors_the_interval(
    of_a: int, of_b: int, share_a: float, share_b: float
) -> None:
    right_a, right_b = round(share_a * of_a), round(share_b * of_b)
    low, high = miettinen_nurminen_interval(sides(right_a, of_a, right_b, of_b), TWO_SIDED)
    for turned in (sides(right_b, of_b, right_a, of_a), sides(of_a - right_a, of_a, of_b - right_b, of_b)):
        other = miettinen_nurminen_interval(turned, TWO_SIDED)
        assert (-other[1][0], -other[0][0]) == pytest.approx((low[0], high[0]), abs=1e-9)


@given(labels, labels, shares, shares, st.floats(-0.99, 0.99))
def test_constrained_shares_have_the_largest_likelihood(
    of_a: int, of_b: int, share_a: float, share_b: float, supposed: float
) -> None:
    right_a, right_b = round(share_a * of_a), round(share_b * of_b)
    best = constrained_shares(sides(right_a, of_a, right_b, of_b), np.array([supposed]))
    every_a = np.linspace(max(0.0, supposed), min(1.0, 1 + supposed), 2_001)

    def likelihood(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        fit_a = xlogy(right_a, a) + xlogy(of_a - right_a, 1 - a)
        return np.asarray(fit_a + xlogy(right_b, b) + xlogy(of_b - right_b, 1 - b))

    assert likelihood(*best)[0] >= likelihood(every_a, np.clip(every_a - supposed, 0, 1)).max() - 1e-7


def test_wilson_s_interval_has_published_values_and_is_0_to_1_for_an_infinite_bound() -> None:
    low, high = wilson_interval(np.array([81.0, 0.0]), np.array([263.0, 20.0]), np.full(2, TWO_SIDED[0]))
    assert low == pytest.approx([0.2553, 0.0], abs=5e-5)
    assert high == pytest.approx([0.3662, 0.1611], abs=5e-5)
    assert wilson_interval(np.array([3.0]), np.array([4.0]), np.array([np.inf])) == (np.zeros(1), np.ones(1))
