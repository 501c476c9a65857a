"""Token editing in the linear model: what is claimed, and the exact process it is a claim about.

Labels y of T rows; each round w = fit(X, y), then the rows of a set D get new labels X w + s e, the others stay.
Claim [paper: arXiv 2412.14689]: the error stays below 2 b, and below an explicit bound when edits shrink by a factor
eta. Its proof needs each row edited at most once and drops a hat matrix; the exact process exceeds 2 b when rows
are edited in many small sets [derived]. `exact` follows the covariance of the labels without drawing them, so only X
is random.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from winnow.science.theory.arrays import Floats, Ints
from winnow.science.theory.rounds.regression import RegressionSize, base_error


def claimed_limit(size: RegressionSize) -> float:
    """2 b [paper]."""
    return 2 * base_error(size)


def claimed_bound(size: RegressionSize, edited: float, eta: float) -> float:
    """b + s^2 sqrt(E tr (X'X)^-2) sqrt(E tr M_1) / (1 - eta), with ||M_i|| = eta ||M_i-1|| [paper].

    `edited` is E tr M_1, the rows edited in the first round. For X of N(0, 1) rows E tr (X'X)^-2 =
    d (T - 1) / ((T - d) (T - d - 1) (T - d - 3)) [derived: second moment of an inverse Wishart].
    """
    d, rows = size.d, size.rows
    squared = d * (rows - 1) / ((rows - d) * (rows - d - 1) * (rows - d - 3))
    return base_error(size) + size.noise**2 * float(np.sqrt(squared) * np.sqrt(edited)) / (1 - eta)


def disjoint_blocks(size: RegressionSize, blocks: int, share: float = 1.0) -> list[Ints]:
    """Sets of rows, a round each: `blocks` disjoint blocks of equal size that together are `share` of all rows."""
    rows = np.arange(round(share * size.rows))
    return [np.asarray(part) for part in np.array_split(rows, blocks)]


def fixed_rows(size: RegressionSize, share: float, rounds: int) -> list[Ints]:
    """The same rows, a share of all, edited every round."""
    return [np.arange(round(share * size.rows))] * rounds


def redrawn_rows(size: RegressionSize, share: float, rounds: int, rng: np.random.Generator) -> list[Ints]:
    """New rows every round, a share of all, drawn anew."""
    count = round(share * size.rows)
    return [rng.permutation(size.rows)[:count] for _ in range(rounds)]


def exact_errors(size: RegressionSize, sets: Iterable[Ints], rng: np.random.Generator) -> Floats:
    """E|w_i - w*|^2 given one X, before any edit and after each set, by the covariance C of the labels.

    Editing D: y_D becomes (H y)_D + s e, H = X X^+, so C -> M C M' + s^2 I_D with M = I on rows kept, H on D.
    The error is tr(X^+ C X^+').
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
