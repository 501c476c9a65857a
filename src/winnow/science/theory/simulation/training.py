"""One simulated round: draw rows, label them, keep some, train a student, and compute its accuracy.

For ridge, the rows are never all in memory; where noise and policy use a few coordinates only, the rows are not drawn
at all (sufficient_statistics.py) and the student has the same distribution. Other losses get all kept rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from winnow.science.theory.simulation.losses import Loss, ridge, solve_ridge_from_sums
from winnow.science.theory.simulation.noise import FlipNoise, Noise
from winnow.science.theory.simulation.policies import Policy, RatePolicy
from winnow.science.theory.simulation.sufficient_statistics import (
    SufficientStatistics,
    draw_mixture_flips,
    draw_statistics,
)
from winnow.science.theory.simulation.world import World

CHUNK_ROWS = 4096


@dataclass(frozen=True)
class SimulatedRound:
    """The settings of one round; n counts raw rows, before selection."""

    world: World
    noise: Noise
    policy: Policy
    n: int
    loss: Loss = ridge
    lam: float = 0.01


@dataclass(frozen=True)
class SimulatedRoundResult:
    """The signed accuracy of the student, and how many kept and wrong rows it was trained on."""

    accuracy: float
    kept: int
    wrong: int


def simulate_round(config: SimulatedRound, rng: np.random.Generator) -> SimulatedRoundResult:
    """Simulate one round by the fastest exact method."""
    if config.loss is not ridge:
        return _simulate_by_rows(config, rng)
    world, noise, policy = config.world, config.noise, config.policy
    if isinstance(noise, FlipNoise) and isinstance(policy, RatePolicy) and world.strength is not None:
        return _simulate_by_counts(config, noise, policy, world.strength, rng)
    used_coordinates = max(1, *(int(getattr(part, "sees", world.d)) for part in (noise, policy)))
    if used_coordinates < world.d:
        return _simulate_by_statistics(config, used_coordinates, rng)
    return simulate_in_chunks(config, rng)


def _train_student(config: SimulatedRound, statistics: SufficientStatistics, wrong: int) -> SimulatedRoundResult:
    if not statistics.rows:
        return SimulatedRoundResult(float("nan"), 0, 0)
    w = solve_ridge_from_sums(statistics.second, statistics.first, config.n, config.lam)
    return SimulatedRoundResult(config.world.accuracy(w), statistics.rows, wrong)


def _simulate_by_counts(
    config: SimulatedRound, noise: FlipNoise, policy: RatePolicy, strength: float, rng: np.random.Generator
) -> SimulatedRoundResult:
    wrong = int(rng.binomial(config.n, noise.p))
    kept_right, kept_wrong = int(rng.binomial(config.n - wrong, policy.phi)), int(rng.binomial(wrong, policy.psi))
    statistics = draw_mixture_flips(kept_right, kept_wrong, config.world.d, strength, rng)
    return _train_student(config, statistics, kept_wrong)


def _simulate_by_statistics(config: SimulatedRound, coordinates: int, rng: np.random.Generator) -> SimulatedRoundResult:
    low, y = config.world.draw(config.n, rng, coordinates)
    labels = config.noise(low, y, rng)
    keep = config.policy(low, y, labels, rng)
    wrong = int((labels != y)[keep].sum())
    return _train_student(config, draw_statistics(low[keep], labels[keep], config.world.d, rng), wrong)


def simulate_in_chunks(config: SimulatedRound, rng: np.random.Generator) -> SimulatedRoundResult:
    """Simulate ridge on rows drawn in chunks, in single precision: for noise and policies that use all of x."""
    d, strength = config.world.d, config.world.strength
    second, first, rows, wrong = np.zeros((d, d)), np.zeros(d), 0, 0
    # Drawing takes nearly all of the time: use a faster bit generator and reuse the memory.
    fast = np.random.Generator(np.random.SFC64(rng.integers(2**63)))
    buffer: Any = np.empty((min(CHUNK_ROWS, config.n), d), np.float32)
    for start in range(0, config.n, CHUNK_ROWS):
        x = buffer[: min(CHUNK_ROWS, config.n - start)]
        fast.standard_normal(out=x, dtype=np.float32)
        if strength is None:
            y: Any = np.where(x[:, 0] > 0, np.float32(1), np.float32(-1))
        else:
            y = np.where(rng.random(len(x), dtype=np.float32) < 0.5, np.float32(1), np.float32(-1))
            x[:, 0] += np.float32(strength) * y
        labels: Any = np.asarray(config.noise(x, y, rng), np.float32)
        keep = np.asarray(config.policy(x, y, labels, rng), bool)
        kept_x = x[keep]
        second += kept_x.T @ kept_x
        first += kept_x.T @ labels[keep]
        rows, wrong = rows + len(kept_x), wrong + int((labels != y)[keep].sum())
    return _train_student(config, SufficientStatistics(second, first, rows), wrong)


def _simulate_by_rows(config: SimulatedRound, rng: np.random.Generator) -> SimulatedRoundResult:
    x, y = config.world.draw(config.n, rng)
    labels = np.asarray(config.noise(x, y, rng), float)
    keep = np.asarray(config.policy(x, y, labels, rng), bool)
    if not keep.any():
        return SimulatedRoundResult(float("nan"), 0, 0)
    w = config.loss(x[keep], labels[keep], config.n, config.lam)
    return SimulatedRoundResult(config.world.accuracy(w), int(keep.sum()), int((labels != y)[keep].sum()))
