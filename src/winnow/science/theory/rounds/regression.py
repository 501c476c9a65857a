"""Linear regression over rounds: each round is fitted to labels that the previous fit produced.

y = X w* + s e; X has T rows and d columns of N(0, 1). Errors are E|w_n - w*|^2, the excess test error for x ~ N(0, I).
Closed forms [paper: arXiv 2404.01413, 2412.14689] use b = s^2 d / (T - d - 1), the error of round 1.
`simulate_` functions draw the same processes for many runs at once and return an array of runs x rounds.

Token editing: T rows have labels y. Each round fits w to (X, y); the rows of a set D get new labels X w + s e, the
others stay. Claim [paper: arXiv 2412.14689]: the error stays below 2 b, and below an explicit bound when edits shrink
by a factor eta. The proof assumes that each row is edited at most once and drops a hat matrix; the exact process
exceeds 2 b when rows are edited in many small sets [derived].
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from winnow.science.theory.arrays import Floats, Ints
from winnow.science.theory.rounds.gaussians import Replacement
from winnow.science.theory.simulation.sufficient_statistics import draw_bartlett_factor

RUNS_PER_BLOCK = 1_000


@dataclass(frozen=True)
class RegressionSize:
    """d dimensions, T rows a round, and label noise of standard deviation s."""

    d: int
    rows: int
    noise: float = 1.0


def base_error(size: RegressionSize) -> float:
    """Return b = s^2 d / (T - d - 1) = s^2 E tr (X'X)^-1 [derived: the mean of an inverse Wishart].

    Raises:
        ValueError: there are not more than d + 1 rows.
    """
    if size.rows <= size.d + 1:
        raise ValueError(f"rows {size.rows}: more than d + 1 = {size.d + 1} are needed")
    return size.noise**2 * size.d / (size.rows - size.d - 1)


def replace_error(size: RegressionSize, rounds: int) -> Floats:
    """Return n b: each round sees only the labels of the previous fit, with one X or with fresh ones [paper]."""
    return np.asarray(base_error(size) * np.arange(1.0, rounds + 1))


def accumulate_error(size: RegressionSize, rounds: int) -> Floats:
    """Return b sum_{i<=n} 1 / i^2 <= pi^2 / 6 b: every round sees all labels so far, with one X [paper]."""
    return base_error(size) * np.cumsum(1 / np.arange(1, rounds + 1) ** 2)


def averaged_error(size: RegressionSize, rounds: int, a: float) -> Floats:
    """Return b (1 + a^2 (1 - a^2(n-1)) / (1 - a^2)): replace, each fit averaged with the fit to real data.

    w_n = (1 - a) w_1 + a fit_n, so the error of round 1 stays and what later rounds add decays by a factor a a round.
    The error is bounded by b / (1 - a^2), where replace (a = 1) grows without limit [derived].
    """
    before = np.arange(rounds)
    added = before if a == 1 else a**2 * (1 - a ** (2 * before)) / (1 - a**2)
    return np.asarray(base_error(size) * (1 + added))


def fit_noise(size: RegressionSize, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Draw the error that fitting T fresh noisy rows adds: N(0, s^2 (X'X)^-1) with a new X each time; shape x d.

    Only X'X is drawn: with X'X = L L' (Bartlett), L'^-1 z has that covariance [derived].
    """
    factor = draw_bartlett_factor(size.d, size.rows, rng, shape)
    z = rng.standard_normal((*shape, size.d, 1))
    return np.asarray(size.noise * np.linalg.solve(np.swapaxes(factor, -1, -2), z)[..., 0])


def simulate_replace(size: RegressionSize, rounds: int, runs: int, rng: np.random.Generator) -> Floats:
    """Simulate replace: new X and new noise each round, labels by the previous fit."""
    error, errors = np.zeros((runs, size.d)), np.empty((runs, rounds))
    for n in range(rounds):
        error += fit_noise(size, (runs,), rng)
        errors[:, n] = _squared_norms(error)
    return errors


def simulate_averaged(size: RegressionSize, rounds: int, runs: int, a: float, rng: np.random.Generator) -> Floats:
    """Simulate replace with each fit averaged with the fit to real data: w_n = (1 - a) w_1 + a fit_n."""
    added = fit_noise(size, (runs, rounds), rng)
    error = np.empty_like(added)
    error[:, 0] = added[:, 0]
    for n in range(1, rounds):
        error[:, n] = (1 - a) * error[:, 0] + a * (error[:, n - 1] + added[:, n])
    return _squared_norms(error)


def simulate_accumulate(size: RegressionSize, rounds: int, runs: int, rng: np.random.Generator) -> Floats:
    """Simulate accumulate with one X: the fit to all labels so far moves by noise / n in round n."""
    blocks = [min(RUNS_PER_BLOCK, runs - start) for start in range(0, runs, RUNS_PER_BLOCK)]
    return np.concatenate([_simulate_accumulate_block(size, rounds, block, rng) for block in blocks])


def _simulate_accumulate_block(size: RegressionSize, rounds: int, runs: int, rng: np.random.Generator) -> Floats:
    factor = draw_bartlett_factor(size.d, size.rows, rng, (runs,))
    # The fit is linear, so the whitened noise is summed first and one solve per run serves all rounds.
    z = np.cumsum(rng.standard_normal((runs, size.d, rounds)) / np.arange(1, rounds + 1), axis=2)
    return _squared_norms(np.swapaxes(size.noise * np.linalg.solve(np.swapaxes(factor, 1, 2), z), 1, 2))


def simulate_subsample(
    size: RegressionSize,
    rounds: int,
    runs: int,
    rng: np.random.Generator,
    draw: Replacement = "without",
    one_x: bool = True,
) -> Floats:
    """Simulate accumulate-subsample: each round is fitted to T rows drawn from all labels so far.

    `draw` says whether the rows are drawn with replacement, `one_x` whether all rounds share one X.
    """
    errors = np.empty((runs, rounds))
    for run in range(runs):
        x = rng.standard_normal((1 if one_x else rounds, size.rows, size.d))
        y = np.empty((rounds, size.rows))
        w: Floats = np.zeros(size.d)
        for n in range(rounds):
            y[n] = x[0 if one_x else n] @ w + size.noise * rng.standard_normal(size.rows)
            chosen = rng.choice((n + 1) * size.rows, size.rows, replace=draw == "with", shuffle=False)
            block, row = np.divmod(chosen, size.rows)
            rows = x[np.minimum(block, len(x) - 1), row]
            w = np.asarray(np.linalg.solve(rows.T @ rows, rows.T @ y[block, row]), float)
            errors[run, n] = w @ w
    return errors


def _squared_norms(errors: Floats) -> Floats:
    return np.asarray((errors**2).sum(axis=-1))


def claimed_bound(size: RegressionSize, edited: float, eta: float) -> float:
    """Return the explicit bound b + s^2 sqrt(E tr (X'X)^-2) sqrt(E tr M_1) / (1 - eta) [paper].

    The bound assumes ||M_i|| = eta ||M_i-1||; `edited` is E tr M_1, the rows edited in the first round. For X with
    N(0, 1) entries, E tr (X'X)^-2 = d (T - 1) / ((T - d) (T - d - 1) (T - d - 3)) [derived: inverse Wishart].
    """
    d, rows = size.d, size.rows
    squared = d * (rows - 1) / ((rows - d) * (rows - d - 1) * (rows - d - 3))
    return base_error(size) + size.noise**2 * float(np.sqrt(squared) * np.sqrt(edited)) / (1 - eta)


def disjoint_blocks(size: RegressionSize, blocks: int, share: float = 1.0) -> list[Ints]:
    """Split a share of all rows into disjoint blocks of equal size, one block a round."""
    rows = np.arange(round(share * size.rows))
    return [np.asarray(part) for part in np.array_split(rows, blocks)]


def fixed_rows(size: RegressionSize, share: float, rounds: int) -> list[Ints]:
    """Return the same share of the rows for every round."""
    return [np.arange(round(share * size.rows))] * rounds


def redrawn_rows(size: RegressionSize, share: float, rounds: int, rng: np.random.Generator) -> list[Ints]:
    """Draw a new share of the rows for every round."""
    count = round(share * size.rows)
    return [rng.permutation(size.rows)[:count] for _ in range(rounds)]


def exact_errors(size: RegressionSize, sets: Iterable[Ints], rng: np.random.Generator) -> Floats:
    """Return E|w_i - w*|^2 for one random X: before any edit, then after each set.

    The covariance C of the labels is followed exactly instead of drawing labels: editing D turns y_D into
    (H y)_D + s e with H = X X^+, so C becomes M C M' + s^2 I_D, where M is H on D and I elsewhere. The error is
    tr(X^+ C X^+').
    """
    x = rng.standard_normal((size.rows, size.d))
    inverse = np.linalg.pinv(x)
    hat, c = x @ inverse, size.noise**2 * np.eye(size.rows)
    errors = [float(np.einsum("ij,jk,ik->", inverse, c, inverse, optimize=True))]
    for rows in sets:
        c[rows, :] = hat[rows] @ c
        c[:, rows] = c @ hat[rows].T
        c[rows, rows] += size.noise**2
        errors.append(float(np.sum((inverse @ c) * inverse)))
    return np.array(errors)
