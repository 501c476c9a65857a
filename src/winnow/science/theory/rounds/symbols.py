"""Distributions over finitely many symbols, round after round: survival, and a constant share of real data.

Survival: a corpus of N tokens, each round N tokens drawn from the previous one (arXiv 2412.17646). A symbol with c
tokens has about Poisson(c) tokens in the next round. This is a branching process: the symbol survives k rounds with
probability 1 - exp(-c g_k), g_1 = 1, g_{k+1} = 1 - exp(-g_k) [derived]. Assumption: N is large and no symbol dominates.

A constant share a of real data keeps a loop stable (claim: arXiv 2502.18865; this form is derived): if
D_i = a D_0 + (1 - a) G(D_{i-1}) and TV(G(D), D) <= e, then TV(D_i, D_0) <= e (1 - a) (1 - (1 - a)^i) / a; without real
data (a = 0) the bound grows as e i.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from winnow.science.theory.arrays import Floats, Ints

Generator = Callable[[Floats], Floats]


def zipf_counts(symbols: int, tokens: int, exponent: float = 1.0) -> Ints:
    """Return token counts that fall as rank^-exponent; each symbol has at least one token."""
    shares = np.arange(1, symbols + 1) ** -exponent
    counts: Ints = np.maximum(np.rint(tokens * shares / shares.sum()), 1).astype(np.int64)
    return counts


def survival_exponents(rounds: int) -> Floats:
    """Return g_1 to g_rounds."""
    g = [1.0]
    for _ in range(rounds - 1):
        g.append(-np.expm1(-g[-1]))
    return np.array(g)


def expected_alive(counts: Ints, rounds: int) -> Floats:
    """Return the expected number of symbols alive after 1 to `rounds` rounds: sum_i 1 - exp(-c_i g_k)."""
    sizes, multiplicity = np.unique(counts, return_counts=True)
    return np.asarray(-np.expm1(-np.outer(survival_exponents(rounds), sizes)) @ multiplicity)


def simulate_alive(counts: Ints, rounds: int, rng: np.random.Generator) -> Floats:
    """Simulate one run and return the number of symbols alive after each round."""
    alive, tokens = counts, int(counts.sum())
    alive_counts = []
    for _ in range(rounds):
        alive = alive[alive > 0]
        alive = rng.multinomial(tokens, alive / alive.sum())
        alive_counts.append(float((alive > 0).sum()))
    return np.array(alive_counts)


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
