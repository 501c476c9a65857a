"""X'X and X'y' of the kept rows, drawn from their exact distribution without drawing the rows.

If noise and policy use k leading coordinates only, the other d - k are N(0, I), independent of which rows are kept and
how they are labeled. Only the k coordinates are drawn by row; for the rest, with L = [leading coordinates, y'] of the N
kept rows and L'L = R R (R symmetric), Z'L = A R for a matrix A of independent normals and Z'Z = A A' + W, W Wishart
with N - k - 1 degrees of freedom [derived: methods.md].
In the mixture with flips not even the leading coordinates are drawn (`draw_mixture_flips`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from winnow.science.theory.arrays import Floats


@dataclass(frozen=True)
class SufficientStatistics:
    """X'X and X'y' of the kept rows, and the number of those rows."""

    second: Floats
    first: Floats
    rows: int


def draw_bartlett_factor(d: int, freedom: int, rng: np.random.Generator, shape: tuple[int, ...] = ()) -> Floats:
    """Draw lower triangular factors L such that L L' is Wishart: Z'Z for `freedom` rows Z of N(0, I_d) (Bartlett)."""
    index = np.arange(min(d, max(freedom, 0)))
    factor = np.tril(rng.standard_normal((*shape, d, len(index))), -1)
    factor[..., index, index] = np.sqrt(rng.chisquare(freedom - index, (*shape, len(index))))
    return factor


def draw_wishart(d: int, freedom: int, rng: np.random.Generator) -> Floats:
    """Draw Z'Z for `freedom` rows Z of N(0, I_d); it is singular for fewer than d rows."""
    factor = draw_bartlett_factor(d, freedom, rng)
    return np.asarray(factor @ factor.T)


def draw_statistics(low: Floats, labels: Floats, d: int, rng: np.random.Generator) -> SufficientStatistics:
    """Draw the sums in d dimensions for kept rows with these leading coordinates and labels."""
    rows, k = low.shape
    leading = np.column_stack([low, labels])
    gram = leading.T @ leading
    if rows <= k + 1:
        x = np.column_stack([low, rng.standard_normal((rows, d - k))])
        return SufficientStatistics(x.T @ x, x.T @ labels, rows)
    across = rng.standard_normal((d - k, k + 1))
    values, vectors = np.linalg.eigh(gram)
    symmetric_root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    mixed = across @ symmetric_root
    second = np.empty((d, d))
    second[:k, :k] = gram[:k, :k]
    second[k:, :k], second[:k, k:] = mixed[:, :k], mixed[:, :k].T
    second[k:, k:] = across @ across.T + draw_wishart(d - k, rows - k - 1, rng)
    return SufficientStatistics(second, np.concatenate([gram[:k, k], mixed[:, k]]), rows)


def draw_mixture_flips(
    right: int, wrong: int, d: int, strength: float, rng: np.random.Generator
) -> SufficientStatistics:
    """Draw the sums for the mixture with `right` kept rows of the true label and `wrong` ones of the other.

    y x ~ N(mu, I) for both labels, so X'X and X'y' are those of Z + 1 mu' with weights +1 and -1.
    """
    rows, signed = right + wrong, right - wrong
    if rows <= 2:
        x = rng.standard_normal((rows, d)) + strength * np.eye(1, d)
        return SufficientStatistics(x.T @ x, x.T @ np.array([1.0] * right + [-1.0] * wrong), rows)
    across = rng.standard_normal((d, 2))
    ones = across[:, 0] * np.sqrt(rows)
    labels = across[:, 0] * signed / np.sqrt(rows) + across[:, 1] * np.sqrt(rows - signed**2 / rows)
    second = across @ across.T + draw_wishart(d, rows - 2, rng)
    second[0] += strength * ones
    second[:, 0] += strength * ones
    second[0, 0] += rows * strength**2
    labels[0] += signed * strength
    return SufficientStatistics(second, labels, rows)
