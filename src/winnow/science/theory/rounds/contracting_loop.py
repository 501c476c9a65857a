"""Loops that contract their error: verified retraining, budgets of kept samples, and weak labels.

Verified retraining converges to the verifier's center, whatever the truth is (claim: arXiv 2510.16657). The smallest
model that shows it [derived]: the generator is N(theta, I), the verifier keeps x with probability
exp(-|x - theta_c|^2 / (2 tau^2)), and the next theta is the mean of n kept samples. Kept samples are Gaussian, so
theta_{k+1} - theta_c = rho (theta_k - theta_c) + N(0, rho I / n) with rho = tau^2 / (1 + tau^2): the selectivity tau
sets the speed, theta_c the end. The covariance is not refitted.

Budgets (claim: growing ones beat constant ones, arXiv 2501.18962) are derived for one linear case only, not the paper's
theorem. Round k adds c / n_k to the error (above, c = d rho), so E_K = sum_k rho^2(K-k) c / n_k; for sum n_k = N the
best n_k grow by 1 / rho a round (Cauchy-Schwarz). The error of the start is the same for every budget and is left out.

Weak labels are right with probability beta only, for prompts that the model still fails (arXiv 2502.08924). u is the
share of prompts not solved. An ideal learner solves a prompt for good once it has seen a right label [derived].
Focused: a share kappa of the failing prompts is labeled each round, u_t = u_0 (1 - kappa beta)^t. Unfocused: labels
fall on all prompts alike, so only a share u of them helps: u_t = 1 / (1/u_0 + kappa beta t), the solution of
u' = -kappa beta u^2.
"""

from __future__ import annotations

import numpy as np

from winnow.science.theory.arrays import Floats


def contraction_rate(tau: float) -> float:
    """Return rho = tau^2 / (1 + tau^2); a strict verifier (small tau) contracts fast."""
    return tau**2 / (1 + tau**2)


def expected_squared_distance(start: float, d: int, n: int, tau: float, rounds: int) -> Floats:
    """Return E|theta_k - theta_c|^2 for k = 0 to `rounds`: rho^2k start + d rho / n (1 - rho^2k) / (1 - rho^2)."""
    rho, k = contraction_rate(tau), np.arange(rounds + 1)
    return np.asarray(rho ** (2 * k) * start + d * rho / n * (1 - rho ** (2 * k)) / (1 - rho**2))


def expected_truth_error(offset: float, bias: float, d: int, n: int, tau: float, rounds: int) -> Floats:
    """Return E|theta_k|^2 with the truth at 0, |theta_0| = offset and |theta_c| = bias at right angles to theta_0.

    With a small bias there is a gain, then a plateau at bias^2; with a large one there is a decline.
    """
    rho, k = contraction_rate(tau), np.arange(rounds + 1)
    mean = (rho**k * offset) ** 2 + ((1 - rho**k) * bias) ** 2
    return np.asarray(mean + d * rho / n * (1 - rho ** (2 * k)) / (1 - rho**2))


def simulate_squared_distances(
    start: Floats, center: Floats, n: int, tau: float, rounds: int, rng: np.random.Generator
) -> Floats:
    """Simulate one run from the vector `start`, drawing and verifying every sample; return |theta_k - theta_c|^2."""
    theta, squared_distances = start.astype(float), [float(((start - center) ** 2).sum())]
    for _ in range(rounds):
        kept_samples = np.empty((0, len(theta)))
        while len(kept_samples) < n:
            x = theta + rng.standard_normal((4 * n, len(theta)))
            keep = rng.random(len(x)) < np.exp(-((x - center) ** 2).sum(axis=1) / (2 * tau**2))
            kept_samples = np.concatenate([kept_samples, x[keep]])
        theta = kept_samples[:n].mean(axis=0)
        squared_distances.append(float(((theta - center) ** 2).sum()))
    return np.array(squared_distances)


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


def focused_share_solved(u0: float, kappa: float, beta: float, rounds: int) -> Floats:
    """Return the share solved after 0 to `rounds` rounds when only failing prompts are labeled."""
    return np.asarray(1 - u0 * (1 - kappa * beta) ** np.arange(rounds + 1))


def unfocused_share_solved(u0: float, kappa: float, beta: float, rounds: int) -> Floats:
    """Return the share solved after 0 to `rounds` rounds when labels are spread over all prompts."""
    return np.asarray(1 - 1 / (1 / u0 + kappa * beta * np.arange(rounds + 1)))


def simulate_share_solved(
    u0: float, pull: float, rounds: int, focus: bool, size: int, rng: np.random.Generator
) -> Floats:
    """Simulate the share solved after 0 to `rounds` rounds for `size` prompts; `pull` is kappa beta."""
    failing = round(u0 * size)
    share_solved = [1 - failing / size]
    for _ in range(rounds):
        chance = pull if focus else pull * failing / size
        failing -= int(rng.binomial(failing, chance))
        share_solved.append(1 - failing / size)
    return np.array(share_solved)
