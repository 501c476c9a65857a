"""Compares lists of numbers judged by winnow and by a loop in Python: 5x5 eigenvalues under a relative L1 bound.

The loop is what one would write without winnow: for each row a regular expression, floats and sums. Both get the same
texts in their preferred form (Python lists, Arrow columns); winnow also writes score and reason. Rates are rows per CPU
second, the best of several alternating turns. `same` means that all verdicts agree, except where the exact distance
equals the bound, because there the rounding of floats decides.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.verifiers.registry import make_verifier
from winnow.verifiers.verdicts import Batch

ROWS = 200_000
TAU = 0.05
GOAL = 5.0
REPETITIONS = 3
NUMBER = re.compile(r"-?\d+\.?\d*")


def make_rows(count: int = ROWS, seed: int = 1) -> tuple[list[str], list[str]]:
    """Return answers and references; about half of the answers are within the bound, one in a hundred is too short."""
    rng = np.random.default_rng(seed)
    references = np.sort(rng.normal(0, 30, (count, 5)))[:, ::-1].round(1)
    noisy = (references * (1 + rng.normal(0, 0.07, references.shape))).round(1)
    answers = [" ".join(map(str, row)) for row in noisy.tolist()]
    answers[::100] = [answer.rpartition(" ")[0] for answer in answers[::100]]
    return answers, [" ".join(map(str, row)) for row in references.tolist()]


def judge_one_by_one(answers: Sequence[str], references: Sequence[str]) -> list[bool]:
    """Judge every answer in a loop."""
    verdicts = []
    for answer, reference in zip(answers, references, strict=True):
        got, target = ([float(number) for number in NUMBER.findall(text)] for text in (answer, reference))
        distance = sum(abs(a - b) for a, b in zip(got, target, strict=False))
        verdicts.append(len(got) == len(target) and distance < TAU * sum(abs(b) for b in target))
    return verdicts


def is_on_bound(answer: str, reference: str) -> bool:
    """Whether the distance equals the bound exactly."""
    got, target = ([Fraction(number) for number in text.split()] for text in (answer, reference))
    distance = sum(abs(a - b) for a, b in zip(got, target, strict=True))
    return distance == Fraction(str(TAU)) * sum(abs(b) for b in target)


def measure() -> list[dict[str, Any]]:
    """Measure both on the same rows in turn."""
    answers, references = make_rows()
    batch = Batch(pa.array(answers), references=pa.array(references))
    number = make_verifier("number", {"vector": TAU})
    ours, peer = [], []
    for _ in range(REPETITIONS):
        theirs, seconds = _time_call(lambda: judge_one_by_one(answers, references))
        peer.append(seconds)
        mine, seconds = _time_call(lambda: number.judge(batch))
        ours.append(seconds)
    rows = zip(answers, references, mine.verdict.to_pylist(), theirs, strict=True)
    same = all(
        (verdict == "pass") == passed or is_on_bound(answer, reference) for answer, reference, verdict, passed in rows
    )
    rates = [round(ROWS / min(seconds)) for seconds in (ours, peer)]
    return [
        {
            "name": "numeric answers: 5x5 eigenvalues",
            "ours": rates[0],
            "peer": rates[1],
            "peer_name": "one by one",
            "ratio": round(min(peer) / min(ours), 2),
            "goal": GOAL,
            "same": same,
        }
    ]


def _time_call(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
