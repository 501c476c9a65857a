"""The rows of one round: their distribution and true labels, the labels of a generator, and which rows are kept.

The first axis is the truth: w* = e1, or mu = strength e1. isotropic: x ~ N(0, I), y = sign(x1). mixture: y is a fair
coin, x | y ~ N(y mu, I).
Your own noise is any function (x, y, rng) -> labels of +1 and -1, your own policy any function (x, y, labels, rng) ->
booleans; y is the true label, which only an oracle uses. Their attribute `sees` is the number of leading coordinates of
x that they use; without the attribute they get all of x.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from winnow.science.theory.arrays import Bools, Floats
from winnow.science.theory.selection.angles import Angles

Noise = Callable[[Floats, Floats, np.random.Generator], Floats]
Policy = Callable[[Floats, Floats, Floats, np.random.Generator], Bools]


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
        """Return the probability that sign(w.x) is the true label of a fresh row, computed from the angle of w.

        It is signed: a student that has learned the opposite of the truth has accuracy near 0.
        """
        cosine = w[0] / np.linalg.norm(w)
        if self.strength is None:
            return float(1 - np.arccos(np.clip(cosine, -1, 1)) / np.pi)
        return float(ndtr(self.strength * cosine))

    def bayes_accuracy(self) -> float:
        """Return the best possible accuracy."""
        return 1.0 if self.strength is None else float(ndtr(self.strength))


@dataclass(frozen=True)
class FlipNoise:
    """Labels that are wrong with probability p, independently of x; the theorem of arXiv 2406.07515 assumes this."""

    p: float
    sees: int = 0

    def __call__(self, x: Floats, y: Floats, rng: np.random.Generator) -> Floats:
        return np.where(rng.random(len(y)) < self.p, -y, y)


@dataclass(frozen=True)
class LinearNoise:
    """Labels of a linear generator, sign(x.w_gen), which uses the first two coordinates.

    They are wrong where x lies between w_gen and w*, so the theorem does not hold for them [derived].
    """

    angles: Angles
    sees: int = 2

    def __call__(self, x: Floats, y: Floats, rng: np.random.Generator) -> Floats:
        return np.where(x[:, :2] @ self.angles.directions()[1, :2] > 0, 1.0, -1.0)


@dataclass(frozen=True)
class RatePolicy:
    """Keep right rows with probability phi and wrong ones with probability psi, whatever x is."""

    phi: float
    psi: float
    sees: int = 0

    def __call__(self, x: Floats, y: Floats, labels: Floats, rng: np.random.Generator) -> Bools:
        return np.asarray(rng.random(len(y)) < np.where(labels == y, self.phi, self.psi), bool)


@dataclass(frozen=True)
class AgreementPolicy:
    """Keep a row if a linear verifier, sign(x.w_prune), gives the same label."""

    angles: Angles
    sees: int = 3

    def __call__(self, x: Floats, y: Floats, labels: Floats, rng: np.random.Generator) -> Bools:
        verifier_labels = np.where(x[:, :3] @ self.angles.directions()[2] > 0, 1.0, -1.0)
        return np.asarray(verifier_labels == labels, bool)
