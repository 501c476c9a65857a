"""The rules by which studies select the rows a student is trained on, each one call of `winnow.select`."""

from __future__ import annotations

import random
from collections.abc import Sequence

import winnow
from winnow.science.studies.framework.check import Row

RIGHT_BONUS = 1_000.0  # larger than any difference of log-probabilities


def select_control(rows: Sequence[Row], seed: int) -> list[Row]:
    """Select as many rows as are right, at random from all."""
    right = sum(bool(row["right"]) for row in rows)
    return _select(rows, {"max_rows": right, "seed": seed})


def select_noisy(rows: Sequence[Row], q: float, seed: int) -> list[Row]:
    """Select all right rows, and wrong ones with probability q; q = 0 is the oracle.

    One number is drawn per candidate, so a smaller q selects a part of what a larger one does.
    """
    draws = random.Random(f"noisy verifier {seed}")
    is_kept = [draws.random() < q or bool(row["right"]) for row in rows]
    return _select(rows, {"threshold": 0.5}, [float(kept) for kept in is_kept])


def select_likeliest(rows: Sequence[Row], seed: int) -> list[Row]:
    """Select the candidate of each prompt with the highest mean log-probability."""
    return _select(rows, {"best_of": "all", "seed": seed}, [row["logprob"] for row in rows])


def select_best_by_oracle(rows: Sequence[Row], seed: int, filtered: bool = False) -> list[Row]:
    """Select a right candidate of each prompt if there is one, else the likeliest; `filtered` leaves out the latter."""
    rule = {"best_of": "all", "seed": seed} | ({"threshold": RIGHT_BONUS / 2} if filtered else {})
    return _select(rows, rule)


def select_passed(rows: Sequence[Row], verifier: str, seed: int) -> list[Row]:
    """Select what a verifier passes; `verifier` is a column of booleans."""
    return _select(rows, {"threshold": 0.5, "seed": seed}, [float(row[verifier]) for row in rows])


def select_best(rows: Sequence[Row], verifier: str, seed: int) -> list[Row]:
    """Select a candidate of each prompt that the verifier passes, or any if it passes none; ties by a seeded hash."""
    return _select(rows, {"best_of": "all", "seed": seed}, [float(row[verifier]) for row in rows])


def _select(rows: Sequence[Row], rule: dict[str, object], scores: Sequence[float] | None = None) -> list[Row]:
    """Select by score; without scores, right rows come first, then likelier ones."""
    if scores is None:
        scores = [RIGHT_BONUS * bool(row["right"]) + row["logprob"] for row in rows]
    table = [{**row, "by": score} for row, score in zip(rows, scores, strict=True)]
    columns = {"score": "by", "prompt": "prompt_id", "prompt_text": "prompt", "text": "text"}
    return [dict(row) for row in winnow.select(table, **columns, **rule).to_list()]  # type: ignore[arg-type]
