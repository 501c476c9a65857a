"""The input of a forecast: candidates of prompts, a score for each, and labels for all, some or none of them.

Scores are finite, labels are 1, 0 or missing, and the chance of every planned label is known. Rows without a score
are left to the caller. The module reads no files and knows no column names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from winnow.errors import UsageError, WinnowError
from winnow.statistics.card_inputs import Booleans, Floats, Integers

Column = ArrayLike | Sequence[Any]

LabelSource = Literal["complete", "planned", "random", "none"]
"""Every row has a label, a plan drew the labels with known chances, they were drawn at random, or there are none."""


@dataclass(frozen=True, eq=False)
class ScoredCandidates:
    """Rows of equal length; `make_candidates` builds them from a caller's columns."""

    prompt: Integers
    """0 .. prompts - 1, every number used."""
    score: Floats  # high is good; `sign` is -1 if the caller's scores are low for good rows
    right: Floats  # 1 right, 0 wrong, NaN without a label
    drawn: Floats | None = None  # the chance with which a plan drew each labeled row; None without a plan
    answer: Integers | None = None  # equal numbers for equal answers, if answers can be compared
    sign: int = 1

    @property
    def rows(self) -> int:
        return len(self.prompt)

    @cached_property
    def prompts(self) -> int:
        return int(self.prompt.max()) + 1

    @cached_property
    def sizes(self) -> Integers:
        """The number of candidates of each prompt."""
        return np.bincount(self.prompt, minlength=self.prompts)

    @cached_property
    def labeled(self) -> Integers:
        """The indices of the rows that have a label."""
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
        """The number of rows that each labeled row represents: one over its chance of being drawn."""
        if self.label_source != "planned" or self.drawn is None:
            return np.ones(len(self.labeled))
        return 1.0 / self.drawn[self.labeled]

    @cached_property
    def score_order(self) -> Integers:
        """Rows by prompt and, within a prompt, by ascending score."""
        return np.lexsort((self.score, self.prompt))

    @cached_property
    def rank_in_prompt(self) -> Integers:
        """In score order: 1 for the lowest score of a prompt, up to the prompt's size."""
        firsts = np.cumsum(self.sizes) - self.sizes
        return np.arange(1, self.rows + 1) - np.repeat(firsts, self.sizes)

    @cached_property
    def rank_index(self) -> tuple[Integers, Integers]:
        """The distinct prompt sizes, and for each row in score order the position of its (size, rank) in a list of all
        ranks of these sizes: what depends on size and rank alone is computed once for each.
        """
        kinds, kind = np.unique(self.sizes, return_inverse=True)
        starts = np.cumsum(kinds) - kinds
        return kinds, np.repeat(starts[kind], self.sizes) + self.rank_in_prompt - 1

    @cached_property
    def tie_starts(self) -> Integers:
        """In score order: where each run of equal scores of a prompt starts."""
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
    """Build candidates from arrays: any codes for prompts and answers, NaN or None for a missing label or chance."""
    codes = _encode(prompt)
    rows, sign = len(codes), -1 if lower_is_better else 1
    if not rows:
        raise UsageError("prompt", "there is no row", "Pass at least one candidate with a score")
    scores = sign * _to_floats("score", score, rows)
    if not np.isfinite(scores).all():
        at = int(np.flatnonzero(~np.isfinite(scores))[0])
        raise UsageError("score", f"row {at} has no finite score", "Leave out rows without a score")
    labels = np.full(rows, np.nan) if right is None else _to_floats("right", right, rows)
    if not (np.isnan(labels) | (labels == 0) | (labels == 1)).all():
        raise UsageError("right", "a label is neither 1, 0 nor missing", "State from which grade a row is right")
    chances = None if drawn is None else _check_chances(_to_floats("drawn", drawn, rows), ~np.isnan(labels))
    answers = None if answer is None else _encode(answer)
    if answers is not None and len(answers) != rows:
        raise _length_error("answer", len(answers), rows)
    return ScoredCandidates(codes, scores, labels, chances, answers, sign)


def _encode(values: Column) -> Integers:
    return np.unique(np.asarray(values), return_inverse=True)[1].astype(np.int64).reshape(-1)


def _to_floats(name: str, values: Any, rows: int) -> Floats:
    numbers = np.array(values, dtype=np.float64).reshape(-1)
    if len(numbers) != rows:
        raise _length_error(name, len(numbers), rows)
    return numbers


def _check_chances(drawn: Floats, labeled: Booleans) -> Floats:
    known = drawn[labeled]
    if np.isnan(known).any():
        count = int(np.isnan(known).sum())
        problem = f"{count} of {len(known)} labeled rows have no chance of being drawn"
        raise UsageError("drawn", problem, "Use only the labels of the plan, or pass no chances")
    if not ((known > 0) & (known <= 1)).all():
        raise UsageError("drawn", "a chance lies outside (0, 1]", "Use the chances that the plan wrote")
    return drawn


def _length_error(name: str, count: int, rows: int) -> WinnowError:
    return UsageError(name, f"{count} values for {rows} rows", "Pass one value per row")
