"""Token editing in the linear model: the claimed bound, and the exact process that the claim describes.

T rows have labels y. Each round fits w to (X, y); the rows of a set D get new labels X w + s e, the others stay.
Claim [paper: arXiv 2412.14689]: the error stays below 2 b, and below an explicit bound when edits shrink by a factor
eta. The proof assumes that each row is edited at most once and drops a hat matrix; the exact process exceeds 2 b when
rows are edited in many small sets [derived].
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from winnow.science.theory.arrays import Floats, Ints
from winnow.science.theory.rounds.regression import RegressionSize, base_error


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
