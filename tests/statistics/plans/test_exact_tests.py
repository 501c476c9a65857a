"""What the exact tests promise: the chances of the textbooks, and a boundary that only ever widens."""

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
def test_fisher_s_chance_is_that_of_counting_tables(of_a: int, of_b: int, share_a: float, share_b: float) -> None:
    counts = (round(share_a * of_a), of_a, round(share_b * of_b), of_b)
    assert fisher_p_value(*counts) == pytest.approx(by_counting(*counts), rel=1e-9)


@given(st.integers(1, 40), st.integers(1, 400), st.floats(0, 1), st.floats(0, 1), st.floats(1, 4))
def test_a_boundary_only_widens_and_then_ends_at_the_seen_difference(
    of_a: int, of_b: int, share_a: float, share_b: float, bound: float
) -> None:
    counts = (round(share_a * of_a), of_a, round(share_b * of_b), of_b)
    sides = SideCounts(*(np.array([float(count)]) for count in counts))
    wide = widen_boundary(sides, np.array([bound]))[0]
    assert wide == bound or wide == abs(score_statistic(sides, np.zeros(1))[0]) > bound


def test_two_right_of_two_kept_labels_settle_nothing_though_the_normal_curve_says_so() -> None:
    sides = SideCounts(np.array([2.0]), np.array([2.0]), np.array([14.0]), np.array([198.0]))
    bound = np.array([2.7])
    assert score_statistic(sides, np.zeros(1))[0] > 4
    assert widen_boundary(sides, bound)[0] > bound[0]


@pytest.mark.parametrize(("right", "of", "settles"), [(8, 8, True), (7, 7, False), (0, 8, True), (0, 7, False)])
def test_a_share_is_told_from_one_half_where_the_binomial_says_so(right: int, of: int, settles: bool) -> None:
    bound = np.array([2.6])  # one case in 215, a run of 8 is one in 256
    off = abs(right / of - 0.5) * 2 * of**0.5
    wide = widen_boundary_against_half(np.array([right / of]), np.array([float(of)]), bound)[0]
    assert (off > wide) == settles
