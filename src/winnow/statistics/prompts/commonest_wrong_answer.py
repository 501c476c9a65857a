"""Estimates of w, the share of the commonest wrong answer among a prompt's wrong ones, from labeled wrong rows.

Both are means over the prompts with two labeled wrong rows or more. The share of the commonest of the m observed
answers is biased upward. How often an answer is the commonest of the other m - 1 is biased downward. In expectation w
lies between the two; p*_w falls as w rises, so the high estimate is the cautious one. Answers are compared verbatim.
"""

from __future__ import annotations

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
    high, low = (float(np.mean(shares)) for shares in zip(*map(_estimate_prompt, several), strict=True))
    return CommonestWrongAnswer(high, min(low, high), len(several))


def _estimate_prompt(rows: Sequence[tuple[str, float]]) -> tuple[float, float]:
    """Return the share of the commonest answer, and how often a row has the commonest answer of the other rows.

    Tied answers share the hit.
    """
    weight_of: dict[str, float] = {}
    for answer, row_weight in rows:
        weight_of[answer] = weight_of.get(answer, 0.0) + row_weight
    total, hits = sum(row_weight for _, row_weight in rows), 0.0
    for own_answer, row_weight in rows:
        remaining = {**weight_of, own_answer: weight_of[own_answer] - row_weight}
        most = max(remaining.values())
        tops = [answer for answer, weight in remaining.items() if weight >= most - 1e-9]
        hits += row_weight * (own_answer in tops) / len(tops)
    return max(weight_of.values()) / total, hits / total
