"""Votes of simulated verifiers that err independently of one another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

PHI = (0.9, 0.85, 0.8, 0.75, 0.7)
PSI = (0.2, 0.3, 0.25, 0.3, 0.4)
NAMES = ("a", "b", "c", "d", "e")


def drawn(
    rows: int, seed: int = 0, right: float = 0.6, abstain: float = 0.0, verifiers: int = 5
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_]]:
    """Votes, and which rows are right."""
    rng = np.random.default_rng(seed)
    truth = rng.random(rows) < right
    passes = np.where(truth[:, None], PHI, PSI)[:, :verifiers]
    votes = (rng.random(passes.shape) < passes).astype(np.int8)
    votes[rng.random(passes.shape) < abstain] = -1
    return votes, truth


def pair_that_knows_nothing(
    rows: int, slips: float, seed: int = 0
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_]]:
    """Three good verifiers, and two that hardly know what is right but repeat each other but for some slips."""
    votes, truth = drawn(rows, seed)
    rng = np.random.default_rng(seed + 1)
    votes[:, 3] = rng.random(rows) < np.where(truth, 0.55, 0.45)
    votes[:, 4] = np.where(rng.random(rows) < slips, 1 - votes[:, 3], votes[:, 3])
    return votes, truth
