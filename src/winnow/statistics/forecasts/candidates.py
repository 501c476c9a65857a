"""The candidates of a forecast with their scores and labels, and selection rules as weights of the candidates.

Scores are finite, labels are 1, 0 or missing, and the chance of every planned label is known. A weight is the chance of
a candidate to be the one that a rule chooses for its prompt. The weights of a prompt add up to 1 if the rule keeps
anything of it, else to 0, so every share of right rows is a weighted mean of labels. Ties in score are shared equally.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from winnow.errors import UsageError
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
    def rank_index(self) -> tuple[Integers, Integers]:
        """The distinct prompt sizes, and for each row in score order the position of its (size, rank) in a list of all
        ranks of these sizes: what depends on size and rank alone is computed once for each.
        """
        kinds, kind = np.unique(self.sizes, return_inverse=True)
        first_ranks, first_rows = np.cumsum(kinds) - kinds, np.cumsum(self.sizes) - self.sizes
        return kinds, np.arange(self.rows) + np.repeat(first_ranks[kind] - first_rows, self.sizes)

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
    scores = sign * _to_floats(score)
    if not np.isfinite(scores).all():
        at = int(np.flatnonzero(~np.isfinite(scores))[0])
        raise UsageError("score", f"row {at} has no finite score", "Leave out rows without a score")
    labels = np.full(rows, np.nan) if right is None else _to_floats(right)
    if not (np.isnan(labels) | (labels == 0) | (labels == 1)).all():
        raise UsageError("right", "a label is neither 1, 0 nor missing", "State from which grade a row is right")
    chances = None if drawn is None else _check_chances(_to_floats(drawn), ~np.isnan(labels))
    return ScoredCandidates(codes, scores, labels, chances, None if answer is None else _encode(answer), sign)


def _encode(values: Column) -> Integers:
    return np.unique(np.asarray(values), return_inverse=True)[1].astype(np.int64).reshape(-1)


def _to_floats(values: Any) -> Floats:
    return np.array(values, dtype=np.float64).reshape(-1)


def _check_chances(drawn: Floats, labeled: Booleans) -> Floats:
    known = drawn[labeled]
    if np.isnan(known).any():
        count = int(np.isnan(known).sum())
        problem = f"{count} of {len(known)} labeled rows have no chance of being drawn"
        raise UsageError("drawn", problem, "Use only the labels of the plan, or pass no chances")
    if not ((known > 0) & (known <= 1)).all():
        raise UsageError("drawn", "a chance lies outside (0, 1]", "Use the chances that the plan wrote")
    return drawn


def best_of_n_weights(candidates: ScoredCandidates, n: int) -> Floats:
    """Return the chance of each candidate to be the best of `n` drawn without replacement (of all, if there are fewer).

    With ties broken by any fixed order, the candidate of rank r of m is the best of k drawn with chance
    C(r-1, k-1) / C(m, k). Averaged over the orders of tied candidates, each of them gets their mean.
    """
    kinds, rank_index = candidates.rank_index
    rank = np.concatenate([np.arange(1.0, size + 1.0) for size in kinds])
    size = np.repeat(kinds, kinds).astype(np.float64)
    drawn = np.minimum(float(n), size)
    is_reachable = rank >= drawn
    below = gammaln(rank) - gammaln(np.where(is_reachable, rank - drawn, 0.0) + 1.0)
    every = gammaln(size) - gammaln(size - drawn + 1.0)
    strict = np.where(is_reachable, drawn / size * np.exp(below - every), 0.0)[rank_index]
    lengths = np.diff(np.r_[candidates.tie_starts, candidates.rows])
    shared = np.repeat(np.add.reduceat(strict, candidates.tie_starts) / lengths, lengths)
    weights = np.empty(candidates.rows)
    weights[candidates.score_order] = shared
    return weights


def kept_row_weights(candidates: ScoredCandidates, kept: Booleans) -> Floats:
    """Return equal chances for the kept rows of each prompt."""
    counts = np.bincount(candidates.prompt[kept], minlength=candidates.prompts)
    return np.where(kept, 1.0 / np.maximum(counts, 1)[candidates.prompt], 0.0)


def control_weights(candidates: ScoredCandidates, kept: Booleans | None) -> Floats:
    """Return the weights of a control: as many rows of each prompt as are kept (one if None), at random."""
    counts = 1 if kept is None else np.bincount(candidates.prompt[kept], minlength=candidates.prompts)
    return np.asarray((counts / candidates.sizes)[candidates.prompt], dtype=np.float64)


def commonest_answer_weights(prompt: Integers, answer: Integers, kept: Booleans) -> Floats:
    """Return equal weights for the rows with their prompt's commonest kept answer; ties share equally."""
    rows = np.flatnonzero(kept)
    weights = np.zeros(len(prompt))
    if not len(rows):
        return weights
    key = prompt[rows] * (int(answer.max()) + 1) + answer[rows]
    _, first, group, count = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    prompt_of_answer = prompt[rows][first]
    largest_count = np.zeros(int(prompt.max()) + 1, dtype=np.int64)
    np.maximum.at(largest_count, prompt_of_answer, count)
    is_commonest = count == largest_count[prompt_of_answer]
    winners = np.bincount(prompt_of_answer[is_commonest], minlength=len(largest_count))
    weights[rows] = np.where(is_commonest, 1.0 / (count * np.maximum(winners[prompt_of_answer], 1)), 0.0)[group]
    return weights


def rank_by_score(candidates: ScoredCandidates, seed: int) -> Integers:
    """Return rows by descending score, ties in a random order drawn from the seed."""
    shuffled = np.random.default_rng([seed, 1]).permutation(candidates.rows)
    return np.asarray(shuffled[np.argsort(-candidates.score[shuffled], kind="stable")])


def keep_top_share(ranked_rows: Integers, share: float) -> Booleans:
    """Return a mask of the first floor(share x rows + 1/2) ranked rows."""
    kept = np.zeros(len(ranked_rows), dtype=np.bool_)
    kept[ranked_rows[: int(np.floor(share * len(ranked_rows) + 0.5))]] = True
    return kept
