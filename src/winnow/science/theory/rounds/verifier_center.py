"""Verified retraining converges to the verifier's center, whatever the truth is (claim: arXiv 2510.16657).

The smallest model that shows it [derived]: the generator is N(theta, I), the verifier keeps x with probability
exp(-|x - theta_c|^2 / (2 tau^2)), and the next theta is the mean of n kept samples. Kept samples are Gaussian, so
theta_{k+1} - theta_c = rho (theta_k - theta_c) + N(0, rho I / n) with rho = tau^2 / (1 + tau^2): the selectivity tau
sets the speed, theta_c the end. The covariance is not refitted.
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
