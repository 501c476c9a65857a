"""One simulated round: draw rows, label them, keep some, train a student, and compute its accuracy.

For ridge, the rows are never all in memory; where noise and policy use a few coordinates only, the rows are not drawn
at all (sufficient_statistics.py) and the student has the same distribution. Other losses get all kept rows.
`SelectionCase` gives the four standard rounds and the exact limit of each.

Losses over the kept rows; n counts raw rows, so lam means the same whatever is kept.
ridge: (1/n) sum (y' - w.x)^2 / 2 + lam |w|^2 / 2, solved exactly; the theory of selection/ is about this loss.
logistic: (1/n) sum log(1 + exp(-y' w.x)) + lam |w|^2 / 2. With an oracle that passes rows by their latent label and a
linear generator it drifts back to the generator as n grows [derived].
Your own loss is any function (x, labels, n, lam) -> w over the kept rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from winnow.science.theory.arrays import Floats
from winnow.science.theory.selection.angles import Angles
from winnow.science.theory.selection.breakdown import SelectionRates
from winnow.science.theory.selection.proportional_limit import (
    accuracy_mixture,
    error_isotropic,
    isotropic_agreement,
    isotropic_flips,
    mixture_agreement,
    mixture_flips,
)
from winnow.science.theory.simulation.rows import (
    AgreementPolicy,
    FlipNoise,
    LinearNoise,
    Noise,
    Policy,
    RatePolicy,
    World,
)
from winnow.science.theory.simulation.sufficient_statistics import (
    SufficientStatistics,
    draw_mixture_flips,
    draw_statistics,
)

CHUNK_ROWS = 4096
CASES = ("a", "b", "c", "d")
MAX_NEWTON_STEPS, STEP_TOLERANCE = 60, 1e-9

Loss = Callable[[Floats, Floats, int, float], Floats]


def ridge(x: Floats, labels: Floats, n: int, lam: float) -> Floats:
    """Return the w of penalized least squares."""
    return solve_ridge_from_sums(x.T @ x, x.T @ labels, n, lam)


def solve_ridge_from_sums(second: Floats, first: Floats, n: int, lam: float) -> Floats:
    """Return the w of ridge from X'X and X'y' of the kept rows; the shortest solution if it is not unique."""
    matrix = second / n + lam * np.eye(len(first))
    if lam == 0:
        return np.asarray(np.linalg.lstsq(matrix, first / n, rcond=None)[0])
    return np.asarray(np.linalg.solve(matrix, first / n))


def logistic(x: Floats, labels: Floats, n: int, lam: float) -> Floats:
    """Return the w of logistic loss by Newton's method with step halving; separable rows need lam > 0."""
    signed = x * labels[:, None]
    w = np.zeros(x.shape[1])
    value = _logistic_value(signed, w, n, lam)
    for _ in range(MAX_NEWTON_STEPS):
        wrong = expit(-(signed @ w))
        gradient = lam * w - signed.T @ wrong / n
        weighted = signed * (wrong * (1 - wrong))[:, None]
        step = np.linalg.solve(signed.T @ weighted / n + lam * np.eye(len(w)), gradient)
        decrease, size = float(gradient @ step), 1.0
        while (candidate_value := _logistic_value(signed, w - size * step, n, lam)) > value - 1e-4 * size * decrease:
            size /= 2
            if size < STEP_TOLERANCE:
                return w
        w, value = w - size * step, candidate_value
        if decrease < STEP_TOLERANCE * STEP_TOLERANCE:
            break
    return w


def _logistic_value(signed: Floats, w: Floats, n: int, lam: float) -> float:
    return float(np.logaddexp(0, -(signed @ w)).sum() / n + lam * (w @ w) / 2)


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


@dataclass(frozen=True)
class SelectionCase:
    """One of the four standard rounds: a and b are isotropic, c and d the mixture.

    In a and c labels are flipped and kept by the rates; in b and d a linear generator labels, and rows are kept where a
    linear verifier agrees. The strength belongs to the mixture.
    """

    case: str
    rates: SelectionRates
    angles: Angles
    strength: float = 1.0

    def limit_accuracy(self, kappa: float, lam: float) -> float:
        """Return the accuracy in the limit d / n -> kappa."""
        if self.case == "a":
            return 1 - error_isotropic(isotropic_flips(self.rates), kappa, lam)
        if self.case == "b":
            return 1 - error_isotropic(isotropic_agreement(self.angles), kappa, lam)
        if self.case == "c":
            return accuracy_mixture(mixture_flips(self.rates, self.strength), kappa, lam)
        return accuracy_mixture(mixture_agreement(self.angles, self.strength), kappa, lam)

    def simulated_round(self, d: int, n: int, lam: float) -> SimulatedRound:
        """Return a round of d dimensions and n raw rows to simulate."""
        world = World(d, self.strength if self.case in "cd" else None)
        if self.case in "ac":
            policy = RatePolicy(self.rates.phi, self.rates.psi)
            return SimulatedRound(world, FlipNoise(self.rates.p), policy, n, ridge, lam)
        return SimulatedRound(world, LinearNoise(self.angles), AgreementPolicy(self.angles), n, ridge, lam)
