"""The cut of a ranking over many shards: exact, from summaries that are small and may be merged in any order.

A row ranks by its score, best first, then by its drawn number, then by its place. The cut is closed in on: how many
keys begin with which leading bits tells in which bucket it lies, until a bucket holds so few rows that they can be
looked at one by one. A summary depends on its rows alone, so neither grouping nor order of merging shows in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from winnow.stages.select.rule_queries import Cutoff

Keys = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

KEY_BITS = 64
MAX_BUCKETS = 1 << 14
MAX_COLLECTED_ROWS = 1 << 16
"""Rows that may be looked at one by one."""
SIGN_BIT = np.uint64(1 << 63)


def sort_keys(scores: npt.NDArray[np.float64], lower_is_better: bool) -> Keys:
    """Whole numbers that order as the scores do, the best first; both zeros are one."""
    bits = ((scores if lower_is_better else -scores) + 0.0).view(np.uint64)
    keys: Keys = np.where(bits & SIGN_BIT, ~bits, bits | SIGN_BIT)
    return keys


def score_from_key(key: int, lower_is_better: bool) -> float:
    """The score with this key."""
    bits = np.uint64(key)
    score = float((bits & ~SIGN_BIT if bits & SIGN_BIT else ~bits).view(np.float64))
    return (score if lower_is_better else -score) + 0.0


@dataclass(frozen=True)
class KeyBucket:
    """All keys that begin with these bits."""

    bits: int = 0
    prefix: int = 0

    def contains(self, keys: Keys) -> Booleans:
        """Which keys are in it."""
        inside: Booleans = _leading_bits(keys, KEY_BITS, self.bits) == np.uint64(self.prefix)
        return inside


@dataclass(frozen=True)
class SearchRange:
    """Where the cut is known to lie: within these scores, and once there is but one, within these numbers."""

    score: KeyBucket = KeyBucket()
    number: KeyBucket = KeyBucket()

    def has_single_score(self) -> bool:
        """Whether the numbers alone are left to decide."""
        return self.score.bits == KEY_BITS

    def narrow_to(self, bucket: KeyBucket) -> SearchRange:
        """Closer."""
        return replace(self, number=bucket) if self.has_single_score() else replace(self, score=bucket)

    def is_fully_narrowed(self) -> bool:
        """Whether there is nowhere closer to look."""
        return self.number.bits == KEY_BITS


UNSCORED_RANGE = SearchRange(score=KeyBucket(KEY_BITS, int(SIGN_BIT)))
"""Where numbers alone rank: every row's score counts as 0."""


@dataclass(frozen=True, eq=False)
class KeyHistogram:
    """How many keys begin with which leading bits: as many bits as keep the buckets few."""

    bits: int
    prefixes: Keys
    counts: Integers

    @classmethod
    def from_keys(cls, keys: Keys) -> KeyHistogram:
        """The spread of these keys."""
        prefixes, counts = np.unique(keys, return_counts=True)
        return cls(KEY_BITS, prefixes, counts.astype(np.int64))._coarsen()

    def merge(self, other: KeyHistogram) -> KeyHistogram:
        """The spread of both."""
        bits = min(self.bits, other.bits)
        prefixes = np.concatenate(
            [_leading_bits(histogram.prefixes, histogram.bits, bits) for histogram in (self, other)]
        )
        order = np.argsort(prefixes, kind="stable")
        counts = np.concatenate([self.counts, other.counts])[order]
        return KeyHistogram(bits, *_merge_equal_neighbors(prefixes[order], counts))._coarsen()

    def total(self) -> int:
        """How many keys there are."""
        return int(self.counts.sum())

    def find_bucket(self, rank: int) -> tuple[KeyBucket, int, int]:
        """The bucket of the key that is the `wanted`th, how many keys come before it, and how many it holds."""
        ends = np.cumsum(self.counts)
        position = int(np.searchsorted(ends, rank))
        inside = int(self.counts[position])
        return KeyBucket(self.bits, int(self.prefixes[position])), int(ends[position]) - inside, inside

    def _coarsen(self) -> KeyHistogram:
        bits, prefixes, counts = self.bits, self.prefixes, self.counts
        while len(prefixes) > MAX_BUCKETS:
            prefixes, counts = _merge_equal_neighbors(_leading_bits(prefixes, bits, bits - 1), counts)
            bits -= 1
        return KeyHistogram(bits, prefixes, counts)


@dataclass(frozen=True, eq=False)
class RankedRows:
    """Rows by what they rank by: one entry per row, in no order."""

    score: Keys
    number: Keys
    row: Integers

    def merge(self, other: RankedRows) -> RankedRows:
        """The rows of both."""
        own_arrays, other_arrays = (self.score, self.number, self.row), (other.score, other.number, other.row)
        return RankedRows(*(np.concatenate(pair) for pair in zip(own_arrays, other_arrays, strict=True)))

    def cutoff_at(self, rank: int, lower_is_better: bool) -> Cutoff:
        """The last row of the first `wanted`."""
        position = np.lexsort((self.row, self.number, self.score))[rank - 1]
        return Cutoff(
            int(self.number[position]),
            int(self.row[position]),
            score_from_key(int(self.score[position]), lower_is_better),
        )


@dataclass(frozen=True)
class RankingSpec:
    """How many of all rows are wanted, and whether scores rank them or numbers alone."""

    target_count: Callable[[int], int]
    uses_scores: bool
    lower_is_better: bool = False


def find_cutoff(
    ranking: RankingSpec,
    summarize_keys: Callable[[SearchRange], KeyHistogram],
    collect_rows: Callable[[SearchRange], RankedRows],
) -> Cutoff | None:
    """The last row of those that are wanted, None if all are; what all shards say is asked as often as need be."""
    search_range = SearchRange() if ranking.uses_scores else UNSCORED_RANGE
    histogram = summarize_keys(search_range)
    rank = ranking.target_count(histogram.total())
    if rank >= histogram.total():
        return None
    if rank == 0:
        return Cutoff(0, -1, -math.inf if ranking.lower_is_better else math.inf)
    while True:
        bucket, rows_before, rows_in_bucket = histogram.find_bucket(rank)
        rank, search_range = rank - rows_before, search_range.narrow_to(bucket)
        if rows_in_bucket <= MAX_COLLECTED_ROWS or search_range.is_fully_narrowed():
            return collect_rows(search_range).cutoff_at(rank, ranking.lower_is_better)
        histogram = summarize_keys(search_range)


def _leading_bits(prefixes: Keys, bits: int, wanted_bits: int) -> Keys:
    """The leading bits of keys of which `bits` are known."""
    return prefixes >> np.uint64(bits - wanted_bits) if wanted_bits else np.zeros_like(prefixes)


def _merge_equal_neighbors(prefixes: Keys, counts: Integers) -> tuple[Keys, Integers]:
    """Equal neighbors as one."""
    if not len(prefixes):
        return prefixes, counts
    starts = np.flatnonzero(np.append(True, prefixes[1:] != prefixes[:-1]))
    return prefixes[starts], np.add.reduceat(counts, starts)
