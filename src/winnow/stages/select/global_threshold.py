"""The last row that a ranking keeps, found exactly from histograms that may be merged in any order.

Rows rank by score (the best first), then by seeded number, then by row. Each of these is a key of 64 bits. A histogram
counts how many keys begin with which leading bits; the bucket that holds the wanted rank is looked into again until
the key is known. Histograms depend on the rows alone, so neither shards nor the order of merging change the result.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Literal

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

KEY_BITS = 64
MAX_BUCKETS = 1 << 16
"""How many buckets a histogram holds at most."""
SIGN_BIT = np.uint64(1 << 63)


def sort_keys(scores: npt.NDArray[np.float64], lower_is_better: bool) -> Keys:
    """Whole numbers in the order of the scores, the best first; both zeros are equal."""
    bits = ((scores if lower_is_better else -scores) + 0.0).view(np.uint64)
    keys: Keys = np.where(bits & SIGN_BIT, ~bits, bits | SIGN_BIT)
    return keys


def score_from_key(key: int, lower_is_better: bool) -> float:
    """The score that has this key."""
    bits = np.uint64(key)
    score = float((bits & ~SIGN_BIT if bits & SIGN_BIT else ~bits).view(np.float64))
    return (score if lower_is_better else -score) + 0.0


@dataclass(frozen=True)
class KeyBucket:
    """All keys with these leading bits."""

    bits: int = 0
    prefix: int = 0

    def contains(self, keys: Keys) -> Booleans:
        """Which of the keys are in the bucket."""
        inside: Booleans = _leading_bits(keys, KEY_BITS, self.bits) == np.uint64(self.prefix)
        return inside


@dataclass(frozen=True, eq=False)
class KeyHistogram:
    """How many keys have which leading bits, with as many bits as `MAX_BUCKETS` allows."""

    bits: int
    prefixes: Keys
    counts: Integers

    @classmethod
    def from_keys(cls, keys: Keys) -> KeyHistogram:
        """Count keys by their leading bits."""
        prefixes, counts = np.unique(keys, return_counts=True)
        return cls(KEY_BITS, prefixes, counts.astype(np.int64))._coarsen()

    @classmethod
    def from_parts(cls, parts: Iterable[Keys]) -> KeyHistogram:
        """Count keys that come in parts."""
        return reduce(cls.merge, map(cls.from_keys, parts), cls.from_keys(np.empty(0, np.uint64)))

    def merge(self, other: KeyHistogram) -> KeyHistogram:
        """The histogram of the keys of both."""
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
        """The bucket of the key with this rank (from 1), how many keys come before it, and how many it holds."""
        ends = np.cumsum(self.counts)
        position = int(np.searchsorted(ends, rank))
        inside = int(self.counts[position])
        return KeyBucket(self.bits, int(self.prefixes[position])), int(ends[position]) - inside, inside

    def _coarsen(self) -> KeyHistogram:
        """The same with the most bits that leave at most `MAX_BUCKETS` buckets."""
        if len(self.prefixes) <= MAX_BUCKETS:
            return self
        differing_bits = self.prefixes[1:] ^ self.prefixes[:-1]
        dropped_bits = bisect_left(
            range(self.bits),
            True,
            key=lambda bits: bool(np.count_nonzero(differing_bits >> np.uint64(bits)) < MAX_BUCKETS),
        )
        bits = self.bits - dropped_bits
        prefixes = _leading_bits(self.prefixes, self.bits, bits)
        return KeyHistogram(bits, *_merge_equal_neighbors(prefixes, self.counts))


RankingRule = Literal["top_share", "max_rows"]
RANKING_KEYS = {"top_share": ("score", "number", "row"), "max_rows": ("number", "row")}
"""The rules that rank all rows, and by what."""


@dataclass(frozen=True)
class SearchRange:
    """Where the last row kept is sought: among the rows with the keys found so far, in a bucket of the next key."""

    rule: RankingRule
    found: tuple[int, ...] = ()
    bucket: KeyBucket = KeyBucket()

    def key_name(self) -> str:
        """The key that is sought: score, number or row."""
        return RANKING_KEYS[self.rule][len(self.found)]


def find_last_row(
    rule: RankingRule, target_count: Callable[[int], int], summarize: Callable[[SearchRange], KeyHistogram]
) -> tuple[int, ...] | None:
    """The keys of the last row that a ranking keeps.

    Args:
        rule: What ranks the rows.
        target_count: How many rows to keep of so many.
        summarize: Counts the keys of all rows in a range.

    Returns:
        As many keys as it takes; the rows that share all of them are kept. None if all rows are kept, () if none are.
    """
    search_range = SearchRange(rule)
    histogram = summarize(search_range)
    rank = target_count(histogram.total())
    if rank >= histogram.total():
        return None
    while rank:
        bucket, rows_before, rows_in_bucket = histogram.find_bucket(rank)
        rank -= rows_before
        if bucket.bits < KEY_BITS:
            search_range = replace(search_range, bucket=bucket)
        else:
            search_range = SearchRange(rule, (*search_range.found, bucket.prefix))
            if rank == rows_in_bucket:
                return search_range.found
        histogram = summarize(search_range)
    return ()


def _leading_bits(prefixes: Keys, bits: int, wanted_bits: int) -> Keys:
    """The leading bits of keys of which `bits` are known."""
    return prefixes >> np.uint64(bits - wanted_bits) if wanted_bits else np.zeros_like(prefixes)


def _merge_equal_neighbors(prefixes: Keys, counts: Integers) -> tuple[Keys, Integers]:
    if not len(prefixes):
        return prefixes, counts
    starts = np.flatnonzero(np.append(True, prefixes[1:] != prefixes[:-1]))
    return prefixes[starts], np.add.reduceat(counts, starts)
