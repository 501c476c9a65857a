"""Exact tests have the enumerated p-values, and boundaries are only widened."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.statistics.plans.score_intervals import (
    SideCounts,
    fisher_p_value,
    score_statistic,
    widen_boundary,
    widen_boundary_against_half,
)


def by_counting(right_a: int, of_a: int, right_b: int, of_b: int) -> float:
    """Fisher's one-sided chance, table by table."""
    if right_a * of_b < right_b * of_a:
        right_a, of_a, right_b, of_b = right_b, of_b, right_a, of_a
    total = right_a + right_b
    ways = [comb(of_a, x) * comb(of_b, total - x) for x in range(right_a, min(of_a, total) + 1) if total - x <= of_b]
    return sum(ways) / comb(of_a + of_b, total)


@given(st.integers(1, 30), st.integers(1, 30), st.floats(0, 1), st.floats(0, 1))
def test_fisher_s_p_value_equals_the_enumerated_one(of_a: int, of_b: int, share_a: float, share_b: float) -> None:
    counts = (round(share_a * of_a), of_a, round(share_b * of_b), of_b)
    assert fisher_p_value(*counts) == pytest.approx(by_counting(*counts), rel=1e-9)


@given(st.integers(1, 40), st.integers(1, 400), st.floats(0, 1), st.floats(0, 1), st.floats(1, 4))
def test_a_boundary_is_kept_or_widened_to_the_observed_difference(
    of_a: int, of_b: int, share_a: float, share_b: float, bound: float
) -> None:
    counts = (round(share_a * of_a), of_a, round(share_b * of_b), of_b)
    sides = SideCounts(*(np.array([float(count)]) for count in counts))
    wide = widen_boundary(sides, np.array([bound]))[0]
    assert wide == bound or wide == abs(score_statistic(sides, np.zeros(1))[0]) > bound


def test_two_labels_of_a_side_do_not_settle_what_the_normal_approximation_would() -> None:
    sides = SideCounts(np.array([2.0]), np.array([2.0]), np.array([14.0]), np.array([198.0]))
    bound = np.array([2.7])
    assert score_statistic(sides, np.zeros(1))[0] > 4
    assert widen_boundary(sides, bound)[0] > bound[0]


@pytest.mark.parametrize(("right", "of", "settles"), [(8, 8, True), (7, 7, False), (0, 8, True), (0, 7, False)])
def test_a_share_differs_from_one_half_where_the_binomial_test_rejects(right: int, of: int, settles: bool) -> None:
    bound = np.array([2.6])  # one case in 215, a run of 8 is one in 256
    off = abs(right / of - 0.5) * 2 * of**0.5
    wide = widen_boundary_against_half(np.array([right / of]), np.array([float(of)]), bound)[0]
    assert (off > wide) == settles
