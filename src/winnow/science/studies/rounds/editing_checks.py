"""Token editing in the linear model: where the claimed bound 2 b holds, and where the exact process exceeds it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from winnow.science.studies.framework.check import Goal, Row, check_row, mean_check_row, relative_goal
from winnow.science.studies.framework.study import StudyUnit
from winnow.science.theory.arrays import Floats, Ints
from winnow.science.theory.rounds import editing as e
from winnow.science.theory.rounds.regression import RegressionSize, base_error

SIZE, WIDE = RegressionSize(10, 100), RegressionSize(32, 100)
SHARES = {0.1: 1.19, 0.3: 1.60, 0.5: 2.06, 1.0: 3.22}
FIXED = {0.125: 1.28, 0.5: 3.06}
SETTLED_ROUNDS = 100  # after so many rounds, editing the same rows changes nothing


def block_editing_checks(unit: StudyUnit) -> list[Row]:
    """Check all rows in one edit, 20 blocks of 5%, and 5 blocks of a share of all rows."""
    rng, designs = unit.rng(), unit["designs"]
    once = _final_errors(SIZE, lambda: e.disjoint_blocks(SIZE, 1), designs, rng)
    twenty = _final_errors(SIZE, lambda: e.disjoint_blocks(SIZE, 20), designs, rng)
    wide = _final_errors(WIDE, lambda: e.disjoint_blocks(WIDE, 20), designs, rng)
    rows = [
        mean_check_row("edit, all rows once, in b", once, Goal(2.0, 0.06, "derived")),
        mean_check_row("edit, 20 blocks of 5%, in b", twenty, relative_goal(3.7, 0.05)),
        mean_check_row("edit, 20 blocks of 5%, d=32, in b", wide, relative_goal(3.0, 0.05)),
    ]
    for share, want in SHARES.items():
        blocks = e.disjoint_blocks(SIZE, 5, share)
        errors = _final_errors(SIZE, lambda blocks=blocks: blocks, designs, rng)  # type: ignore[misc]
        name = f"edit, 5 blocks, {share:g} of all rows, in b"
        rows.append(mean_check_row(name, errors, relative_goal(want, 0.05)))
    excess = float(np.mean(twenty)) - 2.0
    return [*rows, check_row("edit, 20 blocks: above the claimed 2 b by", excess, Goal(1.0, 0.0, "derived", ">="))]


def repeated_editing_checks(unit: StudyUnit) -> list[Row]:
    """Check that editing the same rows every round settles, that new rows do not, and the explicit bound."""
    rng, designs, rows = unit.rng(), unit["designs"], []
    for share, want in FIXED.items():
        sets = e.fixed_rows(SIZE, share, SETTLED_ROUNDS)
        errors = _final_errors(SIZE, lambda sets=sets: sets, designs, rng)  # type: ignore[misc]
        name = f"edit, the same {share:g} every round, in b"
        rows.append(mean_check_row(name, errors, relative_goal(want, 0.10)))
    b = base_error(SIZE)
    redrawn = np.array([e.exact_errors(SIZE, e.redrawn_rows(SIZE, 0.1, 40, rng), rng) for _ in range(designs)]) / b
    growth = (redrawn[:, 40] - redrawn[:, 20]) / (redrawn[:, 20] - redrawn[:, 0]).mean()
    rows.append(mean_check_row("edit, new 0.1 every round: rounds 20-40 over 0-20", growth, Goal(1.0, 0.15, "derived")))
    return [*rows, _claimed_bound_check(unit)]


def _claimed_bound_check(unit: StudyUnit) -> Row:
    """The explicit bound, which assumes blocks that halve."""
    sizes = [50, 25, 12, 6, 3]
    starts = np.cumsum([0, *sizes])
    sets = [np.arange(start, start + size) for start, size in zip(starts, sizes, strict=False)]
    errors = _final_errors(SIZE, lambda: sets, unit["designs"], unit.rng())
    goal = Goal(e.claimed_bound(SIZE, sizes[0], 0.5) / base_error(SIZE), 0.0, "paper", "<=")
    return mean_check_row("edit, blocks that halve: at most the explicit bound, in b", errors, goal)


def _final_errors(
    size: RegressionSize, make_sets: Callable[[], list[Ints]], designs: int, rng: np.random.Generator
) -> Floats:
    """The error after the last edit in units of b, for each of several random X."""
    return np.array([e.exact_errors(size, make_sets(), rng)[-1] for _ in range(designs)]) / base_error(size)
