"""Which rows are kept.

Your own policy is any function (x, y, labels, rng) -> booleans; y is the true label, which only an oracle uses. As with
noise, the attribute `sees` is the number of leading coordinates of x that it uses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from winnow.science.theory.arrays import Bools, Floats
from winnow.science.theory.selection.angles import Angles

Policy = Callable[[Floats, Floats, Floats, np.random.Generator], Bools]


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
