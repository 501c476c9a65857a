"""The cut of a ranking follows from the rows alone: however they are spread over shards, and merged in any order."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.stages.select import global_threshold
from winnow.stages.select.global_threshold import (
    KeyBucket,
    KeyHistogram,
    RankedRows,
    RankingSpec,
    SearchRange,
    find_cutoff,
    score_from_key,
    sort_keys,
)
from winnow.stages.select.rule_queries import Cutoff, rows_in_share

SCORES = [0.0, -0.0, 1.0, 1.0, -1.0, 0.3, 0.1 + 0.2, 5e-324, -5e-324, 1.7e308, -1.7e308]
scores = st.sampled_from(SCORES) | st.floats(allow_nan=False, allow_infinity=False)
whole_numbers = st.integers(0, (1 << 64) - 1) | st.integers(0, 40)


@given(st.lists(scores, min_size=1), st.booleans())
def test_keys_order_as_scores_do_and_give_them_back(values: list[float], lower: bool) -> None:
    keys = sort_keys(np.array(values), lower).tolist()
    assert sorted(keys) == [key for _, key in sorted(zip(values if lower else [-v for v in values], keys, strict=True))]
    assert [score_from_key(key, lower) for key in keys] == values
    assert len(set(keys)) == len(set(values))


@given(st.lists(st.lists(whole_numbers, max_size=30), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_spreads_may_be_merged_in_any_order_and_grouping(shards: list[list[int]], draws: random.Random) -> None:
    with few(buckets=5):
        whole = KeyHistogram.from_keys(np.array([key for shard in shards for key in shard], np.uint64))
        parts = [KeyHistogram.from_keys(np.array(shard, np.uint64)) for shard in shards]
        while len(parts) > 1:
            one, other = (parts.pop(draws.randrange(len(parts))) for _ in range(2))
            parts.append(one.merge(other))
    assert (parts[0].bits, parts[0].prefixes.tolist(), parts[0].counts.tolist()) == (
        whole.bits,
        whole.prefixes.tolist(),
        whole.counts.tolist(),
    )
    assert len(whole.counts) <= 5 and whole.total() == sum(map(len, shards))


@given(st.lists(whole_numbers, min_size=1, max_size=60), st.data())
def test_the_bucket_of_a_key_holds_it_and_says_how_many_come_before(keys: list[int], data: st.DataObject) -> None:
    wanted = data.draw(st.integers(1, len(keys)))
    with few(buckets=4):
        bucket, before, inside = KeyHistogram.from_keys(np.array(keys, np.uint64)).find_bucket(wanted)
    held = bucket.contains(np.array(sorted(keys), np.uint64))
    assert held.tolist() == [before <= place < before + inside for place in range(len(keys))]
    assert held[wanted - 1]


def test_a_bucket_of_no_bits_holds_every_key() -> None:
    assert KeyBucket().contains(np.array([0, 1, (1 << 64) - 1], np.uint64)).all()


@given(
    st.lists(st.tuples(scores, st.integers(0, 9) | st.integers(0, (1 << 64) - 1)), min_size=1, max_size=60),
    st.floats(0, 1),
    st.booleans(),
    st.integers(1, 4),
)
def test_the_cut_is_the_last_of_the_first_rows(
    ranks: list[tuple[float, int]], share: float, lower: bool, most: int
) -> None:
    whole = [(score if lower else -score, number, row) for row, (score, number) in enumerate(ranks)]
    wanted = rows_in_share(share, len(ranks))
    with few(buckets=3, rows=most):
        found = find_cutoff(RankingSpec(partial(rows_in_share, share), True, lower), *asked(ranks, lower))
    if wanted >= len(ranks):
        assert found is None
    elif wanted == 0:
        assert found == Cutoff(0, -1, -math.inf if lower else math.inf)
    else:
        rank, number, row = sorted(whole)[wanted - 1]
        assert found == Cutoff(number, row, rank if lower else -rank)


@given(st.lists(whole_numbers, min_size=1, max_size=60), st.integers(1, 70))
def test_without_scores_numbers_alone_rank(numbers: list[int], most: int) -> None:
    ranks = [(0.0, number) for number in numbers]
    with few(buckets=3, rows=2):
        found = find_cutoff(RankingSpec(partial(min, most), False), *asked(ranks, False))
    expected = sorted((number, row) for row, number in enumerate(numbers))
    assert found == (None if most >= len(numbers) else Cutoff(*expected[most - 1]))


def asked(
    ranks: list[tuple[float, int]], lower: bool
) -> tuple[Callable[[SearchRange], KeyHistogram], Callable[[SearchRange], RankedRows]]:
    """What three shards of these rows answer."""
    keys = sort_keys(np.array([score for score, _ in ranks]), lower)
    rows = RankedRows(keys, np.array([number for _, number in ranks], np.uint64), np.arange(len(ranks)))

    def shard(number: int, looked: SearchRange, numbered: bool) -> RankedRows:
        kept = looked.score.contains(rows.score) & (rows.row % 3 == number)
        kept &= looked.number.contains(rows.number) if numbered else kept
        return RankedRows(rows.score[kept], rows.number[kept], rows.row[kept])

    def spread(looked: SearchRange) -> KeyHistogram:
        one = looked.has_single_score()
        shards = [shard(number, looked, one) for number in range(3)]
        return reduce(
            KeyHistogram.merge, [KeyHistogram.from_keys(one_.number if one else one_.score) for one_ in shards]
        )

    return spread, lambda looked: reduce(RankedRows.merge, [shard(number, looked, True) for number in range(3)])


@contextmanager
def few(buckets: int, rows: int = global_threshold.MAX_COLLECTED_ROWS) -> Iterator[None]:
    """Limits small enough for small tables to reach them, for as long as the block lasts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(global_threshold, "MOST_BUCKETS", buckets)
        patch.setattr(global_threshold, "FEW", rows)
        yield
