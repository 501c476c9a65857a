"""How the generator labels rows: two noise models with different theory.

Flips: each label is wrong with probability p, independently of x; the theorem of arXiv 2406.07515 assumes this.
Linear: y' = sign(x.w_gen), wrong where x lies between w_gen and w*; the theorem does not hold for it [derived].
Your own noise is any function (x, y, rng) -> labels of +1 and -1. Its attribute `sees` is the number of leading
coordinates of x that it uses; without the attribute it gets all of x.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from winnow.science.theory.arrays import Floats
from winnow.science.theory.selection.angles import Angles

Noise = Callable[[Floats, Floats, np.random.Generator], Floats]


@dataclass(frozen=True)
class FlipNoise:
    """Labels that are wrong with probability p, whatever x is."""

    p: float
    sees: int = 0

    def __call__(self, x: Floats, y: Floats, rng: np.random.Generator) -> Floats:
        return np.where(rng.random(len(y)) < self.p, -y, y)


@dataclass(frozen=True)
class LinearNoise:
    """Labels of a linear generator, which uses the first two coordinates."""

    angles: Angles
    sees: int = 2

    def __call__(self, x: Floats, y: Floats, rng: np.random.Generator) -> Floats:
        return np.where(x[:, :2] @ self.angles.directions()[1, :2] > 0, 1.0, -1.0)
