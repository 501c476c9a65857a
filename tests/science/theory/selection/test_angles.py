"""Rates from angles agree with counts over drawn rows, with integrals, and with each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ndtr

from winnow.science.theory.selection.angles import (
    Angles,
    bisector_error,
    bivariate_normal_cdf,
    isotropic_rates,
    mixture_rates,
)

ANGLE = st.floats(0.05, math.pi / 2)


@given(ANGLE, ANGLE, st.floats(0.0, math.pi))
def test_keep_rate_is_one_minus_the_angle_between_generator_and_verifier_over_pi(g: float, o: float, a: float) -> None:
    angles = Angles(g, o, a)
    rates = isotropic_rates(angles)
    assert rates.keep == pytest.approx(1 - angles.between / math.pi, abs=1e-9)
    assert -1e-7 <= rates.psi <= 1 + 1e-7
    assert 0 <= rates.phi <= 1 + 1e-7


@given(ANGLE, ANGLE)
def test_a_mixture_without_signal_has_the_keep_rate_of_the_isotropic_case(g: float, o: float) -> None:
    """With mu = 0 the label says nothing: generator and verifier are right half of the time each."""
    rates = mixture_rates(Angles(g, o), 1e-9)
    assert rates.p == pytest.approx(0.5, abs=1e-6)
    assert rates.phi == pytest.approx(rates.psi, abs=1e-6)
    assert rates.keep == pytest.approx(1 - Angles(g, o).between / math.pi, abs=1e-6)


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(-0.99, 0.99))
def test_the_bivariate_normal_cdf_agrees_with_an_integral(h: float, k: float, r: float) -> None:
    def slice_at(x: float) -> float:
        return math.exp(-x * x / 2) / math.sqrt(2 * math.pi) * float(ndtr((k - r * x) / math.sqrt(1 - r * r)))

    expected = quad(slice_at, -9, h, points=[min(max(k / r, -8.9), h)] if abs(r) > 1e-3 else None, limit=200)[0]
    assert bivariate_normal_cdf(h, k, r) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(("h", "k"), [(0.0, 0.0), (0.0, 1.0), (0.0, -1.0), (2.0, 0.0), (-2.0, 0.0), (1.0, -1.0)])
@pytest.mark.parametrize("r", [-1.0, -0.5, 0.0, 0.5, 1.0])
def test_the_bivariate_normal_cdf_is_continuous_at_zero_and_at_perfect_correlation(
    h: float, k: float, r: float
) -> None:
    neighbor = bivariate_normal_cdf(h + 1e-7, k + 1e-7, r * (1 - 1e-9))
    assert bivariate_normal_cdf(h, k, r) == pytest.approx(neighbor, abs=1e-4)


def test_a_perfect_verifier_leaves_half_of_the_generators_error() -> None:
    for g in (0.1, 0.7, 1.5):
        assert bisector_error(Angles(g, 0.0)) == pytest.approx(g / (2 * math.pi))
        assert bisector_error(Angles(g, g, 0.0)) == pytest.approx(g / math.pi)


def test_mixture_rates_agree_with_counts_over_drawn_rows() -> None:
    angles, rng = Angles(0.9, 0.4, 1.0), np.random.default_rng(3)
    truth, generator, verifier = angles.directions()
    x = rng.standard_normal((400_000, 3)) + 1.2 * truth
    right, passed = x @ generator > 0, x @ verifier > 0
    rates = mixture_rates(angles, 1.2)
    assert (~right).mean() == pytest.approx(rates.p, abs=0.004)
    assert (right & passed).sum() / right.sum() == pytest.approx(rates.phi, abs=0.004)
    assert (~right & ~passed).sum() / (~right).sum() == pytest.approx(rates.psi, abs=0.008)
