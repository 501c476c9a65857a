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

from winnow.stages.select.choose import Cut

Keys = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

WIDTH = 64
MOST_BUCKETS = 1 << 14
FEW = 1 << 16
"""Rows that may be looked at one by one."""
SIGN = np.uint64(1 << 63)


def keys_of(scores: npt.NDArray[np.float64], lower_is_better: bool) -> Keys:
    """Whole numbers that order as the scores do, the best first; both zeros are one."""
    bits = ((scores if lower_is_better else -scores) + 0.0).view(np.uint64)
    found: Keys = np.where(bits & SIGN, ~bits, bits | SIGN)
    return found


def score_of(key: int, lower_is_better: bool) -> float:
    """The score with this key."""
    bits = np.uint64(key)
    better = float((bits & ~SIGN if bits & SIGN else ~bits).view(np.float64))
    return (better if lower_is_better else -better) + 0.0


@dataclass(frozen=True)
class Bucket:
    """All keys that begin with these bits."""

    bits: int = 0
    prefix: int = 0

    def holds(self, keys: Keys) -> Booleans:
        """Which keys are in it."""
        found: Booleans = _led(keys, WIDTH, self.bits) == np.uint64(self.prefix)
        return found


@dataclass(frozen=True)
class Looked:
    """Where the cut is known to lie: within these scores, and once there is but one, within these numbers."""

    score: Bucket = Bucket()
    number: Bucket = Bucket()

    def one_score(self) -> bool:
        """Whether the numbers alone are left to decide."""
        return self.score.bits == WIDTH

    def into(self, bucket: Bucket) -> Looked:
        """Closer."""
        return replace(self, number=bucket) if self.one_score() else replace(self, score=bucket)

    def closed(self) -> bool:
        """Whether there is nowhere closer to look."""
        return self.number.bits == WIDTH


NO_SCORES = Looked(score=Bucket(WIDTH, int(SIGN)))
"""Where numbers alone rank: every row's score counts as 0."""


@dataclass(frozen=True, eq=False)
class Spread:
    """How many keys begin with which leading bits: as many bits as keep the buckets few."""

    bits: int
    prefixes: Keys
    counts: Integers

    @classmethod
    def of(cls, keys: Keys) -> Spread:
        """The spread of these keys."""
        prefixes, counts = np.unique(keys, return_counts=True)
        return cls(WIDTH, prefixes, counts.astype(np.int64))._few()

    def merge(self, other: Spread) -> Spread:
        """The spread of both."""
        bits = min(self.bits, other.bits)
        prefixes = np.concatenate([_led(one.prefixes, one.bits, bits) for one in (self, other)])
        order = np.argsort(prefixes, kind="stable")
        counts = np.concatenate([self.counts, other.counts])[order]
        return Spread(bits, *_grouped(prefixes[order], counts))._few()

    def total(self) -> int:
        """How many keys there are."""
        return int(self.counts.sum())

    def place(self, wanted: int) -> tuple[Bucket, int, int]:
        """The bucket of the key that is the `wanted`th, how many keys come before it, and how many it holds."""
        ends = np.cumsum(self.counts)
        at = int(np.searchsorted(ends, wanted))
        inside = int(self.counts[at])
        return Bucket(self.bits, int(self.prefixes[at])), int(ends[at]) - inside, inside

    def _few(self) -> Spread:
        bits, prefixes, counts = self.bits, self.prefixes, self.counts
        while len(prefixes) > MOST_BUCKETS:
            prefixes, counts = _grouped(_led(prefixes, bits, bits - 1), counts)
            bits -= 1
        return Spread(bits, prefixes, counts)


@dataclass(frozen=True, eq=False)
class Ranked:
    """Rows by what they rank by: one entry per row, in no order."""

    score: Keys
    number: Keys
    row: Integers

    def merge(self, other: Ranked) -> Ranked:
        """The rows of both."""
        mine, theirs = (self.score, self.number, self.row), (other.score, other.number, other.row)
        return Ranked(*(np.concatenate(pair) for pair in zip(mine, theirs, strict=True)))

    def last(self, wanted: int, lower_is_better: bool) -> Cut:
        """The last row of the first `wanted`."""
        at = np.lexsort((self.row, self.number, self.score))[wanted - 1]
        return Cut(int(self.number[at]), int(self.row[at]), score_of(int(self.score[at]), lower_is_better))


@dataclass(frozen=True)
class Ranking:
    """How many of all rows are wanted, and whether scores rank them or numbers alone."""

    wanted: Callable[[int], int]
    scored: bool
    lower_is_better: bool = False


def cut_of(ranking: Ranking, spread: Callable[[Looked], Spread], ranked: Callable[[Looked], Ranked]) -> Cut | None:
    """The last row of those that are wanted, None if all are; what all shards say is asked as often as need be."""
    looked = Looked() if ranking.scored else NO_SCORES
    seen = spread(looked)
    wanted = ranking.wanted(seen.total())
    if wanted >= seen.total():
        return None
    if wanted == 0:
        return Cut(0, -1, -math.inf if ranking.lower_is_better else math.inf)
    while True:
        bucket, before, inside = seen.place(wanted)
        wanted, looked = wanted - before, looked.into(bucket)
        if inside <= FEW or looked.closed():
            return ranked(looked).last(wanted, ranking.lower_is_better)
        seen = spread(looked)


def _led(prefixes: Keys, bits: int, fewer: int) -> Keys:
    """The leading bits of keys of which `bits` are known."""
    return prefixes >> np.uint64(bits - fewer) if fewer else np.zeros_like(prefixes)


def _grouped(prefixes: Keys, counts: Integers) -> tuple[Keys, Integers]:
    """Equal neighbors as one."""
    if not len(prefixes):
        return prefixes, counts
    starts = np.flatnonzero(np.append(True, prefixes[1:] != prefixes[:-1]))
    return prefixes[starts], np.add.reduceat(counts, starts)
