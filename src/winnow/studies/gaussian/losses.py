"""Where the step is and where it is not: flips against labels of a linear generator, ridge against logistic loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from winnow.studies.frame.check import ERRORS, Goal, Row, mean, measured
from winnow.studies.frame.study import Unit
from winnow.theory.selection.angles import Angles, bisector_error
from winnow.theory.worlds.losses import logistic, ridge
from winnow.theory.worlds.noise import Flips, Linear
from winnow.theory.worlds.policies import Agreement, ByRates
from winnow.theory.worlds.training import Round, train
from winnow.theory.worlds.world import World

PI = np.pi
STEP = {
    0.6: Goal(0.97, 0.0, "paper", ">="),
    0.76: Goal(0.947, 0.02, "derived"),
    0.84: Goal(0.048, 0.02, "derived"),
    0.95: Goal(0.03, 0.0, "paper", "<="),
}
"""Accuracy at p for phi = 1, psi = 1/4 (p* = .8), d = 20, 10,000 rows a dimension."""
GENERATOR, BAYES = 0.7602, 0.8413
BEST_KEPT, MANY_KEPT = 10_000, 100_000


def step(unit: Unit) -> list[Row]:
    """The step at p* with flips; no step, at the same p, phi and psi, with labels of a linear generator."""
    rng, rows = unit.rng(), []
    world, kept, n = World(20), ByRates(1, 0.25), 200_000
    for p, goal in STEP.items():
        how = Round(world, Flips(p), kept, n, ridge, 0.0)
        found = [train(how, rng).accuracy for _ in range(unit["steps"])]
        rows.append(mean(f"flips, p={p:g}: accuracy", found, goal))
    how = Round(world, Linear(Angles(0.6 * PI, 0)), kept, n, ridge, 0.0)
    found = [train(how, rng).accuracy for _ in range(unit["steps"])]
    rows.append(mean("linear labels, p=0.6: accuracy, far from 1", found, Goal(0.6, 0.0, "derived", "<=")))
    for name, verifier in (("perfect", 0.0), ("weak", PI / 12)):
        angles = Angles(PI / 4, verifier)
        how = Round(world, Linear(angles), Agreement(angles), n, ridge, 0.0)
        errors = [1 - train(how, rng).accuracy for _ in range(unit["steps"])]
        goal = Goal(bisector_error(angles), 0.005, "derived")
        rows.append(mean(f"linear labels, {name} verifier: error", errors, goal))
    return rows


def drift(unit: Unit) -> list[Row]:
    """Logistic loss, an oracle on the latent label, labels of a linear generator: back to the generator."""
    rng, angles, world = unit.rng(), Angles(PI / 4, 0), World(30, 1.0)
    found = {}
    for n, runs in ((1_000, 40 * unit["drifts"]), (150_000, unit["drifts"])):
        how = Round(world, Linear(angles), ByRates(1, 0), n, logistic, 1e-6)
        found[n] = [train(how, rng).accuracy for _ in range(runs)]
    generator = world.accuracy(angles.directions()[1])
    fall = float(np.mean(found[1_000]) - np.mean(found[150_000]))
    return [
        measured("drift: generator's accuracy", generator, Goal(GENERATOR, 6e-5, "derived")),
        measured("drift: Bayes", world.bayes(), Goal(BAYES, 6e-5, "derived")),
        mean("logistic, n=1000: accuracy", found[1_000], Goal(0.7754, 0.003, "derived")),
        mean("logistic, n=150000: accuracy", found[150_000], Goal(0.7636, 0.001, "derived")),
        measured("logistic falls back as n grows", fall, Goal(0.005, 0.0, "sign", ">=")),
    ]


def weak(unit: Unit) -> list[Row]:
    """A weak verifier and logistic loss with next to no penalty: is more worse? Skipped where `weak` is 0.

    No check: what is looked for is a thousandth, and takes hundreds of runs of each size to tell from nothing.
    """
    if not unit["weak"]:
        return []
    rng, angles = unit.rng(), Angles(PI / 4, PI / 12)
    keep = 1 - angles.between / PI
    found = {}
    for kept in (BEST_KEPT, MANY_KEPT):
        how = Round(World(200), Linear(angles), Agreement(angles), round(kept / keep), logistic, 1e-6)
        found[kept] = np.array([train(how, rng).accuracy for _ in range(unit["weak"])])
    fall = float(found[BEST_KEPT].mean() - found[MANY_KEPT].mean())
    error = float(np.sqrt(sum(one.var(ddof=1) / len(one) for one in found.values())))
    return [{"quantity": "10,000 kept rows over 100,000", "got": fall, "standard_error": error}]


def told(rows: Sequence[Row]) -> list[str]:
    """What `weak` found, and whether it can be told from nothing."""
    lines = []
    for row in rows:
        if row["part"] == "weak":
            apart = abs(row["got"]) > ERRORS * row["standard_error"]
            found = f"{row['got']:+.4f}, standard error {row['standard_error']:.2g}"
            verdict = "" if apart else ": not to be told from nothing"
            lines.append(f"logistic loss, weak verifier, {row['quantity']} (seed {row['seed']}): {found}{verdict}")
    return lines
