"""A constant share a of real data keeps a loop stable (claim: arXiv 2502.18865; this form is derived).

If D_i = a D_0 + (1 - a) G(D_{i-1}) and TV(G(D), D) <= e, then TV(D_i, D_0) <= e (1 - a) (1 - (1 - a)^i) / a; without
real data (a = 0) the bound grows as e i. Distributions here are over finitely many symbols.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from winnow.science.theory.arrays import Floats

Generator = Callable[[Floats], Floats]


def distance_bound(a: float, e: float, rounds: int) -> Floats:
    """Return the bound on the total variation after 1 to `rounds` rounds."""
    i = np.arange(1, rounds + 1)
    if a == 0:
        return np.asarray(e * i)
    # (1 - (1 - a)^i) / a, computed so that a tiny `a` loses no digits
    geometric_sum = np.asarray(-np.expm1(i * np.log1p(-a)) / a if a < 1 else 1.0 / a)
    return np.asarray(e * (1 - a) * geometric_sum)


def total_variation(left: Floats, right: Floats) -> float:
    """Return the total variation distance between two distributions."""
    return float(np.abs(left - right).sum() / 2)


def simulate_loop(real: Floats, generator: Generator, a: float, rounds: int) -> tuple[Floats, float]:
    """Return TV(D_i, D_0) after each round, and e: the largest TV(G(D), D) on the way."""
    current, distances, e = real, [], 0.0
    for _ in range(rounds):
        generated = generator(current)
        e = max(e, total_variation(generated, current))
        current = a * real + (1 - a) * generated
        distances.append(total_variation(current, real))
    return np.array(distances), e


def sharpening_generator(power: float) -> Generator:
    """Return a generator that prefers likely symbols: p^power, normalized; power > 1 narrows the distribution."""

    def sharpen(p: Floats) -> Floats:
        raised = p**power
        return np.asarray(raised / raised.sum())

    return sharpen


def resampling_generator(n: int, rng: np.random.Generator) -> Generator:
    """Return a generator that is fitted to n samples."""
    return lambda p: np.asarray(rng.multinomial(n, p / p.sum()) / n)
