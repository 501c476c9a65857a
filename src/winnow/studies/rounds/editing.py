"""Token editing in the linear model: where the claim 2 b holds, and where the exact process exceeds it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from winnow.studies.frame.check import Goal, Row, mean, measured
from winnow.studies.frame.study import Unit
from winnow.theory.arrays import Floats, Ints
from winnow.theory.rounds import editing as e
from winnow.theory.rounds.regression import Size, base_error

SIZE, WIDE = Size(10, 100), Size(32, 100)
SHARES = {0.1: 1.19, 0.3: 1.60, 0.5: 2.06, 1.0: 3.22}
FIXED = {0.125: 1.28, 0.5: 3.06}
ENOUGH = 100
"""Rounds after which a fixed edited set no longer moves."""


def blocks(unit: Unit) -> list[Row]:
    """All rows once, 20 blocks of 5%, and 5 blocks of a share of all rows."""
    rng, xs = unit.rng(), unit["designs"]
    once = _ended(SIZE, lambda: e.disjoint(SIZE, 1), xs, rng)
    twenty = _ended(SIZE, lambda: e.disjoint(SIZE, 20), xs, rng)
    wide = _ended(WIDE, lambda: e.disjoint(WIDE, 20), xs, rng)
    rows = [
        mean("edit, all rows once, in b", once, Goal(2.0, 0.06, "derived")),
        mean("edit, 20 blocks of 5%, in b", twenty, Goal(3.7, 0.05 * 3.7, "derived")),
        mean("edit, 20 blocks of 5%, d=32, in b", wide, Goal(3.0, 0.05 * 3.0, "derived")),
    ]
    for share, want in SHARES.items():
        found = _ended(SIZE, lambda share=share: e.disjoint(SIZE, 5, share), xs, rng)  # type: ignore[misc]
        rows.append(mean(f"edit, 5 blocks, {share:g} of all rows, in b", found, Goal(want, 0.05 * want, "derived")))
    below = float(np.mean(twenty)) - 2.0
    return [*rows, measured("edit, 20 blocks: above the claimed 2 b by", below, Goal(1.0, 0.0, "derived", ">="))]


def repeated(unit: Unit) -> list[Row]:
    """The same rows edited every round settle; new rows every round do not."""
    rng, xs, rows = unit.rng(), unit["designs"], []
    for share, want in FIXED.items():
        found = _ended(SIZE, lambda share=share: e.fixed(SIZE, share, ENOUGH), xs, rng)  # type: ignore[misc]
        rows.append(mean(f"edit, the same {share:g} every round, in b", found, Goal(want, 0.10 * want, "derived")))
    b = base_error(SIZE)
    errors = np.array([e.exact(SIZE, e.redrawn(SIZE, 0.1, 40, rng), rng) for _ in range(xs)]) / b
    growth = (errors[:, 40] - errors[:, 20]) / (errors[:, 20] - errors[:, 0]).mean()
    rows.append(mean("edit, new 0.1 every round: rounds 20-40 over 0-20", growth, Goal(1.0, 0.15, "derived")))
    return [*rows, *_claimed_bound(unit)]


def _claimed_bound(unit: Unit) -> list[Row]:
    """Blocks that halve, as the explicit bound asks for: it holds."""
    rng, eta, first = unit.rng(), 0.5, 50
    sizes = [50, 25, 12, 6, 3]
    starts = np.cumsum([0, *sizes])
    sets = [np.arange(low, low + count) for low, count in zip(starts, sizes, strict=False)]
    found = _ended(SIZE, lambda: sets, unit["designs"], rng)
    bound = e.claimed_bound(SIZE, first, eta) / base_error(SIZE)
    return [mean("edit, blocks that halve: at most the explicit bound, in b", found, Goal(bound, 0.0, "paper", "<="))]


def _ended(size: Size, sets: Callable[[], list[Ints]], xs: int, rng: np.random.Generator) -> Floats:
    """The error after the last edit in units of b, one per X."""
    return np.array([e.exact(size, sets(), rng)[-1] for _ in range(xs)]) / base_error(size)
