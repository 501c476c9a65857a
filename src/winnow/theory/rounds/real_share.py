"""A constant share a of real data keeps a loop stable. [paper for the claim: arXiv 2502.18865; derived form]

If D_i = a D_0 + (1 - a) G(D_{i-1}) and TV(G(D), D) <= e, then TV(D_i, D_0) <= e (1 - a) (1 - (1 - a)^i) / a; without
real data (a = 0) it grows as e i. Distributions here are over finitely many symbols.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from winnow.theory.arrays import Floats, Ints

Generator = Callable[[Floats], Floats]


def bound(a: float, e: float, rounds: int) -> Floats:
    """The bound after 1 .. rounds rounds."""
    i = np.arange(1, rounds + 1)
    return np.asarray(e * i if a == 0 else e * (1 - a) * _lasting(i, a))


def _lasting(i: Ints, a: float) -> Floats:
    """(1 - (1 - a)^i) / a, also where a is tiny."""
    return np.asarray(-np.expm1(i * np.log1p(-a)) / a if a < 1 else 1.0 / a)


def distance(one: Floats, other: Floats) -> float:
    """Total variation."""
    return float(np.abs(one - other).sum() / 2)


def loop(real: Floats, generator: Generator, a: float, rounds: int) -> tuple[Floats, float]:
    """TV(D_i, D_0) after each round, and the largest TV(G(D), D) met on the way, which is e."""
    current, found, e = real, [], 0.0
    for _ in range(rounds):
        made = generator(current)
        e = max(e, distance(made, current))
        current = a * real + (1 - a) * made
        found.append(distance(current, real))
    return np.array(found), e


def sharpened(power: float) -> Generator:
    """A generator that prefers what is likely: p^power, normalized (power > 1 narrows)."""

    def made(p: Floats) -> Floats:
        raised = p**power
        return np.asarray(raised / raised.sum())

    return made


def resampled(n: int, rng: np.random.Generator) -> Generator:
    """A generator that is fitted to n samples."""
    return lambda p: np.asarray(rng.multinomial(n, p / p.sum()) / n)
