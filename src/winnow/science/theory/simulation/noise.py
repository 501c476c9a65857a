"""How the generator labels. Two models, not to be mixed up.

Flips: each label is wrong with chance p, independently of x: the theorem's assumption (arXiv 2406.07515).
Linear: y' = sign(x.w_gen): wrong where x lies between w_gen and w*. The theorem does not hold for it [derived].
A noise of yours is any function (x, y, rng) -> labels of +1 and -1. `sees` says how many leading coordinates of x it
looks at; a function without it is given all of them.
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
    """Wrong with chance p, whatever x is."""

    p: float
    sees: int = 0

    def __call__(self, x: Floats, y: Floats, rng: np.random.Generator) -> Floats:
        return np.where(rng.random(len(y)) < self.p, -y, y)


@dataclass(frozen=True)
class LinearNoise:
    """The label a linear generator gives; it looks at the first two coordinates."""

    angles: Angles
    sees: int = 2

    def __call__(self, x: Floats, y: Floats, rng: np.random.Generator) -> Floats:
        return np.where(x[:, :2] @ self.angles.directions()[1, :2] > 0, 1.0, -1.0)
