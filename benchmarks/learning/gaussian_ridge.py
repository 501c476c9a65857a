"""Ridge on a Gaussian mixture with flipped labels, some kept: winnow's two ways beside scikit-learn on drawn rows.

`python bench/learning/gaussian_ridge.py`. The peer draws the rows with numpy and fits Ridge. Ours draws X'X and X'y'
directly (the exact way), or draws rows in chunks in single precision (the general way, for policies that look at all
of x).
All turns in this process, CPU time, one thread. `same` says that the students' accuracies have the same distribution:
two-sample Kolmogorov-Smirnov over many small rounds, refused below a chance of one in ten thousand.
"""

from __future__ import annotations

import importlib
import json
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np  # the number of threads is read when numpy is loaded
import numpy.typing as npt

from winnow.science.theory.simulation.losses import ridge
from winnow.science.theory.simulation.noise import FlipNoise
from winnow.science.theory.simulation.policies import RatePolicy
from winnow.science.theory.simulation.training import SimulatedRound, simulate_in_chunks, simulate_round
from winnow.science.theory.simulation.world import World

Floats = npt.NDArray[np.float64]
D, ROWS, REPETITIONS = 200, 20_000, 5
SMALL, ROUNDS = 1_000, 500
CRITICAL = 2.23
"""sqrt(-ln(chance / 2) / 2) for a chance of one in ten thousand."""
GOALS = {"exact": 30.0, "general": 1.5}


def make_round(rows: int) -> SimulatedRound:
    """The same round for everyone."""
    return SimulatedRound(World(D, 1.0), FlipNoise(0.3), RatePolicy(0.8, 0.3), rows, ridge, 0.01)


def scikit_learn_accuracy(config: SimulatedRound, rng: np.random.Generator) -> float:
    """The accuracy of scikit-learn's student on drawn rows."""
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


WAYS: dict[str, Callable[[SimulatedRound, np.random.Generator], float]] = {
    "exact": lambda how, rng: simulate_round(how, rng).accuracy,
    "general": lambda how, rng: simulate_in_chunks(how, rng).accuracy,
    "peer": scikit_learn_accuracy,
}


def kolmogorov_smirnov_distance(first: Floats, second: Floats) -> float:
    """The Kolmogorov-Smirnov distance in units in which 2.23 happens once in ten thousand."""
    both = np.sort(np.concatenate([first, second]))
    ranks = [np.searchsorted(np.sort(each), both, side="right") / len(each) for each in (first, second)]
    size = np.sqrt(len(first) * len(second) / (len(first) + len(second)))
    return float(np.max(np.abs(ranks[0] - ranks[1])) * size)


def cpu_seconds(way: str, rng: np.random.Generator) -> float:
    """CPU-seconds of one round."""
    times = 20 if way == "exact" else 1
    start = time.process_time()
    for _ in range(times):
        WAYS[way](make_round(ROWS), rng)
    return (time.process_time() - start) / times


def measure() -> list[dict[str, Any]]:
    """One line per way."""
    rng = np.random.default_rng(1)
    small = {way: np.array([run(make_round(SMALL), rng) for _ in range(ROUNDS)]) for way, run in WAYS.items()}
    turns = [{way: cpu_seconds(way, rng) for way in WAYS} for _ in range(REPETITIONS)]
    best = {way: min(turn[way] for turn in turns) for way in WAYS}
    return [
        {
            "name": f"Gaussian mixture and ridge, d={D}: {way}",
            "ours": round(ROWS / best[way]),
            "peer": round(ROWS / best["peer"]),
            "peer_name": "scikit-learn Ridge, drawn rows",
            "ratio": round(best["peer"] / best[way], 2),
            "goal": goal,
            "same": (distance := kolmogorov_smirnov_distance(small[way], small["peer"])) < CRITICAL,
            "distance": round(distance, 3),
            "rows": ROWS,
        }
        for way, goal in GOALS.items()
    ]


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
