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

from winnow.stats.evidence import Floats, Integers

LEAST_PROMPTS = 10


@dataclass(frozen=True)
class CommonestWrong:
    """w as the two estimates have it, over `prompts`; None with a reason where too few can be seen."""

    value: float | None = None
    at_least: float | None = None
    prompts: int = 0
    why: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def words(self) -> str:
        """In one line."""
        if self.value is None:
            return f"w is not estimated: {self.why}"
        return (
            f"w is taken as {self.value:.2f}, which errs high, from {self.prompts:,} prompts with two labeled wrong"
            f" answers or more; what errs low says {self.at_least:.2f}"
        )


def commonest_wrong(prompt: Integers, answer: Sequence[str | None], weight: Floats | None = None) -> CommonestWrong:
    """From one entry per labeled wrong row; empty answers are none."""
    weights = np.ones(len(prompt)) if weight is None else weight
    of: dict[int, list[tuple[str, float]]] = {}
    for number, said, one in zip(prompt.tolist(), answer, weights.tolist(), strict=True):
        if said:
            of.setdefault(number, []).append((said, one))
    several = [rows for rows in of.values() if len(rows) > 1]
    if len(several) < LEAST_PROMPTS:
        why = f"{len(several)} prompts have two labeled wrong answers, {LEAST_PROMPTS} are needed"
        return CommonestWrong(prompts=len(several), why=why)
    high, low = (float(np.mean([share(rows) for rows in several])) for share in (_seen, _of_others))
    return CommonestWrong(high, min(low, high), len(several))


def _seen(rows: Sequence[tuple[str, float]]) -> float:
    """The share of the commonest."""
    return max(_weights(rows).values()) / sum(one for _, one in rows)


def _of_others(rows: Sequence[tuple[str, float]]) -> float:
    """How often a row is the commonest of the others; others that tie share it."""
    whole = _weights(rows)
    hits = 0.0
    for said, one in rows:
        left = {answer: weight - (one if answer == said else 0.0) for answer, weight in whole.items()}
        most = max(left.values())
        tops = [answer for answer, weight in left.items() if weight >= most - 1e-9]
        hits += one * (said in tops) / len(tops)
    return hits / sum(one for _, one in rows)


def _weights(rows: Sequence[tuple[str, float]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for said, one in rows:
        found[said] += one  # type: ignore[assignment]  # a Counter of shares
    return found
