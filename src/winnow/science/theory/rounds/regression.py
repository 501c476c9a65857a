"""Linear regression over rounds: each round is fitted to labels that the fit before it made.

y = X w* + s e, X of T rows x d, N(0, 1). Errors are E|w_n - w*|^2, the excess test error for x ~ N(0, I).
Closed forms [paper: arXiv 2404.01413, 2412.14689] with b = s^2 d / (T - d - 1): the error of round 1.
Processes simulate exactly what they say, many runs at once; each returns runs x rounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from winnow.science.theory.arrays import Floats, Ints

Replacement = Literal["without", "with"]
RUNS_PER_BLOCK = 1_000


@dataclass(frozen=True)
class RegressionSize:
    """d dimensions, T rows a round, noise of standard deviation s."""

    d: int
    rows: int
    noise: float = 1.0


def base_error(size: RegressionSize) -> float:
    """b = s^2 d / (T - d - 1), E tr (X'X)^-1 s^2. It needs T > d + 1 [derived: the mean of an inverse Wishart]."""
    if size.rows <= size.d + 1:
        raise ValueError(f"rows {size.rows}: more than d + 1 = {size.d + 1} are needed")
    return size.noise**2 * size.d / (size.rows - size.d - 1)


def replace_error(size: RegressionSize, rounds: int) -> Floats:
    """n b: each round sees only the labels of the fit before it [paper]. The same for one X and for fresh ones."""
    return np.asarray(base_error(size) * np.arange(1.0, rounds + 1))


def accumulate_error(size: RegressionSize, rounds: int) -> Floats:
    """b sum_{i<=n} 1 / i^2 <= pi^2 / 6 b: every round sees all labels so far, one X [paper]."""
    return base_error(size) * np.cumsum(1 / np.arange(1, rounds + 1) ** 2)


def averaged_error(size: RegressionSize, rounds: int, a: float) -> Floats:
    """b (1 + a^2 (1 - a^2(n-1)) / (1 - a^2)): replace, each fit averaged with the fit to real data.

    w_n = (1 - a) w_1 + a fit_n, so round 1's error stays and what later rounds add decays by a a round: bounded by
    b / (1 - a^2), where replace (a = 1) grows without end [derived].
    """
    before = np.arange(rounds)
    added = before if a == 1 else a**2 * (1 - a ** (2 * before)) / (1 - a**2)
    return np.asarray(base_error(size) * (1 + added))


def fit_noise(size: RegressionSize, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """The error that fitting T fresh noisy rows adds: N(0, s^2 (X'X)^-1), X new each time; shape x d.

    Drawn from X'X alone, by Bartlett: with X'X = L L', L'^-1 z has that covariance [derived].
    """
    d = size.d
    lower = np.tril(rng.standard_normal((*shape, d, d)), -1)
    index = np.arange(d)
    lower[..., index, index] = np.sqrt(rng.chisquare(size.rows - index, (*shape, d)))
    z = rng.standard_normal((*shape, d, 1))
    return np.asarray(size.noise * np.linalg.solve(np.swapaxes(lower, -1, -2), z)[..., 0])


def simulate_replace(size: RegressionSize, rounds: int, runs: int, rng: np.random.Generator) -> Floats:
    """Simulated: new X and new noise each round, labels by the fit before."""
    error, errors = np.zeros((runs, size.d)), np.empty((runs, rounds))
    for n in range(rounds):
        error += fit_noise(size, (runs,), rng)
        errors[:, n] = _squared_norms(error)
    return errors


def simulate_averaged(size: RegressionSize, rounds: int, runs: int, a: float, rng: np.random.Generator) -> Floats:
    """Simulated: replace, each fit averaged with the fit to real data: w_n = (1 - a) w_1 + a fit_n."""
    added = fit_noise(size, (runs, rounds), rng)
    error = np.empty_like(added)
    error[:, 0] = added[:, 0]
    for n in range(1, rounds):
        error[:, n] = (1 - a) * error[:, 0] + a * (error[:, n - 1] + added[:, n])
    return _squared_norms(error)


def simulate_accumulate(size: RegressionSize, rounds: int, runs: int, rng: np.random.Generator) -> Floats:
    """Simulated: one X, each round fitted to the labels of all rounds so far: its error moves by noise / n."""
    blocks = [min(RUNS_PER_BLOCK, runs - start) for start in range(0, runs, RUNS_PER_BLOCK)]
    return np.concatenate([_simulate_accumulate_block(size, rounds, block, rng) for block in blocks])


def _simulate_accumulate_block(size: RegressionSize, rounds: int, runs: int, rng: np.random.Generator) -> Floats:
    d = size.d
    lower = np.tril(rng.standard_normal((runs, d, d)), -1)
    index = np.arange(d)
    lower[:, index, index] = np.sqrt(rng.chisquare(size.rows - index, (runs, d)))
    # Whitened noise summed first: the fit is linear, so one solve per run serves all rounds.
    z = np.cumsum(rng.standard_normal((runs, d, rounds)) / np.arange(1, rounds + 1), axis=2)
    return _squared_norms(np.swapaxes(size.noise * np.linalg.solve(np.swapaxes(lower, 1, 2), z), 1, 2))


@dataclass(frozen=True)
class SubsampleConfig:
    """How accumulate-subsample draws T rows from all rounds so far, and whether all rounds share one X."""

    draw: Replacement = "without"
    one_x: bool = True


def simulate_subsample(
    size: RegressionSize, rounds: int, runs: int, config: SubsampleConfig, rng: np.random.Generator
) -> Floats:
    """Simulated: rounds accumulate, but each is fitted to T rows drawn from all labels so far."""
    errors = np.empty((runs, rounds))
    for run in range(runs):
        x = rng.standard_normal((1 if config.one_x else rounds, size.rows, size.d))
        y = np.empty((rounds, size.rows))
        w = np.zeros(size.d)
        for n in range(rounds):
            y[n] = x[0 if config.one_x else n] @ w + size.noise * rng.standard_normal(size.rows)
            w = _fit(x, y[: n + 1], _draw_rows((n + 1) * size.rows, size.rows, config.draw, rng))
            errors[run, n] = w @ w
    return errors


def _draw_rows(pool: int, count: int, draw: Replacement, rng: np.random.Generator) -> Ints:
    return np.asarray(rng.choice(pool, count, replace=draw == "with", shuffle=False))


def _fit(x: Floats, y: Floats, chosen: Ints) -> Floats:
    block, row = np.divmod(chosen, x.shape[1])
    rows = x[np.minimum(block, len(x) - 1), row]
    return np.asarray(np.linalg.solve(rows.T @ rows, rows.T @ y[block, row]))


def _squared_norms(errors: Floats) -> Floats:
    return np.asarray((errors**2).sum(axis=-1))
