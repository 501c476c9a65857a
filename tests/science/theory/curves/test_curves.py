"""Every curve gives finite tidy rows, the same for the same seed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from winnow.science.theory.curves import CURVES
from winnow.science.theory.curves.curve import Row

SMALLER: dict[str, dict[str, Any]] = {
    "breakdown": {"ratio": 20, "points": 5},
    "selection": {"n": (50, 200)},
    "proportional": {"d": 20, "n": (30, 100)},
    "open-answers": {"prompts": 20},
    "regression": {"rounds": 3, "runs": 5},
    "editing": {"rounds": 3, "runs": 2},
    "gaussian": {"rounds": 3, "runs": 100},
    "symbols": {"symbols": 100, "tokens": 1000, "rounds": 3},
    "center": {"rounds": 3},
    "real-share": {"rounds": 3},
    "weak-labels": {"rounds": 3},
    "budgets": {"rounds": 3},
}


def small_curve(name: str, **changes: Any) -> list[Row]:
    """The rows of a curve with smaller settings."""
    curve = CURVES[name]
    return curve.run({**curve.settings, **SMALLER[name], **changes}, np.random.default_rng(5))


@pytest.mark.parametrize("name", CURVES)
def test_rows_are_finite_and_the_same_for_the_same_seed(name: str) -> None:
    rows = small_curve(name)
    assert rows == small_curve(name)
    assert all(row.keys() == {CURVES[name].axis, "line", "value"} for row in rows)
    assert all(math.isfinite(row["value"]) for row in rows)
    assert len({row["line"] for row in rows}) >= 2
    assert set(SMALLER[name]) <= CURVES[name].settings.keys()


@pytest.mark.parametrize("case", ["a", "b", "c", "d"])
def test_the_limit_is_near_the_simulation_in_every_case(case: str) -> None:
    rows = small_curve("proportional", case=case, d=100, n=(2000, 8000))
    value = {(row["line"], row["n"]): row["value"] for row in rows}
    for n in (2000, 8000):
        assert value["simulated", n] == pytest.approx(value["limit", n], abs=0.05)


@pytest.mark.parametrize("changes", [{"noise": "flops"}, {"policy": "rate"}, {"loss": "hinge"}, {"world": "flat"}])
def test_an_unknown_choice_is_refused_with_the_known_choices(changes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="is one of"):
        small_curve("selection", **changes)


def test_logistic_loss_and_the_mixture_can_be_chosen() -> None:
    rows = small_curve("selection", loss="logistic", world="mixture", noise="linear", policy="agreement")
    assert {row["line"] for row in rows} == {"student", "generator", "Bayes"}
