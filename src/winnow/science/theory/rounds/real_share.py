"""A constant share a of real data keeps a loop stable. [paper for the claim: arXiv 2502.18865; derived form]

If D_i = a D_0 + (1 - a) G(D_{i-1}) and TV(G(D), D) <= e, then TV(D_i, D_0) <= e (1 - a) (1 - (1 - a)^i) / a; without
real data (a = 0) it grows as e i. Distributions here are over finitely many symbols.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from winnow.science.theory.arrays import Floats, Ints

Generator = Callable[[Floats], Floats]


def distance_bound(a: float, e: float, rounds: int) -> Floats:
    """The bound after 1 .. rounds rounds."""
    i = np.arange(1, rounds + 1)
    return np.asarray(e * i if a == 0 else e * (1 - a) * _geometric_sum(i, a))


def _geometric_sum(i: Ints, a: float) -> Floats:
    """(1 - (1 - a)^i) / a, also where a is tiny."""
    return np.asarray(-np.expm1(i * np.log1p(-a)) / a if a < 1 else 1.0 / a)


def total_variation(left: Floats, right: Floats) -> float:
    """Total variation."""
    return float(np.abs(left - right).sum() / 2)


def simulate_loop(real: Floats, generator: Generator, a: float, rounds: int) -> tuple[Floats, float]:
    """TV(D_i, D_0) after each round, and the largest TV(G(D), D) met on the way, which is e."""
    current, distances, e = real, [], 0.0
    for _ in range(rounds):
        generated = generator(current)
        e = max(e, total_variation(generated, current))
        current = a * real + (1 - a) * generated
        distances.append(total_variation(current, real))
    return np.array(distances), e


def sharpening_generator(power: float) -> Generator:
    """A generator that prefers what is likely: p^power, normalized (power > 1 narrows)."""

    def sharpen(p: Floats) -> Floats:
        raised = p**power
        return np.asarray(raised / raised.sum())

    return sharpen


def resampling_generator(n: int, rng: np.random.Generator) -> Generator:
    """A generator that is fitted to n samples."""
    return lambda p: np.asarray(rng.multinomial(n, p / p.sum()) / n)
