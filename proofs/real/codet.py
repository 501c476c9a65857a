"""Checks the forecast on real code samples: `python proofs/real/codet.py FOLDER [--repeats 300] [--labels 200]`.

FOLDER holds the CodeT samples on HumanEval with their hidden labels and the matrix of generated tests
(labels_and_test_matrix_even.jsonl.gz). The score of a sample is the share of the model's own tests that it passes,
each weighted by how often the model wrote it; a problem without such tests gives all its samples the score 0, so that
any of them is chosen with the same chance.
Prints the curve with all labels, then what planned labels make of it, drawn again and again; ends with 1 if a stated
limit is missed.
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

from winnow.stats.forecasts import Asked, Candidates, forecast, pick, read
from winnow.stats.forecasts.candidates import Floats

FILE = "labels_and_test_matrix_even.jsonl.gz"
NS = (1, 2, 4, 8, 16, 32, 64, 100)
WANTED = (0.2432, 0.3008, 0.3290, 0.3236, 0.2962, 0.2656, 0.2389, 0.2195)
"""Best-of-N over all draws, as computed from the same file by other means."""

BIAS = 0.01
GOOD_N = range(2, 9)
OFTEN = 0.9


def samples(folder: Path) -> tuple[list[str], Candidates]:
    """Ids and scored, labeled samples of all problems."""
    ids, prompts, scores, right = [], [], [], []
    with gzip.open(folder / FILE, "rt", encoding="utf-8") as lines:
        for number, problem in enumerate(map(json.loads, lines)):
            hidden = [float(bit) for bit in problem["hidden_pass"]]
            ids += [f"{problem['task_id']}#{i}" for i in range(len(hidden))]
            prompts += [number] * len(hidden)
            right += hidden
            scores += passed(problem["test_pass_matrix"], problem["generated_test_freq"], len(hidden))
    return ids, read(prompts, scores, right)


def passed(matrix: list[str], frequency: list[int], count: int) -> list[float]:
    """The share of tests each sample passes, weighted by frequency."""
    if not frequency:
        return [0.0] * count
    bits = np.array([[bit == "1" for bit in row] for row in matrix], dtype=np.float64)
    return [float(share) for share in bits @ np.array(frequency) / sum(frequency)]


def labeled(ids: list[str], whole: Candidates, labels: int, seed: int) -> Candidates:
    """The same samples with the labels of a plan alone."""
    picks = pick(whole, ids, labels, NS, seed)
    right, drawn = np.full(whole.rows, np.nan), np.full(whole.rows, np.nan)
    right[picks.rows], drawn[picks.rows] = whole.right[picks.rows], picks.drawn
    return read(whole.prompt, whole.score, right, drawn)


def exact(whole: Candidates) -> Iterator[tuple[str, bool]]:
    """With all labels."""
    said = forecast(whole, Asked(n=NS))
    curve = [round(point.accuracy.value or 0.0, 4) for point in said.best_of_n]
    yield f"best of {NS}: {curve}, wanted {list(WANTED)}", curve == list(WANTED)
    fall = said.fall
    yield f"over-optimization: {fall}", fall is not None and fall.sure
    fine = forecast(whole, Asked(n=range(1, 101))).recommended
    both = [said.recommended.n if said.recommended else None, fine.n if fine else None]
    yield f"recommended N {both[0]} of these, {both[1]} of all", all(n is not None and 4 <= n <= 6 for n in both)


def few(ids: list[str], whole: Candidates, labels: int, repeats: int) -> Iterator[tuple[str, bool]]:
    """With planned labels, drawn again and again."""
    found: list[list[float]] = []
    rules: Counter[str] = Counter()
    sure = good = 0
    for seed in range(repeats):
        said = forecast(labeled(ids, whole, labels, seed), Asked(n=NS, repeats=500))
        found.append([np.nan if p.accuracy.value is None else p.accuracy.value for p in said.best_of_n])
        best = said.recommended
        rules["nothing" if best is None else f"N = {best.n}" if best.n else best.rule] += 1
        good += best is not None and best.n in GOOD_N
        sure += said.fall is not None and said.fall.sure
    truth: Floats = np.array([p.accuracy.value for p in forecast(whole, Asked(n=NS)).best_of_n], dtype=np.float64)
    values = np.array(found)
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
    ids, whole = samples(options.folder)
    missed = 0
    for checks in (exact(whole), few(ids, whole, options.labels, options.repeats)):
        for words, holds in checks:
            print(words if holds else f"MISSED: {words}", flush=True)
            missed += not holds
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
