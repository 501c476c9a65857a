"""Where x and its true label come from. The first axis is the truth: w* = e1, or mu = strength e1.

isotropic: x ~ N(0, I), y = sign(x1). mixture: y a fair coin, x | y ~ N(y mu, I).
Promises: the accuracy of a student w is exact, computed from its angle and not from test rows, and signed: a student
that says the opposite of the truth has accuracy near 0. Rows outside the first axis are N(0, I), independent of y.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from winnow.science.theory.arrays import Floats


@dataclass(frozen=True)
class World:
    """d dimensions; strength None is the isotropic world, a number the length of mu."""

    d: int
    strength: float | None = None

    def draw(self, n: int, rng: np.random.Generator, coordinates: int | None = None) -> tuple[Floats, Floats]:
        """n rows (their first `coordinates`, or all) and their true labels, +1 or -1."""
        x = rng.standard_normal((n, coordinates or self.d))
        if self.strength is None:
            return x, np.where(x[:, 0] > 0, 1.0, -1.0)
        y = np.where(rng.random(n) < 0.5, 1.0, -1.0)
        x[:, 0] += self.strength * y
        return x, y

    def accuracy(self, w: Floats) -> float:
        """The chance that sign(w.x) is the true label of a fresh row."""
        cosine = w[0] / np.linalg.norm(w)
        if self.strength is None:
            return float(1 - np.arccos(np.clip(cosine, -1, 1)) / np.pi)
        return float(ndtr(self.strength * cosine))

    def bayes_accuracy(self) -> float:
        """The best accuracy there is."""
        return 1.0 if self.strength is None else float(ndtr(self.strength))
