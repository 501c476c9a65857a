"""Compares the simulated rounds of winnow with scikit-learn: ridge on a Gaussian mixture with flipped labels.

`python benchmarks/learning/gaussian_ridge.py`. The peer samples rows with numpy and fits Ridge of scikit-learn.
winnow samples X'X and X'y' directly (exact), or rows in chunks in single precision (general, for policies that depend
on all of x). All turns run in this process with one thread and count CPU time. `same` means that the accuracies of the
students have the same distribution, by a two-sample Kolmogorov-Smirnov test at the level 1/10,000 over many rounds.
"""

from __future__ import annotations

import importlib
import json
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np  # numpy reads the number of threads when it is imported
import numpy.typing as npt

from winnow.science.theory.simulation.rows import FlipNoise, RatePolicy, World
from winnow.science.theory.simulation.training import SimulatedRound, ridge, simulate_in_chunks, simulate_round

Floats = npt.NDArray[np.float64]
D, ROWS, REPETITIONS = 200, 20_000, 5
SMALL, ROUNDS = 1_000, 500
CRITICAL = 2.23
"""The critical distance sqrt(-ln(level / 2) / 2) at the level 1/10,000."""
GOALS = {"exact": 30.0, "general": 1.5}


def make_round(rows: int) -> SimulatedRound:
    """Return the round that all programs simulate."""
    return SimulatedRound(World(D, 1.0), FlipNoise(0.3), RatePolicy(0.8, 0.3), rows, ridge, 0.01)


def scikit_learn_accuracy(config: SimulatedRound, rng: np.random.Generator) -> float:
    """Return the accuracy of a student fitted by scikit-learn on sampled rows."""
    peer = importlib.import_module("sklearn.linear_model")
    strength = config.world.strength
    assert strength is not None
    y = np.where(rng.random(config.n) < 0.5, 1.0, -1.0)
    x = rng.standard_normal((config.n, D))
    x[:, 0] += strength * y
    labels = config.noise(x, y, rng)
    keep = config.policy(x, y, labels, rng)
    fitted = peer.Ridge(alpha=config.n * config.lam, fit_intercept=False, solver="cholesky").fit(x[keep], labels[keep])
    return config.world.accuracy(fitted.coef_)


METHODS: dict[str, Callable[[SimulatedRound, np.random.Generator], float]] = {
    "exact": lambda config, rng: simulate_round(config, rng).accuracy,
    "general": lambda config, rng: simulate_in_chunks(config, rng).accuracy,
    "peer": scikit_learn_accuracy,
}


def kolmogorov_smirnov_distance(first: Floats, second: Floats) -> float:
    """Return the Kolmogorov-Smirnov distance, scaled so that CRITICAL is its critical value."""
    pooled = np.sort(np.concatenate([first, second]))
    ranks = [np.searchsorted(np.sort(sample), pooled, side="right") / len(sample) for sample in (first, second)]
    size = np.sqrt(len(first) * len(second) / (len(first) + len(second)))
    return float(np.max(np.abs(ranks[0] - ranks[1])) * size)


def cpu_seconds(method: str, rng: np.random.Generator) -> float:
    """Return the CPU seconds of one round."""
    repeats = 20 if method == "exact" else 1
    start = time.process_time()
    for _ in range(repeats):
        METHODS[method](make_round(ROWS), rng)
    return (time.process_time() - start) / repeats


def measure() -> list[dict[str, Any]]:
    """Measure all methods; return a line of the table per method of winnow."""
    rng = np.random.default_rng(1)
    small = {method: np.array([run(make_round(SMALL), rng) for _ in range(ROUNDS)]) for method, run in METHODS.items()}
    turns = [{method: cpu_seconds(method, rng) for method in METHODS} for _ in range(REPETITIONS)]
    best = {method: min(turn[method] for turn in turns) for method in METHODS}
    return [
        {
            "name": f"Gaussian mixture and ridge, d={D}: {method}",
            "ours": round(ROWS / best[method]),
            "peer": round(ROWS / best["peer"]),
            "peer_name": "scikit-learn Ridge, drawn rows",
            "ratio": round(best["peer"] / best[method], 2),
            "goal": goal,
            "same": (distance := kolmogorov_smirnov_distance(small[method], small["peer"])) < CRITICAL,
            "distance": round(distance, 3),
            "rows": ROWS,
        }
        for method, goal in GOALS.items()
    ]


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
