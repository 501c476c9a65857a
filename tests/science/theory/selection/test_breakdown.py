"""p* and related quantities: statements that mean the same give the same number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.science.theory.selection.breakdown import (
    SelectionRates,
    p_star,
    plurality_accuracy,
)
from winnow.statistics.rate_formulas import compute_rates as measured_rates

SHARE = st.floats(0.01, 0.99)


@given(SHARE, SHARE, SHARE)
def test_more_than_half_of_the_kept_are_right_exactly_below_p_star(p: float, phi: float, psi: float) -> None:
    rates = SelectionRates(p, phi, psi)
    if abs(p - rates.p_star) > 1e-9:
        assert (rates.precision > 0.5) == (p < rates.p_star) == (rates.signal > 0)


@given(SHARE, SHARE, SHARE, SHARE)
def test_theory_and_the_card_give_the_same_rates(p: float, phi: float, psi: float, w: float) -> None:
    """The card starts from the two sides of the verdict, theory from p, phi and psi."""
    rates = SelectionRates(p, phi, psi)
    b = (1 - p) * (1 - phi) / (1 - rates.keep)
    card = measured_rates(np.array([rates.precision, b, rates.keep]), False, w, from_draws=False)
    assert float(card["p_star"]) == pytest.approx(rates.p_star)
    assert float(card["p_star_w"]) == pytest.approx(float(p_star(phi, psi, w)))
    assert float(card["phi"]) == pytest.approx(phi)
    assert float(card["p"]) == pytest.approx(p)


def test_p_star_falls_from_1_to_one_half_as_a_verifier_passes_more_wrong_answers() -> None:
    assert p_star(1.0, 0.0) == 1
    assert p_star(1.0, 1.0) == 0.5
    assert np.asarray(p_star(1.0, np.array([0.25, 0.5]))) == pytest.approx([0.8, 2 / 3])


def test_plurality_accuracy_shares_ties_and_leaves_out_prompts_without_kept_answers() -> None:
    right = np.array([3.0, 1.0, 2.0, 0.0, 0.0])
    wrong = np.array([[1.0, 2.0], [2.0, 0.0], [2.0, 2.0], [0.0, 0.0], [1.0, 0.0]])
    assert plurality_accuracy(right, wrong) == pytest.approx((1 + 0 + 1 / 3 + 0) / 4)
    assert np.isnan(plurality_accuracy(np.zeros(2), np.zeros((2, 3))))
