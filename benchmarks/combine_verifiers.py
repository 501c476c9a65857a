"""Compares the label-free combination of winnow with Dawid-Skene of crowd-kit and a majority vote.

`python benchmarks/combine_verifiers.py [frank_validation.jsonl.gz]`. There are five weak verifiers on 5,000 rows. Both
libraries get the same votes in their preferred form (an array, a long data frame) and return the probability that each
row is right. `same` means that the shares of right verdicts differ by at most one percentage point. The whole `combine`
of winnow, with intervals and the dependence check that crowd-kit lacks, is timed as well. With a FRANK file, five of
its metrics with a threshold at the median are compared on summaries with and without factual errors.
"""

from __future__ import annotations

import gzip
import importlib
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.statistics.combine.combination import combine_votes, majority_vote
from winnow.statistics.combine.dawid_skene import fit_dawid_skene, posterior_right
from winnow.statistics.combine.vote_patterns import count_vote_patterns, threshold_scores

ROWS = 5_000
RIGHT = 0.6
PHI = np.array([0.90, 0.85, 0.80, 0.75, 0.70])
PSI = np.array([0.20, 0.30, 0.25, 0.30, 0.40])
ABSTAINS = 0.1
GOAL = 8.0
REPETITIONS = 5
ACCURACY_TOLERANCE = 0.01
FRANK = ("FactCC", "QAGS", "BertScore P Art", "Rouge L", "Meteor")
Bools = npt.NDArray[np.bool_]
VotesArray = npt.NDArray[np.int8]


def simulate_votes(seed: int = 1) -> tuple[VotesArray, Bools]:
    """Return votes of independent verifiers, and which rows are right."""
    rng = np.random.default_rng(seed)
    right = rng.random(ROWS) < RIGHT
    table = (rng.random((ROWS, len(PHI))) < np.where(right[:, None], PHI, PSI)).astype(np.int8)
    table[rng.random(table.shape) < ABSTAINS] = -1
    return table, right


def read_frank_votes(path: Path) -> tuple[VotesArray, Bools]:
    """Return the votes of five metrics on the summaries of FRANK, and which have no factual error."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        summaries = [candidate for line in lines for candidate in json.loads(line)["candidates"]]
    scores = [[summary["metrics"][name] for name in FRANK] for summary in summaries]
    return threshold_scores(scores), np.array([summary["human"]["Factuality"] == 1 for summary in summaries])


def winnow_posterior(table: VotesArray) -> npt.NDArray[np.float64]:
    """Return the probability by winnow that each row is right."""
    patterns = count_vote_patterns(table, [str(k) for k in range(table.shape[1])])
    right: npt.NDArray[np.float64] = posterior_right(patterns, fit_dawid_skene(patterns))[0][patterns.pattern_of]
    return right


def crowdkit_posterior(frame: Any) -> npt.NDArray[np.float64]:
    """Return the probability by crowd-kit that each row is right."""
    peer = importlib.import_module("crowdkit.aggregation")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # crowd-kit uses deprecated functions of pandas
        chances = peer.DawidSkene(n_iter=100).fit_predict_proba(frame)
    right: npt.NDArray[np.float64] = chances.sort_index()[1].to_numpy(dtype=np.float64)
    return right


def compare(name: str, table: VotesArray, right: Bools) -> dict[str, Any]:
    """Measure both libraries on the same votes in turn."""
    import pandas as pd

    task, worker = np.nonzero(table >= 0)
    frame = pd.DataFrame({"task": task, "worker": worker, "label": table[task, worker].astype(int)})
    voted = np.unique(task)
    names = [str(k) for k in range(table.shape[1])]
    functions = (
        lambda: winnow_posterior(table),
        lambda: crowdkit_posterior(frame),
        lambda: combine_votes(table, names),
    )
    turns = [[_time_call(function) for function in functions] for _ in range(REPETITIONS)]
    best = [min(turn[side][1] for turn in turns) for side in range(3)]
    accuracy = [_accuracy(turns[0][0][0][voted], right[voted]), _accuracy(turns[0][1][0], right[voted])]
    by_majority = float(np.mean((majority_vote(table, names).verdict == "pass")[voted] == right[voted]))
    return {
        "name": f"combining five verifiers: {name}",
        "ours": round(len(table) / best[0]),
        "peer": round(len(table) / best[1]),
        "peer_name": "crowd-kit DawidSkene",
        "ratio": round(best[1] / best[0], 2),
        "goal": GOAL,
        "same": abs(accuracy[0] - accuracy[1]) <= ACCURACY_TOLERANCE,
        "accuracy": {"ours": accuracy[0], "peer": accuracy[1], "majority": round(by_majority, 4)},
        "ratio_with_intervals": round(best[1] / best[2], 2),
    }


def measure_all(path: Path | None = None) -> list[dict[str, Any]]:
    """Measure on simulated rows, and on FRANK if its file is given."""
    lines = [compare(f"{ROWS:,} rows", *simulate_votes())]
    return lines if path is None else [*lines, compare("FRANK", *read_frank_votes(path))]


def _accuracy(chances: npt.NDArray[np.float64], right: Bools) -> float:
    return round(float(np.mean((chances >= 0.5) == right)), 4)


def _time_call(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


if __name__ == "__main__":
    print(json.dumps(measure_all(Path(sys.argv[1]) if len(sys.argv) > 1 else None), indent=2))
