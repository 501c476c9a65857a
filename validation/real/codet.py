"""Checks the forecast on real code samples: `python validation/real/codet.py FOLDER [--repeats 300] [--labels 200]`.

FOLDER holds the CodeT samples on HumanEval with their hidden labels and the matrix of generated tests
(labels_and_test_matrix_even.jsonl.gz). The score of a sample is the share of the model's own tests that it passes,
each weighted by how often the model wrote it; a problem without such tests gives all its samples the score 0, so that
any of them is chosen with the same chance.
Prints the curve with all labels, then curves with planned labels over many draws. Exits with 1 if a stated limit is
missed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from winnow.statistics.card_inputs import Floats
from winnow.statistics.forecasts.candidates import ScoredCandidates, make_candidates
from winnow.statistics.forecasts.forecast import ForecastRequest, compute_forecast
from winnow.statistics.forecasts.label_sampling import sample_labels

FILE = "labels_and_test_matrix_even.jsonl.gz"
NS = (1, 2, 4, 8, 16, 32, 64, 100)
EXPECTED = (0.2432, 0.3008, 0.3290, 0.3236, 0.2962, 0.2656, 0.2389, 0.2195)
"""Best-of-N over all draws, computed from the same file with other code."""

BIAS = 0.01
GOOD_N = range(2, 9)
OFTEN = 0.9


def read_samples(folder: Path) -> tuple[list[str], ScoredCandidates]:
    """Return the ids and the scored, labeled samples of all problems."""
    ids, prompts, scores, right = [], [], [], []
    with gzip.open(folder / FILE, "rt", encoding="utf-8") as lines:
        for number, problem in enumerate(map(json.loads, lines)):
            hidden = [float(bit) for bit in problem["hidden_pass"]]
            ids += [f"{problem['task_id']}#{i}" for i in range(len(hidden))]
            prompts += [number] * len(hidden)
            right += hidden
            scores += test_pass_shares(problem["test_pass_matrix"], problem["generated_test_freq"], len(hidden))
    return ids, make_candidates(prompts, scores, right)


def test_pass_shares(matrix: list[str], frequency: list[int], count: int) -> list[float]:
    """Return the share of tests that each sample passes, weighted by frequency."""
    if not frequency:
        return [0.0] * count
    bits = np.array([[bit == "1" for bit in row] for row in matrix], dtype=np.float64)
    return [float(share) for share in bits @ np.array(frequency) / sum(frequency)]


def label_planned_rows(ids: list[str], all_labels: ScoredCandidates, labels: int, seed: int) -> ScoredCandidates:
    """Return the samples with only the labels that a plan draws."""
    picks = sample_labels(all_labels, ids, labels, NS, seed)
    right, drawn = np.full(all_labels.rows, np.nan), np.full(all_labels.rows, np.nan)
    right[picks.rows], drawn[picks.rows] = all_labels.right[picks.rows], picks.chances
    return make_candidates(all_labels.prompt, all_labels.score, right, drawn)


def check_all_labels(all_labels: ScoredCandidates) -> Iterator[tuple[str, bool]]:
    """Check the forecast with all labels."""
    result = compute_forecast(all_labels, ForecastRequest(n=NS))
    curve = [round(point.accuracy.value or 0.0, 4) for point in result.best_of_n]
    yield f"best of {NS}: {curve}, expected {list(EXPECTED)}", curve == list(EXPECTED)
    fall = result.decline
    yield f"over-optimization: {fall}", fall is not None and fall.is_sure
    fine = compute_forecast(all_labels, ForecastRequest(n=range(1, 101))).recommended
    both = [result.recommended.n if result.recommended else None, fine.n if fine else None]
    yield f"recommended N {both[0]} of these, {both[1]} of all", all(n is not None and 4 <= n <= 6 for n in both)


def check_planned_labels(
    ids: list[str], all_labels: ScoredCandidates, labels: int, repeats: int
) -> Iterator[tuple[str, bool]]:
    """Check the forecast with planned labels over many draws."""
    curves: list[list[float]] = []
    rules: Counter[str] = Counter()
    sure = good = 0
    for seed in range(repeats):
        result = compute_forecast(label_planned_rows(ids, all_labels, labels, seed), ForecastRequest(n=NS, repeats=500))
        curves.append([np.nan if p.accuracy.value is None else p.accuracy.value for p in result.best_of_n])
        best = result.recommended
        rules["nothing" if best is None else f"N = {best.n}" if best.n else best.rule] += 1
        good += best is not None and best.n in GOOD_N
        sure += result.decline is not None and result.decline.is_sure
    truth: Floats = np.array(
        [p.accuracy.value for p in compute_forecast(all_labels, ForecastRequest(n=NS)).best_of_n], dtype=np.float64
    )
    values = np.array(curves)
    bias, error = values.mean(axis=0) - truth, values.std(axis=0) / np.sqrt(repeats)
    yield (
        f"{labels} labels, {repeats} times: bias {np.round(bias, 4)} +- {np.round(error, 4)}",
        bool((np.abs(bias) <= BIAS).all()),
    )
    yield f"spread {np.round(values.std(axis=0), 4)}; sure in {sure / repeats:.0%}", True
    yield f"recommended {dict(rules.most_common())}: N in 2-8 in {good / repeats:.1%}", good >= OFTEN * repeats


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--labels", type=int, default=200)
    options = parser.parse_args()
    ids, all_labels = read_samples(options.folder)
    missed = 0
    for checks in (
        check_all_labels(all_labels),
        check_planned_labels(ids, all_labels, options.labels, options.repeats),
    ):
        for words, holds in checks:
            print(words if holds else f"MISSED: {words}", flush=True)
            missed += not holds
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
