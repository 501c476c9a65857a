"""The distribution of x and its true label. The first axis is the truth: w* = e1, or mu = strength e1.

isotropic: x ~ N(0, I), y = sign(x1). mixture: y is a fair coin, x | y ~ N(y mu, I).
The accuracy of a student w is exact, computed from its angle instead of test rows, and signed: a student that has
learned the opposite of the truth has accuracy near 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from winnow.science.theory.arrays import Floats


@dataclass(frozen=True)
class World:
    """A distribution in d dimensions; strength is None for the isotropic world, else the length of mu."""

    d: int
    strength: float | None = None

    def draw(self, n: int, rng: np.random.Generator, coordinates: int | None = None) -> tuple[Floats, Floats]:
        """Draw n rows (their first `coordinates`, or all) and their true labels, +1 or -1."""
        x = rng.standard_normal((n, coordinates or self.d))
        if self.strength is None:
            return x, np.where(x[:, 0] > 0, 1.0, -1.0)
        y = np.where(rng.random(n) < 0.5, 1.0, -1.0)
        x[:, 0] += self.strength * y
        return x, y

    def accuracy(self, w: Floats) -> float:
        """Return the probability that sign(w.x) is the true label of a fresh row."""
        cosine = w[0] / np.linalg.norm(w)
        if self.strength is None:
            return float(1 - np.arccos(np.clip(cosine, -1, 1)) / np.pi)
        return float(ndtr(self.strength * cosine))

    def bayes_accuracy(self) -> float:
        """Return the best possible accuracy."""
        return 1.0 if self.strength is None else float(ndtr(self.strength))
