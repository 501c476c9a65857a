"""What a forecast looks at: candidates of prompts, a score for each, and labels for all, some or none of them.

Promises: the arrays agree in length, scores are finite, labels are 1, 0 or missing, the chance of every planned label
is known; and each candidate's place among its prompt's scores is worked out once, in n log n.
It reads no files, knows no names of columns, and leaves out nothing: rows without a score stay with the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from winnow.errors import UsageError, WinnowError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Column = ArrayLike | Sequence[Any]

LabelSource = Literal["complete", "planned", "random", "none"]
"""How the labels came: every row has one, a plan drew them with known chances, at random, or there are none."""


@dataclass(frozen=True, eq=False)
class ScoredCandidates:
    """Rows of equal length; `read` makes one from what a caller has."""

    prompt: Ints
    """0 .. prompts - 1, every number used."""
    score: Floats
    """High is good, whichever way the caller's score runs; `sign` tells."""
    right: Floats
    """1 right, 0 wrong, NaN without a label."""
    drawn: Floats | None = None
    """The chance with which a plan drew each labeled row; None when no plan did."""
    answer: Ints | None = None
    """Equal numbers for equal answers, if answers can be compared."""
    sign: int = 1

    @property
    def rows(self) -> int:
        return len(self.prompt)

    @cached_property
    def prompts(self) -> int:
        return int(self.prompt.max()) + 1

    @cached_property
    def sizes(self) -> Ints:
        """How many candidates each prompt has."""
        return np.bincount(self.prompt, minlength=self.prompts)

    @cached_property
    def labeled(self) -> Ints:
        """The numbers of the rows that have a label."""
        return np.flatnonzero(~np.isnan(self.right))

    @cached_property
    def label_source(self) -> LabelSource:
        if len(self.labeled) == self.rows:
            return "complete"
        if not len(self.labeled):
            return "none"
        return "random" if self.drawn is None else "planned"

    @cached_property
    def label_weight(self) -> Floats:
        """How many rows each labeled row speaks for: one over the chance it was drawn with."""
        if self.label_source != "planned" or self.drawn is None:
            return np.ones(len(self.labeled))
        return 1.0 / self.drawn[self.labeled]

    @cached_property
    def score_order(self) -> Ints:
        """Rows by prompt and, inside a prompt, from the lowest score to the highest."""
        return np.lexsort((self.score, self.prompt))

    @cached_property
    def rank_in_prompt(self) -> Ints:
        """Along `order`: 1 for the lowest score of a prompt, up to the prompt's size."""
        firsts = np.cumsum(self.sizes) - self.sizes
        return np.arange(1, self.rows + 1) - np.repeat(firsts, self.sizes)

    @cached_property
    def rank_index(self) -> tuple[Ints, Ints]:
        """The different sizes of prompts, and for each row along `order` where its size and rank stand in a list of
        all ranks of all those sizes: what depends on size and rank alone is worked out once for each."""
        kinds, kind = np.unique(self.sizes, return_inverse=True)
        starts = np.cumsum(kinds) - kinds
        return kinds, np.repeat(starts[kind], self.sizes) + self.rank_in_prompt - 1

    @cached_property
    def tie_starts(self) -> Ints:
        """Along `order`: where each run of equal scores of a prompt starts."""
        prompt, score = self.prompt[self.score_order], self.score[self.score_order]
        fresh = (prompt[1:] != prompt[:-1]) | (score[1:] != score[:-1])
        return np.flatnonzero(np.r_[True, fresh])


def make_candidates(
    prompt: Column,
    score: Column,
    right: Column | None = None,
    drawn: Column | None = None,
    answer: Column | None = None,
    lower_is_better: bool = False,
) -> ScoredCandidates:
    """Candidates from plain arrays: any codes for prompts and answers, NaN or None where a label or a chance is not."""
    codes = _encode(prompt)
    rows, sign = len(codes), -1 if lower_is_better else 1
    if not rows:
        raise UsageError("prompt", "there is no row", "Give at least one candidate with a score")
    scores = sign * _to_floats("score", score, rows)
    if not np.isfinite(scores).all():
        at = int(np.flatnonzero(~np.isfinite(scores))[0])
        raise UsageError("score", f"row {at} has no finite score", "Leave rows without a score out and count them")
    labels = np.full(rows, np.nan) if right is None else _to_floats("right", right, rows)
    if not (np.isnan(labels) | (labels == 0) | (labels == 1)).all():
        raise UsageError("right", "a label is neither 1, 0 nor missing", "State from which grade on a row is right")
    chances = None if drawn is None else _check_chances(_to_floats("drawn", drawn, rows), ~np.isnan(labels))
    answers = None if answer is None else _encode(answer)
    if answers is not None and len(answers) != rows:
        raise _length_error("answer", len(answers), rows)
    return ScoredCandidates(codes, scores, labels, chances, answers, sign)


def _encode(values: Column) -> Ints:
    return np.unique(np.asarray(values), return_inverse=True)[1].astype(np.int64).reshape(-1)


def _to_floats(name: str, values: Any, rows: int) -> Floats:
    numbers = np.array(values, dtype=np.float64).reshape(-1)
    if len(numbers) != rows:
        raise _length_error(name, len(numbers), rows)
    return numbers


def _check_chances(drawn: Floats, labeled: Bools) -> Floats:
    known = drawn[labeled]
    if np.isnan(known).any():
        count = int(np.isnan(known).sum())
        problem = f"{count} of {len(known)} labeled rows have no chance of being drawn"
        raise UsageError("drawn", problem, "Use the labels of the plan alone, or state none of the chances")
    if not ((known > 0) & (known <= 1)).all():
        raise UsageError("drawn", "a chance lies outside (0, 1]", "Use the chances the plan wrote")
    return drawn


def _length_error(name: str, found: int, rows: int) -> WinnowError:
    return UsageError(name, f"{found} values for {rows} rows", "Give one value per row")
