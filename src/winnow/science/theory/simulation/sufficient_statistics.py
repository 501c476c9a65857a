"""X'X and X'y' of the kept rows drawn directly, exactly distributed, without drawing the rows.

Where noise and policy look at k leading coordinates only, the other d - k are N(0, I) and independent of what is kept
and how it is labeled. So only the k coordinates are drawn by row; for the rest, with L = [leading coordinates, y'] of
the N kept rows and L'L = R R (R symmetric), Z'L = A R for a matrix A of independent normals and Z'Z = A A' + W, W
Wishart with N - k - 1 degrees of freedom, drawn by Bartlett's decomposition. [derived: docs/methods.md]
In the mixture with flips even the leading coordinates need not be drawn (`mixture_flips`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from winnow.science.theory.arrays import Floats


@dataclass(frozen=True)
class SufficientStatistics:
    """X'X, X'y' of the kept rows, and how many they are."""

    second: Floats
    first: Floats
    rows: int


def draw_wishart(d: int, freedom: int, rng: np.random.Generator) -> Floats:
    """Z'Z for `freedom` rows Z of N(0, I_d), by Bartlett: T T' with chi and normal entries; singular below d rows."""
    columns = min(d, max(freedom, 0))
    lower = np.tril(rng.standard_normal((d, columns)), -1)
    lower[np.arange(columns), np.arange(columns)] = np.sqrt(rng.chisquare(freedom - np.arange(columns)))
    return np.asarray(lower @ lower.T)


def draw_statistics(low: Floats, labels: Floats, d: int, rng: np.random.Generator) -> SufficientStatistics:
    """The sums for kept rows with these leading coordinates and given labels, in d dimensions."""
    rows, k = low.shape
    leading = np.column_stack([low, labels])
    gram = leading.T @ leading
    if rows <= k + 1:
        x = np.column_stack([low, rng.standard_normal((rows, d - k))])
        return SufficientStatistics(x.T @ x, x.T @ labels, rows)
    across = rng.standard_normal((d - k, k + 1))
    mixed = across @ _symmetric_square_root(gram)
    second = np.empty((d, d))
    second[:k, :k] = gram[:k, :k]
    second[k:, :k], second[:k, k:] = mixed[:, :k], mixed[:, :k].T
    second[k:, k:] = across @ across.T + draw_wishart(d - k, rows - k - 1, rng)
    return SufficientStatistics(second, np.concatenate([gram[:k, k], mixed[:, k]]), rows)


def draw_mixture_flips(
    right: int, wrong: int, d: int, strength: float, rng: np.random.Generator
) -> SufficientStatistics:
    """The sums for the mixture, `right` rows kept with their true label and `wrong` ones with the other.

    y x ~ N(mu, I) whatever the row's label, so X'X and X'y' are those of Z + 1 mu' with weights +1 and -1.
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


def _symmetric_square_root(gram: Floats) -> Floats:
    """The symmetric square root."""
    values, vectors = np.linalg.eigh(gram)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)
