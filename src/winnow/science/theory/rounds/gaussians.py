"""A Gaussian refitted to its own samples, round after round (processes: arXiv 2404.01413 and 2410.16713).

The truth has mean 0 and variance 1. Variances are biased (divided by n), as a maximum-likelihood fit has them.
Expectations are exact [derived]; `simulate_` functions draw the same processes.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.special import gammaln

from winnow.science.theory.arrays import Floats

Replacement = Literal["without", "with"]


def replace_variance(n: int, rounds: int) -> Floats:
    """Return E var_t = (1 - 1/n)^t: each round is fitted to n samples of the round before."""
    return np.asarray((1 - 1 / n) ** np.arange(1, rounds + 1))


def accumulate_variance(n: int, rounds: int) -> Floats:
    """Return E var_t = prod_{k<=t} (1 - 1 / (n k^2)): each round is fitted to the samples of all rounds."""
    return np.asarray(np.cumprod(1 - 1 / (n * np.arange(1.0, rounds + 1) ** 2)))


def accumulate_limit(n: int) -> float:
    """Return the infinite product sin(pi / sqrt n) / (pi / sqrt n)."""
    return float(np.sinc(1 / np.sqrt(n)))


def subsample_variance(n: int, rounds: int, draw: Replacement = "without") -> Floats:
    """Return E var_t by an exact recursion: rounds accumulate, each is fitted to n samples drawn from all so far.

    The mean square of the pool stays A = 1. B is the mean product of two different members. A fit has
    E m^2 = A/n + (1 - 1/n) B (drawn with replacement: B replaced by A/N + (1 - 1/N) B, N the pool), variance A - E m^2;
    two new samples have mean product E m^2, a new and an old one A/N + (1 - 1/N) B.
    """
    a, b, variances = 1.0, 0.0, []
    for t in range(1, rounds + 1):
        pool, grown = n * t, n * (t + 1)
        crossed = a / pool + (1 - 1 / pool) * b
        mean_square = a / n + (1 - 1 / n) * (b if draw == "without" else crossed)
        variances.append(a - mean_square)
        pairs = pool * (pool - 1) * b + 2 * pool * n * crossed + n * (n - 1) * mean_square
        b = pairs / (grown * (grown - 1))
    return np.array(variances)


def contraction(n: int) -> float:
    """Return E sqrt(chi2_{n-1}) / sqrt(n - 1): the factor by which one unbiased refit shrinks the deviation."""
    return float(np.exp(gammaln(n / 2) - gammaln((n - 1) / 2)) * np.sqrt(2 / (n - 1)))


def simulate_replace(n: int, rounds: int, runs: int, rng: np.random.Generator) -> Floats:
    """Simulate the variance of each run after all rounds; a refit multiplies it by chi2_{n-1} / n."""
    v = np.ones(runs)
    for _ in range(rounds):
        v *= rng.chisquare(n - 1, runs) / n
    return v


def simulate_contraction(n: int, runs: int, rng: np.random.Generator) -> Floats:
    """Simulate the ratio of unbiased deviations before and after one refit."""
    return np.asarray(np.sqrt(rng.chisquare(n - 1, runs) / (n - 1)))


def simulate_accumulate(n: int, rounds: int, runs: int, rng: np.random.Generator) -> Floats:
    """Simulate variances (runs x rounds): n new samples change the mean and the variance of the pool."""
    v = rng.chisquare(n - 1, runs) / n
    variances = [v]
    for t in range(1, rounds):
        mean_shift = rng.standard_normal(runs) * np.sqrt(v / n)
        sample_variance = v * rng.chisquare(n - 1, runs) / n
        v = (t * v + sample_variance) / (t + 1) + t * mean_shift**2 / (t + 1) ** 2
        variances.append(v)
    return np.stack(variances, axis=1)


def simulate_subsample(n: int, rounds: int, runs: int, draw: Replacement, rng: np.random.Generator) -> Floats:
    """Simulate variances (runs x rounds), drawing every sample."""
    variances = np.empty((runs, rounds))
    pool = rng.standard_normal((runs, n * (rounds + 1)))
    for t in range(rounds):
        size = n * (t + 1)
        sort_keys = rng.random((runs, size))
        chosen = rng.integers(size, size=(runs, n)) if draw == "with" else np.argpartition(sort_keys, n - 1)[:, :n]
        fitted = np.take_along_axis(pool, chosen, axis=1)
        mean, variances[:, t] = fitted.mean(axis=1), fitted.var(axis=1)
        pool[:, size : size + n] = mean[:, None] + np.sqrt(variances[:, t, None]) * rng.standard_normal((runs, n))
    return variances
