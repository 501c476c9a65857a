"""p* and its kin: the statements of papers that are the same must be the same number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.science.theory.selection.breakdown import (
    SelectionRates,
    graded_rates,
    p_star,
    p_star_noisy,
    p_star_top_share,
    plurality_accuracy,
    precision_of_kept,
)
from winnow.statistics.rate_formulas import compute_rates as measured_rates

SHARE = st.floats(0.01, 0.99)


@given(SHARE, SHARE, SHARE)
def test_more_than_half_of_the_kept_are_right_exactly_below_p_star(p: float, phi: float, psi: float) -> None:
    rates = SelectionRates(p, phi, psi)
    if abs(p - rates.p_star) > 1e-9:
        assert (precision_of_kept(rates) > 0.5) == (p < rates.p_star) == (rates.signal > 0)


@given(SHARE, SHARE, SHARE, SHARE)
def test_theory_and_the_card_have_one_formula(p: float, phi: float, psi: float, w: float) -> None:
    """The card starts from the two sides of the verdict, theory from p, phi and psi."""
    rates = SelectionRates(p, phi, psi)
    b = (1 - p) * (1 - phi) / (1 - rates.keep)
    card = measured_rates(np.array([precision_of_kept(rates), b, rates.keep]), False, w, from_draws=False)
    assert float(card.p_star) == pytest.approx(rates.p_star)
    assert float(card.p_star_w) == pytest.approx(float(p_star(phi, psi, w)))
    assert float(card.phi) == pytest.approx(phi)
    assert float(card.p) == pytest.approx(p)


def test_a_verifier_that_lets_everything_or_nothing_wrong_through() -> None:
    assert p_star_noisy(0.0) == 1
    assert p_star_noisy(1.0) == 0.5
    assert np.asarray(p_star_noisy(np.array([0.25, 0.5]))) == pytest.approx([0.8, 2 / 3])


@given(st.lists(st.booleans(), min_size=2).filter(lambda r: 0 < sum(r) < len(r)), st.data())
def test_grades_of_0_and_1_are_counts(right: list[bool], data: st.DataObject) -> None:
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=len(right), max_size=len(right))), float)
    grade = np.array(right, float)
    phi, psi = graded_rates(keep, grade)
    assert phi == pytest.approx(keep[grade == 1].mean())
    assert psi == pytest.approx(keep[grade == 0].mean())


def test_an_oracle_that_keeps_more_than_there_is_right_lets_wrong_ones_through() -> None:
    assert np.asarray(p_star_top_share(np.array([0.1, 0.4, 0.7, 1.0]), 0.4)) == pytest.approx([1, 1, 1 / 1.5, 0.5])


def test_the_commonest_kept_answer_shares_ties_and_leaves_unserved_prompts_out() -> None:
    right = np.array([3.0, 1.0, 2.0, 0.0, 0.0])
    wrong = np.array([[1.0, 2.0], [2.0, 0.0], [2.0, 2.0], [0.0, 0.0], [1.0, 0.0]])
    assert plurality_accuracy(right, wrong) == pytest.approx((1 + 0 + 1 / 3 + 0) / 4)
    assert np.isnan(plurality_accuracy(np.zeros(2), np.zeros((2, 3))))
