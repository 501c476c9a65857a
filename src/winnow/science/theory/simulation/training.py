"""One round: draw, label, keep, train, and how right the student is.

Promises: for ridge the rows are never all in memory; where noise and policy look at a few coordinates only, they are
not drawn at all (sufficient.py), and the student has the same distribution. Other losses get all kept rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from winnow.science.theory.arrays import Bools, Floats
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
    """How one round goes. n counts raw rows."""

    world: World
    noise: Noise
    policy: Policy
    n: int
    loss: Loss = ridge
    lam: float = 0.01


@dataclass(frozen=True)
class SimulatedRoundResult:
    """The student's signed accuracy, and what it was trained on."""

    accuracy: float
    kept: int
    wrong: int


def simulate_round(config: SimulatedRound, rng: np.random.Generator) -> SimulatedRoundResult:
    """One round, by the fastest way that is exact."""
    if config.loss is not ridge:
        return _simulate_by_rows(config, rng)
    if (
        isinstance(config.noise, FlipNoise)
        and isinstance(config.policy, RatePolicy)
        and config.world.strength is not None
    ):
        return _simulate_by_counts(config, config.noise, config.policy, rng)
    seen = max(_used_coordinates(config.noise, config.world.d), _used_coordinates(config.policy, config.world.d), 1)
    return _simulate_by_statistics(config, seen, rng) if seen < config.world.d else simulate_in_chunks(config, rng)


def _used_coordinates(part: object, d: int) -> int:
    return int(getattr(part, "sees", d))


def _train_student(config: SimulatedRound, statistics: SufficientStatistics, wrong: int) -> SimulatedRoundResult:
    if not statistics.rows:
        return SimulatedRoundResult(float("nan"), 0, 0)
    return SimulatedRoundResult(
        config.world.accuracy(solve_ridge_from_sums(statistics.second, statistics.first, config.n, config.lam)),
        statistics.rows,
        wrong,
    )


def _simulate_by_counts(
    config: SimulatedRound, noise: FlipNoise, policy: RatePolicy, rng: np.random.Generator
) -> SimulatedRoundResult:
    wrong = int(rng.binomial(config.n, noise.p))
    kept_counts = int(rng.binomial(config.n - wrong, policy.phi)), int(rng.binomial(wrong, policy.psi))
    assert config.world.strength is not None
    return _train_student(
        config, draw_mixture_flips(*kept_counts, config.world.d, config.world.strength, rng), kept_counts[1]
    )


def _simulate_by_statistics(config: SimulatedRound, coordinates: int, rng: np.random.Generator) -> SimulatedRoundResult:
    low, y = config.world.draw(config.n, rng, coordinates)
    labels = config.noise(low, y, rng)
    keep = config.policy(low, y, labels, rng)
    wrong = int((labels != y)[keep].sum())
    return _train_student(config, draw_statistics(low[keep], labels[keep], config.world.d, rng), wrong)


def simulate_in_chunks(config: SimulatedRound, rng: np.random.Generator) -> SimulatedRoundResult:
    """Ridge over rows drawn in chunks, in single precision: for noise and policies that look at all of x."""
    d = config.world.d
    second, first, rows, wrong = np.zeros((d, d)), np.zeros(d), 0, 0
    for x, labels, bad in _draw_kept_chunks(config, rng):
        second += x.T @ x
        first += x.T @ labels
        rows, wrong = rows + len(x), wrong + int(bad.sum())
    return _train_student(config, SufficientStatistics(second, first, rows), wrong)


def _draw_kept_chunks(config: SimulatedRound, rng: np.random.Generator) -> Iterator[tuple[Floats, Floats, Bools]]:
    """Kept rows, their given labels, and which are wrong; the rows of a chunk are overwritten by the next."""
    # Drawing is nearly all of the work: a faster source of bits, and the same memory again and again.
    fast = np.random.Generator(np.random.SFC64(rng.integers(2**63)))
    room: Any = np.empty((min(CHUNK_ROWS, config.n), config.world.d), np.float32)
    for start in range(0, config.n, CHUNK_ROWS):
        count = min(CHUNK_ROWS, config.n - start)
        x = room[:count]
        fast.standard_normal(out=x, dtype=np.float32)
        if config.world.strength is None:
            y: Any = np.where(x[:, 0] > 0, np.float32(1), np.float32(-1))
        else:
            y = np.where(rng.random(count, dtype=np.float32) < 0.5, np.float32(1), np.float32(-1))
            x[:, 0] += np.float32(config.world.strength) * y
        labels: Any = np.asarray(config.noise(x, y, rng), np.float32)
        keep = np.asarray(config.policy(x, y, labels, rng), bool)
        yield x[keep], labels[keep], np.asarray(labels != y)[keep]


def _simulate_by_rows(config: SimulatedRound, rng: np.random.Generator) -> SimulatedRoundResult:
    x, y = config.world.draw(config.n, rng)
    labels = np.asarray(config.noise(x, y, rng), float)
    keep = np.asarray(config.policy(x, y, labels, rng), bool)
    if not keep.any():
        return SimulatedRoundResult(float("nan"), 0, 0)
    w = config.loss(x[keep], labels[keep], config.n, config.lam)
    return SimulatedRoundResult(config.world.accuracy(w), int(keep.sum()), int((labels != y)[keep].sum()))
