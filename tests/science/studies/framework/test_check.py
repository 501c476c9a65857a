"""A check holds only if the numbers agree and its tolerance is at least four standard errors."""

from __future__ import annotations

import math

import pytest

from winnow.science.studies.framework.check import Check, Goal, check_row, pool_checks


@pytest.mark.parametrize(
    ("got", "relation", "ok"),
    [
        (1.04, "=", True), (1.06, "=", False), (0.94, "=", False), (0.96, ">=", True), (0.94, ">=", False),
        (5.0, ">=", True), (1.04, "<=", True), (1.06, "<=", False), (math.nan, "=", False), (math.inf, ">=", False),
    ],
)  # fmt: skip
def test_a_check_holds_within_its_tolerance_and_never_for_a_number_that_is_not_finite(
    got: float, relation: str, ok: bool
) -> None:
    assert Check("a", got, 1.0, 0.05, "paper", relation=relation).is_ok is ok


def test_a_tolerance_below_four_standard_errors_fails_even_if_the_numbers_agree() -> None:
    assert Check("a", 1.0, 1.0, 0.04, "derived", 0.01).is_ok
    small_tolerance = Check("a", 1.0, 1.0, 0.039, "derived", 0.01)
    assert not small_tolerance.is_ok
    assert "take more runs" in small_tolerance.summary()


def test_the_rows_of_several_seeds_are_pooled_to_their_mean_and_its_standard_error() -> None:
    goal = Goal(2.0, 1.5, "paper")
    check, exact = pool_checks(
        [check_row("a", 1.0, goal, 0.3), check_row("b", 2.0, goal), check_row("a", 3.0, goal, 0.4)]
    )
    assert (check.got, check.is_ok) == (2.0, True)
    assert check.standard_error == pytest.approx(0.25)
    assert (exact.got, exact.standard_error, exact.is_ok) == (2.0, None, True)


def test_a_number_that_is_not_finite_is_null_in_json() -> None:
    assert Check("a", math.nan, 1.0, 0.1, "paper").to_dict() == {
        "name": "a", "got": None, "want": 1.0, "tolerance": 0.1, "source": "paper", "standard_error": None,
        "relation": "=", "ok": False,
    }  # fmt: skip
