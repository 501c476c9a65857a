"""How many kept samples each round should get: growing budgets against constant ones (claim: arXiv 2501.18962).

Only one linear case is derived here, not the paper's theorem. Each round contracts the error by rho and adds c / n_k
(in verifier_center.py, c = d rho), so E_K = sum_k rho^2(K-k) c / n_k; for sum n_k = N the best n_k grow by 1 / rho a
round (Cauchy-Schwarz). The error of the start is the same for every budget and is left out.
"""

from __future__ import annotations

import numpy as np

from winnow.science.theory.arrays import Floats


def best_budget(rho: float, rounds: int, total: float) -> Floats:
    """Return the best number of samples for each round: n_k = N rho^(K-k) / sum_j rho^(K-j)."""
    weights = rho ** np.arange(rounds - 1, -1, -1.0)
    return np.asarray(total * weights / weights.sum())


def constant_budget(rounds: int, total: float) -> Floats:
    """Return the same number of samples for every round."""
    return np.full(rounds, total / rounds)


def added_error(budget: Floats, rho: float, c: float = 1.0) -> float:
    """Return what the rounds add to the final error: sum_k rho^2(K-k) c / n_k."""
    last = len(budget) - 1
    return float((rho ** (2 * (last - np.arange(len(budget)))) * c / budget).sum())
