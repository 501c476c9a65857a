"""Where the step at p* occurs and where it does not: flips or a linear generator, ridge or logistic loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from winnow.science.studies.framework.check import MIN_STANDARD_ERRORS, Goal, Row, check_row, mean_check_row, rows_where
from winnow.science.studies.framework.study import StudyUnit
from winnow.science.theory.selection.angles import Angles, bisector_error
from winnow.science.theory.simulation.losses import logistic, ridge
from winnow.science.theory.simulation.noise import FlipNoise, LinearNoise
from winnow.science.theory.simulation.policies import AgreementPolicy, RatePolicy
from winnow.science.theory.simulation.training import SimulatedRound, simulate_round
from winnow.science.theory.simulation.world import World

PI = np.pi
STEP = {
    0.6: Goal(0.97, 0.0, "paper", ">="),
    0.76: Goal(0.947, 0.02, "derived"),
    0.84: Goal(0.048, 0.02, "derived"),
    0.95: Goal(0.03, 0.0, "paper", "<="),
}
"""Accuracy at p for phi = 1, psi = 1/4 (p* = .8), d = 20, 10,000 rows per dimension."""
GENERATOR, BAYES = 0.7602, 0.8413
FEW_KEPT, MANY_KEPT = 10_000, 100_000


def step_checks(unit: StudyUnit) -> list[Row]:
    """Check the step at p* with flips, and that a linear generator with the same p, phi and psi has none."""
    rng, runs, rows = unit.rng(), unit["steps"], []
    world, policy, n = World(20), RatePolicy(1, 0.25), 200_000
    for p, goal in STEP.items():
        accuracies = _accuracies(SimulatedRound(world, FlipNoise(p), policy, n, ridge, 0.0), runs, rng)
        rows.append(mean_check_row(f"flips, p={p:g}: accuracy", accuracies, goal))
    linear = SimulatedRound(world, LinearNoise(Angles(0.6 * PI, 0)), policy, n, ridge, 0.0)
    goal = Goal(0.6, 0.0, "derived", "<=")
    rows.append(mean_check_row("linear labels, p=0.6: accuracy, far from 1", _accuracies(linear, runs, rng), goal))
    for name, verifier in (("perfect", 0.0), ("weak", PI / 12)):
        angles = Angles(PI / 4, verifier)
        agreement = SimulatedRound(world, LinearNoise(angles), AgreementPolicy(angles), n, ridge, 0.0)
        goal = Goal(bisector_error(angles), 0.005, "derived")
        errors = 1 - np.array(_accuracies(agreement, runs, rng))
        rows.append(mean_check_row(f"linear labels, {name} verifier: error", errors, goal))
    return rows


def drift_checks(unit: StudyUnit) -> list[Row]:
    """Check that logistic loss with an oracle on latent labels drifts back to the linear generator."""
    rng, angles, world = unit.rng(), Angles(PI / 4, 0), World(30, 1.0)
    accuracies = {}
    for n, runs in ((1_000, 40 * unit["drifts"]), (150_000, unit["drifts"])):
        oracle = SimulatedRound(world, LinearNoise(angles), RatePolicy(1, 0), n, logistic, 1e-6)
        accuracies[n] = _accuracies(oracle, runs, rng)
    generator = world.accuracy(angles.directions()[1])
    fall = float(np.mean(accuracies[1_000]) - np.mean(accuracies[150_000]))
    return [
        check_row("drift: generator's accuracy", generator, Goal(GENERATOR, 6e-5, "derived")),
        check_row("drift: Bayes", world.bayes_accuracy(), Goal(BAYES, 6e-5, "derived")),
        mean_check_row("logistic, n=1000: accuracy", accuracies[1_000], Goal(0.7754, 0.003, "derived")),
        mean_check_row("logistic, n=150000: accuracy", accuracies[150_000], Goal(0.7636, 0.001, "derived")),
        check_row("logistic falls back as n grows", fall, Goal(0.005, 0.0, "sign", ">=")),
    ]


def weak_verifier_rows(unit: StudyUnit) -> list[Row]:
    """Compare 10,000 and 100,000 kept rows with a weak verifier and logistic loss; no rows if `weak` is 0.

    This is no check: the difference is about a thousandth, which takes hundreds of runs of each size to detect.
    """
    if not unit["weak"]:
        return []
    rng, angles = unit.rng(), Angles(PI / 4, PI / 12)
    keep = 1 - angles.between / PI
    accuracies = {}
    for kept_rows in (FEW_KEPT, MANY_KEPT):
        n = round(kept_rows / keep)
        weak = SimulatedRound(World(200), LinearNoise(angles), AgreementPolicy(angles), n, logistic, 1e-6)
        accuracies[kept_rows] = np.array(_accuracies(weak, unit["weak"], rng))
    fall = float(accuracies[FEW_KEPT].mean() - accuracies[MANY_KEPT].mean())
    error = float(np.sqrt(sum(runs.var(ddof=1) / len(runs) for runs in accuracies.values())))
    return [{"quantity": "10,000 kept rows over 100,000", "got": fall, "standard_error": error}]


def weak_verifier_summary(rows: Sequence[Row]) -> list[str]:
    """Return the result of `weak_verifier_rows`, and whether it differs from zero."""
    lines = []
    for row in rows_where(rows, part="weak"):
        is_distinguishable = abs(row["got"]) > MIN_STANDARD_ERRORS * row["standard_error"]
        estimate = f"{row['got']:+.4f}, standard error {row['standard_error']:.2g}"
        verdict = "" if is_distinguishable else ": not distinguishable from zero"
        lines.append(f"logistic loss, weak verifier, {row['quantity']} (seed {row['seed']}): {estimate}{verdict}")
    return lines


def _accuracies(config: SimulatedRound, runs: int, rng: np.random.Generator) -> list[float]:
    return [simulate_round(config, rng).accuracy for _ in range(runs)]
