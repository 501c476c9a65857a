"""How many kept samples each round should get. [paper for the claim: arXiv 2501.18962, growing beats constant]

What can be derived here is one linear case, not the paper's theorem: if each round contracts the error by rho and
adds c / n_k (center.py: c = d rho), E_K = sum_k rho^2(K-k) c / n_k, then for sum n_k = N the best n_k grow as 1 / rho
a round (Cauchy-Schwarz). Start's error is the same for every budget and left out. The paper's setting, a reward model
with a bounded budget, is not modeled here.
"""

from __future__ import annotations

import numpy as np

from winnow.science.theory.arrays import Floats


def best_budget(rho: float, rounds: int, total: float) -> Floats:
    """Samples per round: n_k = N rho^(K-k) / sum."""
    weights = rho ** np.arange(rounds - 1, -1, -1.0)
    return np.asarray(total * weights / weights.sum())


def constant_budget(rounds: int, total: float) -> Floats:
    """The same every round."""
    return np.full(rounds, total / rounds)


def added_error(budget: Floats, rho: float, c: float = 1.0) -> float:
    """What the rounds add to the error at the end: sum_k rho^2(K-k) c / n_k."""
    last = len(budget) - 1
    return float((rho ** (2 * (last - np.arange(len(budget)))) * c / budget).sum())
