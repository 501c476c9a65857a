"""Five weak verifiers on 5,000 rows: winnow's label-free estimate beside crowd-kit's Dawid-Skene and a majority.

`python bench/combining.py [frank_validation.jsonl.gz]`. Both get the same votes in the form they like best (an array,
a long data frame) and give every row's chance of being right; ours folds the votes to patterns inside the timed part.
`same` says that the shares of right verdicts differ by at most one point. The whole `combine`, with intervals and the
dependence check that the peer has not, is timed beside it. With a FRANK file the same on its FactCC, QAGS, BertScore P
Art, Rouge L and Meteor, each cut at its own median, against summaries without any factual error.
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

from winnow.statistics.combine import combine_votes, majority_vote, threshold_scores
from winnow.statistics.combine.dawid_skene import fit_dawid_skene, posterior_right
from winnow.statistics.combine.vote_patterns import count_vote_patterns

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
    """Votes of independent verifiers, and which rows are right."""
    draws = np.random.default_rng(seed)
    right = draws.random(ROWS) < RIGHT
    table = (draws.random((ROWS, len(PHI))) < np.where(right[:, None], PHI, PSI)).astype(np.int8)
    table[draws.random(table.shape) < ABSTAINS] = -1
    return table, right


def read_frank_votes(path: Path) -> tuple[VotesArray, Bools]:
    """The five metrics' votes on FRANK's summaries, and which have no factual error."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        summaries = [candidate for line in lines for candidate in json.loads(line)["candidates"]]
    scores = [[summary["metrics"][name] for name in FRANK] for summary in summaries]
    return threshold_scores(scores), np.array([summary["human"]["Factuality"] == 1 for summary in summaries])


def winnow_posterior(table: VotesArray) -> npt.NDArray[np.float64]:
    folded = count_vote_patterns(table, [str(k) for k in range(table.shape[1])])
    chances: npt.NDArray[np.float64] = posterior_right(folded, fit_dawid_skene(folded))[0][folded.pattern_of]
    return chances


def crowdkit_posterior(frame: Any) -> npt.NDArray[np.float64]:
    peer = importlib.import_module("crowdkit.aggregation")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the peer uses what pandas is about to drop
        chances = peer.DawidSkene(n_iter=100).fit_predict_proba(frame)
    right: npt.NDArray[np.float64] = chances.sort_index()[1].to_numpy(dtype=np.float64)
    return right


def compare(name: str, table: VotesArray, right: Bools) -> dict[str, Any]:
    """Both on the same votes, in turn, in this process."""
    import pandas as pd

    task, worker = np.nonzero(table >= 0)
    frame = pd.DataFrame({"task": task, "worker": worker, "label": table[task, worker].astype(int)})
    voted = np.unique(task)
    names = [str(k) for k in range(table.shape[1])]
    ways = (lambda: winnow_posterior(table), lambda: crowdkit_posterior(frame), lambda: combine_votes(table, names))
    turns = [[_time_call(way) for way in ways] for _ in range(REPETITIONS)]
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
    """The simulated rows, and FRANK where there is a file."""
    found = [compare(f"{ROWS:,} rows", *simulate_votes())]
    return found if path is None else [*found, compare("FRANK", *read_frank_votes(path))]


def _accuracy(chances: npt.NDArray[np.float64], right: Bools) -> float:
    return round(float(np.mean((chances >= 0.5) == right)), 4)


def _time_call(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


if __name__ == "__main__":
    print(json.dumps(measure_all(Path(sys.argv[1]) if len(sys.argv) > 1 else None), indent=2))
