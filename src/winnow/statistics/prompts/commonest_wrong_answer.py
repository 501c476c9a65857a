"""Estimates of w, the share of the commonest wrong answer among a prompt's wrong ones, from labeled wrong rows.

Both are means over the prompts with two labeled wrong rows or more. The share of the commonest of the m observed
answers is biased upward. How often an answer is the commonest of the other m - 1 is biased downward. In expectation w
lies between the two; p*_w falls as w rises, so the high estimate is the cautious one. Answers are compared verbatim.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from winnow.statistics.card_inputs import Floats, Integers
from winnow.storage.canonical_json import to_plain

LEAST_PROMPTS = 10


@dataclass(frozen=True)
class CommonestWrongAnswer:
    """The high estimate of w (`value`) and the low one (`at_least`) over `prompts`; None with a reason."""

    value: float | None = None
    at_least: float | None = None
    prompts: int = 0
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document."""
        return dict(to_plain(self))

    def summary(self) -> str:
        """Return the estimate in one line."""
        if self.value is None:
            return f"w is not estimated: {self.why}"
        return (
            f"w (share of the commonest wrong answer) is taken as {self.value:.2f}, an upper estimate; the lower one is"
            f" {self.at_least:.2f} (n = {self.prompts:,} prompts with two labeled wrong answers or more)"
        )


def estimate_commonest_wrong_answer(
    prompt: Integers, answer: Sequence[str | None], weight: Floats | None = None
) -> CommonestWrongAnswer:
    """Estimate w from one entry per labeled wrong row; empty answers are ignored."""
    weights = np.ones(len(prompt)) if weight is None else weight
    answers_by_prompt: dict[int, list[tuple[str, float]]] = {}
    for number, text, row_weight in zip(prompt.tolist(), answer, weights.tolist(), strict=True):
        if text:
            answers_by_prompt.setdefault(number, []).append((text, row_weight))
    several = [rows for rows in answers_by_prompt.values() if len(rows) > 1]
    if len(several) < LEAST_PROMPTS:
        why = f"{len(several)} prompts have two labeled wrong answers, but {LEAST_PROMPTS} are needed"
        return CommonestWrongAnswer(prompts=len(several), why=why)
    high, low = (float(np.mean([share(rows) for rows in several])) for share in (_observed_share, _leave_one_out_share))
    return CommonestWrongAnswer(high, min(low, high), len(several))


def _observed_share(rows: Sequence[tuple[str, float]]) -> float:
    return max(_weight_by_answer(rows).values()) / sum(weight for _, weight in rows)


def _leave_one_out_share(rows: Sequence[tuple[str, float]]) -> float:
    """Return how often a row has the commonest answer of the other rows; tied answers share the hit."""
    whole = _weight_by_answer(rows)
    hits = 0.0
    for own_answer, row_weight in rows:
        remaining = {answer: weight - (row_weight if answer == own_answer else 0.0) for answer, weight in whole.items()}
        most = max(remaining.values())
        tops = [answer for answer, weight in remaining.items() if weight >= most - 1e-9]
        hits += row_weight * (own_answer in tops) / len(tops)
    return hits / sum(row_weight for _, row_weight in rows)


def _weight_by_answer(rows: Sequence[tuple[str, float]]) -> Counter[str]:
    weight_of: Counter[str] = Counter()
    for answer, row_weight in rows:
        weight_of[answer] += row_weight  # type: ignore[assignment]  # a Counter of shares
    return weight_of
