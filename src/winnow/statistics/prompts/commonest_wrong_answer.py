"""w, the share of the commonest wrong answer among a prompt's wrong ones, from labeled wrong rows.

Two estimates, each a mean over the prompts with two wrong labeled rows or more. The share of the commonest among the m
that were seen errs high: of two that differ it says one half. How often a wrong answer is the commonest of the m - 1
others errs low: it is the share of what looks commonest, which cannot be above w. With m = 2 it is the chance that two
wrong answers are the same, the sum of the squared shares.
Promises: in expectation w lies between the two. p*_w falls as w rises, so going by the high one claims too little.
Answers are compared as they stand. Prompts with one wrong answer at most say nothing, and are usually the easy ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from winnow.statistics.card_inputs import Floats, Integers

LEAST_PROMPTS = 10


@dataclass(frozen=True)
class CommonestWrongAnswer:
    """w as the two estimates have it, over `prompts`; None with a reason where too few can be seen."""

    value: float | None = None
    at_least: float | None = None
    prompts: int = 0
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def summary(self) -> str:
        """In one line."""
        if self.value is None:
            return f"w is not estimated: {self.why}"
        return (
            f"w is taken as {self.value:.2f}, which errs high, from {self.prompts:,} prompts with two labeled wrong"
            f" answers or more; what errs low says {self.at_least:.2f}"
        )


def estimate_commonest_wrong_answer(
    prompt: Integers, answer: Sequence[str | None], weight: Floats | None = None
) -> CommonestWrongAnswer:
    """From one entry per labeled wrong row; empty answers are none."""
    weights = np.ones(len(prompt)) if weight is None else weight
    answers_by_prompt: dict[int, list[tuple[str, float]]] = {}
    for number, text, row_weight in zip(prompt.tolist(), answer, weights.tolist(), strict=True):
        if text:
            answers_by_prompt.setdefault(number, []).append((text, row_weight))
    several = [rows for rows in answers_by_prompt.values() if len(rows) > 1]
    if len(several) < LEAST_PROMPTS:
        why = f"{len(several)} prompts have two labeled wrong answers, {LEAST_PROMPTS} are needed"
        return CommonestWrongAnswer(prompts=len(several), why=why)
    high, low = (float(np.mean([share(rows) for rows in several])) for share in (_observed_share, _leave_one_out_share))
    return CommonestWrongAnswer(high, min(low, high), len(several))


def _observed_share(rows: Sequence[tuple[str, float]]) -> float:
    """The share of the commonest."""
    return max(_weight_by_answer(rows).values()) / sum(one for _, one in rows)


def _leave_one_out_share(rows: Sequence[tuple[str, float]]) -> float:
    """How often a row is the commonest of the others; others that tie share it."""
    whole = _weight_by_answer(rows)
    hits = 0.0
    for answer_given, row_weight in rows:
        remaining = {
            answer: weight - (row_weight if answer == answer_given else 0.0) for answer, weight in whole.items()
        }
        most = max(remaining.values())
        tops = [answer for answer, weight in remaining.items() if weight >= most - 1e-9]
        hits += row_weight * (answer_given in tops) / len(tops)
    return hits / sum(row_weight for _, row_weight in rows)


def _weight_by_answer(rows: Sequence[tuple[str, float]]) -> Counter[str]:
    weight_of: Counter[str] = Counter()
    for answer, row_weight in rows:
        weight_of[answer] += row_weight  # type: ignore[assignment]  # a Counter of shares
    return weight_of
