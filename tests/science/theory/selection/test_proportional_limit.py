"""The proportional limit: its four settings agree with each other, with the rates and with the finite size formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.science.theory.selection.angles import Angles, bisector_error, isotropic_rates, mixture_rates
from winnow.science.theory.selection.breakdown import SelectionRates
from winnow.science.theory.selection.proportional_limit import (
    RuleMoments,
    accuracy_mixture,
    error_isotropic,
    finite_size_angle,
    isotropic_agreement,
    isotropic_flips,
    limit_student,
    mixture_agreement,
    mixture_flips,
)

ANGLE = st.floats(0.1, 1.4)


@settings(max_examples=30)
@given(ANGLE, ANGLE, st.floats(0.0, 3.0))
def test_the_integrated_rule_has_the_keep_rate_of_the_rates(g: float, o: float, strength: float) -> None:
    rule, rates = mixture_agreement(Angles(g, o), strength), mixture_rates(Angles(g, o), strength)
    assert rule.keep == pytest.approx(rates.keep, abs=1e-8)


@settings(max_examples=20)
@given(ANGLE, ANGLE)
def test_the_integrated_rule_without_signal_is_the_isotropic_one(g: float, o: float) -> None:
    angles = Angles(g, o)
    integrated, isotropic = mixture_agreement(angles, 0.0), isotropic_agreement(angles)
    bisector = np.array([math.cos(angles.between / 2), math.sin(angles.between / 2), 0])
    assert integrated.keep == pytest.approx(isotropic.keep, abs=1e-8)
    assert bisector @ integrated.second @ bisector == pytest.approx(isotropic.second[0, 0], abs=1e-8)
    assert integrated.first == pytest.approx(isotropic.first[0] * bisector, abs=1e-8)


@given(st.floats(0.0, 0.45), st.floats(0.2, 1.0), st.floats(0.01, 0.5), st.floats(1e-4, 10))
def test_directions_that_carry_no_signal_change_nothing(p: float, phi: float, kappa: float, lam: float) -> None:
    """A rule may be given with more directions than it depends on."""
    one_direction = mixture_flips(SelectionRates(p, phi, 0.1), 1.0)
    two_directions = RuleMoments(
        one_direction.keep,
        np.diag([one_direction.second[0, 0], one_direction.keep]),
        np.array([one_direction.first[0], 0.0]),
        np.array([one_direction.truth[0], 0.0]),
    )
    assert accuracy_mixture(two_directions, kappa, lam) == pytest.approx(
        accuracy_mixture(one_direction, kappa, lam), abs=1e-9
    )


@given(st.floats(0.05, 0.95), st.floats(0.3, 1.0), st.floats(0.0, 0.9), st.floats(0.01, 0.3))
def test_the_error_crosses_one_half_exactly_at_p_star(p: float, phi: float, psi: float, kappa: float) -> None:
    rates = SelectionRates(p, phi, psi)
    error = error_isotropic(isotropic_flips(rates), kappa, 0.1)
    if abs(p - rates.p_star) > 1e-6:
        assert (error < 0.5) == (p < rates.p_star)


def test_a_tiny_penalty_is_close_to_none_and_too_few_rows_without_penalty_are_refused() -> None:
    rule = isotropic_flips(SelectionRates(0.2, 1, 0.5))
    assert limit_student(rule, 0.1, 1e-9).square == pytest.approx(limit_student(rule, 0.1, 0.0).square, rel=1e-6)
    with pytest.raises(ValueError, match="fewer rows are kept"):
        limit_student(rule, 0.95, 0.0)


def test_agreement_on_infinitely_many_rows_leads_to_the_bisector() -> None:
    for angles in (Angles(0.8, 0.3), Angles(0.8, 0.0), Angles(0.3, 1.0)):
        assert error_isotropic(isotropic_agreement(angles), 1e-9, 1e-9) == pytest.approx(
            bisector_error(angles), abs=1e-6
        )
        assert isotropic_agreement(angles).keep == pytest.approx(isotropic_rates(angles).keep)


def test_the_finite_size_formula_agrees_with_the_limit_without_a_penalty() -> None:
    d, n, p = 2_000, 20_000, 0.2
    limit = error_isotropic(isotropic_flips(SelectionRates(p, 1, 1)), d / n, 0.0)
    assert finite_size_angle(p, n, d) / math.pi == pytest.approx(limit, abs=1e-3)
    with pytest.raises(ValueError, match="at least d \\+ 2"):
        finite_size_angle(p, 21, 20)
