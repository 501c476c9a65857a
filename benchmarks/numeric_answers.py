"""Lists of numbers judged one by one and by winnow: 5x5 eigenvalues under a relative L1 bound.

The peer is what one would write without winnow: per row a regular expression, float, and the sums. Both are
given the same texts in the form they like best (Python lists, Arrow columns); ours also writes score and reason.
Rates are items per CPU-second, best of several turns taken alternately. `same` says that every verdict agrees,
except where the exact distance IS the bound: there floats, and so the peer, pass or fail by their rounding.
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
    """Answers and references: about half of the answers within the bound, one in a hundred too short."""
    draws = np.random.default_rng(seed)
    wants = np.sort(draws.normal(0, 30, (count, 5)))[:, ::-1].round(1)
    gots = (wants * (1 + draws.normal(0, 0.07, wants.shape))).round(1)
    answers = [" ".join(map(str, row)) for row in gots.tolist()]
    answers[::100] = [answer.rpartition(" ")[0] for answer in answers[::100]]
    return answers, [" ".join(map(str, row)) for row in wants.tolist()]


def judge_one_by_one(answers: Sequence[str], wants: Sequence[str]) -> list[bool]:
    verdicts = []
    for answer, want in zip(answers, wants, strict=True):
        got, target = ([float(number) for number in NUMBER.findall(text)] for text in (answer, want))
        off = sum(abs(a - b) for a, b in zip(got, target, strict=False))
        verdicts.append(len(got) == len(target) and off < TAU * sum(abs(b) for b in target))
    return verdicts


def is_on_bound(answer: str, want: str) -> bool:
    got, target = ([Fraction(number) for number in text.split()] for text in (answer, want))
    off = sum(abs(a - b) for a, b in zip(got, target, strict=True))
    return off == Fraction(str(TAU)) * sum(abs(b) for b in target)


def measure() -> list[dict[str, Any]]:
    """Both on the same rows, in turn, in this process."""
    answers, wants = make_rows()
    batch = Batch(pa.array(answers), references=pa.array(wants))
    number = make_verifier("number", {"vector": TAU})
    ours, peer = [], []
    for _ in range(REPETITIONS):
        theirs, seconds = _time_call(lambda: judge_one_by_one(answers, wants))
        peer.append(seconds)
        mine, seconds = _time_call(lambda: number.judge(batch))
        ours.append(seconds)
    decided = zip(answers, wants, mine.verdict.to_pylist(), theirs, strict=True)
    same = all((said == "pass") == passed or is_on_bound(got, want) for got, want, said, passed in decided)
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
