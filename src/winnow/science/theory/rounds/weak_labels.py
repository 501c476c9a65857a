"""Weak labels, right with probability beta only, for prompts that the model still fails (arXiv 2502.08924).

u is the share of prompts not solved. An ideal learner solves a prompt for good once it has seen a right label
[derived]. Focused: a share kappa of the failing prompts is labeled each round, u_t = u_0 (1 - kappa beta)^t.
Unfocused: labels fall on all prompts alike, so only a share u of them helps: u_t = 1 / (1/u_0 + kappa beta t), the
solution of u' = -kappa beta u^2.
"""

from __future__ import annotations

import numpy as np

from winnow.science.theory.arrays import Floats


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
