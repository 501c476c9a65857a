"""What is kept. A policy of yours is any function (x, y, given, rng) -> booleans; y is the true label, which only
an oracle looks at. `sees` says how many leading coordinates of x it looks at; without it, all.
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
    """Right rows are kept with chance phi, wrong ones with chance psi, whatever x is; 1 and 1 keep everything."""

    phi: float
    psi: float
    sees: int = 0

    def __call__(self, x: Floats, y: Floats, labels: Floats, rng: np.random.Generator) -> Bools:
        return np.asarray(rng.random(len(y)) < np.where(labels == y, self.phi, self.psi), bool)


@dataclass(frozen=True)
class AgreementPolicy:
    """Kept iff a linear verifier, sign(x.w_prune), gives the same label."""

    angles: Angles
    sees: int = 3

    def __call__(self, x: Floats, y: Floats, labels: Floats, rng: np.random.Generator) -> Bools:
        verifier_labels = np.where(x[:, :3] @ self.angles.directions()[2] > 0, 1.0, -1.0)
        return np.asarray(verifier_labels == labels, bool)
