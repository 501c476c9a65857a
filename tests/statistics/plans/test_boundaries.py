"""Boundaries keep the error rate over all looks, whatever their number."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtri

from winnow.statistics.plans.boundaries import LOOK_SIZES, choose_look_sizes, cumulative_error, stopping_boundaries


def test_the_boundary_of_a_single_look_is_the_normal_quantile() -> None:
    assert stopping_boundaries((100,)) == pytest.approx((ndtri(0.975),), abs=1e-9)


def test_two_looks_at_half_and_all_agree_with_the_bivariate_normal() -> None:
    first, second = stopping_boundaries((100, 200))
    assert first == pytest.approx(ndtri(1 - cumulative_error((100, 200))[0] / 2), abs=1e-9)
    draws = np.random.default_rng(1).normal(size=(400_000, 2)).cumsum(axis=1) / np.sqrt([1, 2])
    inside = np.abs(draws[:, 0]) < first
    share = np.mean(inside & (np.abs(draws[:, 1]) > second))
    assert share == pytest.approx(0.05 - cumulative_error((100, 200))[0], abs=4 * math.sqrt(0.03 / 400_000))


@pytest.mark.parametrize("sizes", [LOOK_SIZES, (25, 50, 100, 200), (10, 11, 12, 500), choose_look_sizes(137)])
def test_random_walks_without_drift_cross_a_boundary_in_5_percent(sizes: tuple[int, ...]) -> None:
    rng, count = np.random.default_rng(2), 100_000
    steps = np.diff(sizes, prepend=0)
    place, crossed = np.zeros(count), np.zeros(count, dtype=bool)
    for size, step, bound in zip(sizes, steps, stopping_boundaries(sizes), strict=True):
        place += rng.normal(size=count) * math.sqrt(step)
        crossed |= np.abs(place) / math.sqrt(size) > bound
    assert crossed.mean() == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / count))


def test_a_stricter_level_has_wider_boundaries_at_every_look() -> None:
    assert all(
        strict > usual
        for strict, usual in zip(stopping_boundaries(LOOK_SIZES, 0.99), stopping_boundaries(), strict=True)
    )


def test_every_doubling_of_labels_spends_the_same_error_rate() -> None:
    shares = np.diff(cumulative_error((25, 50, 100, 200)), prepend=0.0)
    assert shares == pytest.approx([0.0125] * 4)


def test_a_budget_between_two_looks_adds_a_look_and_a_huge_one_adds_none() -> None:
    assert choose_look_sizes(137)[:4] == (25, 50, 100, 137)
    assert choose_look_sizes(50_000) == LOOK_SIZES
