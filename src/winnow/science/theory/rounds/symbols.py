"""Surviving symbols: a corpus of N tokens, each round N tokens drawn from the previous one (arXiv 2412.17646).

A symbol with c tokens has about Poisson(c) tokens in the next round. This is a branching process: the symbol survives
k rounds with probability 1 - exp(-c g_k), g_1 = 1, g_{k+1} = 1 - exp(-g_k) [derived]. Assumption: N is large and no
symbol dominates.
"""

from __future__ import annotations

import numpy as np

from winnow.science.theory.arrays import Floats, Ints


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
