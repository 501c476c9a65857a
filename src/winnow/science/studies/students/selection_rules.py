"""Which candidates a student is taught on: the rules of `winnow select`, under the names studies use.

Promises: what a rule keeps follows from the candidates and the seed. A noisy verifier keeps every right answer and each
wrong one with its own chance q, drawn once for a candidate, so that a smaller q keeps a part of what a larger one does.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import winnow
from winnow.science.studies.framework.check import Row

RIGHT_BONUS = 1_000.0  # above every log-probability, so that a right answer comes first and the likelier of two


def select_all(rows: Sequence[Row]) -> list[Row]:
    """Everything."""
    return list(rows)


def select_control(rows: Sequence[Row], seed: int) -> list[Row]:
    """As many as are right, drawn at random from all."""
    right = sum(bool(row["right"]) for row in rows)
    return _select(rows, {"max_rows": right, "seed": seed})


def select_noisy(rows: Sequence[Row], q: float, seed: int) -> list[Row]:
    """All right ones, and wrong ones with chance q; q = 0 is the oracle."""
    draws = random.Random(f"noisy verifier {seed}")
    is_kept = [draws.random() < q or bool(row["right"]) for row in rows]
    return _select(rows, {"threshold": 0.5}, [float(one) for one in is_kept])


def select_likeliest(rows: Sequence[Row], seed: int) -> list[Row]:
    """Of each prompt the candidate with the highest mean log-probability."""
    return _select(rows, {"best_of": "all", "seed": seed}, [row["logprob"] for row in rows])


def select_best_by_oracle(rows: Sequence[Row], seed: int, filtered: bool = False) -> list[Row]:
    """Of each prompt a right candidate if it has one, else the likeliest; filtered, prompts without a right one go."""
    rule = {"best_of": "all", "seed": seed} | ({"threshold": RIGHT_BONUS / 2} if filtered else {})
    return _select(rows, rule)


def select_passed(rows: Sequence[Row], verifier: str, seed: int) -> list[Row]:
    """What a verifier passes; `verifier` is a column of booleans."""
    return _select(rows, {"threshold": 0.5, "seed": seed}, [float(row[verifier]) for row in rows])


def select_best(rows: Sequence[Row], verifier: str, seed: int) -> list[Row]:
    """Of each prompt one that the verifier passes, if it has any: which of them, or of none, is drawn by a hash."""
    return _select(rows, {"best_of": "all", "seed": seed}, [float(row[verifier]) for row in rows])


def _select(rows: Sequence[Row], rule: dict[str, object], scores: Sequence[float] | None = None) -> list[Row]:
    """By score: unless given, right ones first, then the likelier."""
    every = [RIGHT_BONUS * bool(row["right"]) + row["logprob"] for row in rows] if scores is None else scores
    table = [{**row, "by": score} for row, score in zip(rows, every, strict=True)]
    reading = {"score": "by", "prompt": "prompt_id", "prompt_text": "prompt", "text": "text"}
    return [dict(row) for row in winnow.select(table, **reading, **rule).to_list()]  # type: ignore[arg-type]
