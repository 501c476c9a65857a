"""Token editing in the linear model: where the claim 2 b holds, and where the exact process exceeds it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from winnow.science.studies.framework.check import Goal, Row, check_row, mean_check_row
from winnow.science.studies.framework.study import StudyUnit
from winnow.science.theory.arrays import Floats, Ints
from winnow.science.theory.rounds import editing as e
from winnow.science.theory.rounds.regression import RegressionSize, base_error

SIZE, WIDE = RegressionSize(10, 100), RegressionSize(32, 100)
SHARES = {0.1: 1.19, 0.3: 1.60, 0.5: 2.06, 1.0: 3.22}
FIXED = {0.125: 1.28, 0.5: 3.06}
SETTLED_ROUNDS = 100
"""Rounds after which a fixed edited set no longer moves."""


def block_editing_checks(unit: StudyUnit) -> list[Row]:
    """All rows once, 20 blocks of 5%, and 5 blocks of a share of all rows."""
    rng, xs = unit.rng(), unit["designs"]
    once = _final_errors(SIZE, lambda: e.disjoint_blocks(SIZE, 1), xs, rng)
    twenty = _final_errors(SIZE, lambda: e.disjoint_blocks(SIZE, 20), xs, rng)
    wide = _final_errors(WIDE, lambda: e.disjoint_blocks(WIDE, 20), xs, rng)
    rows = [
        mean_check_row("edit, all rows once, in b", once, Goal(2.0, 0.06, "derived")),
        mean_check_row("edit, 20 blocks of 5%, in b", twenty, Goal(3.7, 0.05 * 3.7, "derived")),
        mean_check_row("edit, 20 blocks of 5%, d=32, in b", wide, Goal(3.0, 0.05 * 3.0, "derived")),
    ]
    for share, want in SHARES.items():
        found = _final_errors(SIZE, lambda share=share: e.disjoint_blocks(SIZE, 5, share), xs, rng)  # type: ignore[misc]
        rows.append(
            mean_check_row(f"edit, 5 blocks, {share:g} of all rows, in b", found, Goal(want, 0.05 * want, "derived"))
        )
    below = float(np.mean(twenty)) - 2.0
    return [*rows, check_row("edit, 20 blocks: above the claimed 2 b by", below, Goal(1.0, 0.0, "derived", ">="))]


def repeated_editing_checks(unit: StudyUnit) -> list[Row]:
    """The same rows edited every round settle; new rows every round do not."""
    rng, xs, rows = unit.rng(), unit["designs"], []
    for share, want in FIXED.items():
        found = _final_errors(SIZE, lambda share=share: e.fixed_rows(SIZE, share, SETTLED_ROUNDS), xs, rng)  # type: ignore[misc]
        rows.append(
            mean_check_row(f"edit, the same {share:g} every round, in b", found, Goal(want, 0.10 * want, "derived"))
        )
    b = base_error(SIZE)
    errors = np.array([e.exact_errors(SIZE, e.redrawn_rows(SIZE, 0.1, 40, rng), rng) for _ in range(xs)]) / b
    growth = (errors[:, 40] - errors[:, 20]) / (errors[:, 20] - errors[:, 0]).mean()
    rows.append(mean_check_row("edit, new 0.1 every round: rounds 20-40 over 0-20", growth, Goal(1.0, 0.15, "derived")))
    return [*rows, *_claimed_bound_checks(unit)]


def _claimed_bound_checks(unit: StudyUnit) -> list[Row]:
    """Blocks that halve, as the explicit bound asks for: it holds."""
    rng, eta, first = unit.rng(), 0.5, 50
    sizes = [50, 25, 12, 6, 3]
    starts = np.cumsum([0, *sizes])
    sets = [np.arange(low, low + count) for low, count in zip(starts, sizes, strict=False)]
    found = _final_errors(SIZE, lambda: sets, unit["designs"], rng)
    bound = e.claimed_bound(SIZE, first, eta) / base_error(SIZE)
    return [
        mean_check_row(
            "edit, blocks that halve: at most the explicit bound, in b", found, Goal(bound, 0.0, "paper", "<=")
        )
    ]


def _final_errors(size: RegressionSize, sets: Callable[[], list[Ints]], xs: int, rng: np.random.Generator) -> Floats:
    """The error after the last edit in units of b, one per X."""
    return np.array([e.exact_errors(size, sets(), rng)[-1] for _ in range(xs)]) / base_error(size)
