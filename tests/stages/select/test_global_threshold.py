"""The last row of a ranking does not depend on shards or on the order in which histograms are merged."""

from __future__ import annotations

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
    Keys,
    RankingRule,
    SearchRange,
    find_last_row,
    score_from_key,
    sort_keys,
)
from winnow.stages.select.rule_queries import rows_in_share

SCORES = [0.0, -0.0, 1.0, 1.0, -1.0, 0.3, 0.1 + 0.2, 5e-324, -5e-324, 1.7e308, -1.7e308]
scores = st.sampled_from(SCORES) | st.floats(allow_nan=False, allow_infinity=False)
key_values = st.integers(0, (1 << 64) - 1) | st.integers(0, 40)


@given(st.lists(scores, min_size=1), st.booleans())
def test_keys_have_the_order_of_scores_and_convert_back(values: list[float], lower: bool) -> None:
    keys = sort_keys(np.array(values), lower).tolist()
    assert sorted(keys) == [key for _, key in sorted(zip(values if lower else [-v for v in values], keys, strict=True))]
    assert [score_from_key(key, lower) for key in keys] == values
    assert len(set(keys)) == len(set(values))


@given(st.lists(st.lists(key_values, max_size=30), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_histograms_may_be_merged_in_any_order_and_grouping(shards: list[list[int]], draws: random.Random) -> None:
    with small_histograms(5):
        whole = KeyHistogram.from_keys(np.array([key for shard in shards for key in shard], np.uint64))
        parts = [KeyHistogram.from_keys(np.array(shard, np.uint64)) for shard in shards]
        while len(parts) > 1:
            left, right = (parts.pop(draws.randrange(len(parts))) for _ in range(2))
            parts.append(left.merge(right))
    assert (parts[0].bits, parts[0].prefixes.tolist(), parts[0].counts.tolist()) == (
        whole.bits,
        whole.prefixes.tolist(),
        whole.counts.tolist(),
    )
    assert len(whole.counts) <= 5 and whole.total() == sum(map(len, shards))


@given(st.lists(key_values, min_size=1, max_size=60), st.data())
def test_find_bucket_returns_the_bucket_of_the_key_and_the_number_of_keys_before(
    keys: list[int], data: st.DataObject
) -> None:
    rank = data.draw(st.integers(1, len(keys)))
    with small_histograms(4):
        bucket, before, inside = KeyHistogram.from_keys(np.array(keys, np.uint64)).find_bucket(rank)
    inside_bucket = bucket.contains(np.array(sorted(keys), np.uint64))
    assert inside_bucket.tolist() == [before <= place < before + inside for place in range(len(keys))]
    assert inside_bucket[rank - 1]


def test_a_bucket_without_bits_contains_every_key() -> None:
    assert KeyBucket().contains(np.array([0, 1, (1 << 64) - 1], np.uint64)).all()


Rank = tuple[float, int]
"""The score of a row and its number."""


@given(
    st.lists(st.tuples(scores, st.integers(0, 9) | st.integers(0, (1 << 64) - 1)), min_size=1, max_size=60),
    st.floats(0, 1),
    st.booleans(),
)
def test_the_last_row_of_a_top_share_is_the_one_that_sorting_finds(
    ranks: list[Rank], share: float, lower: bool
) -> None:
    count = rows_in_share(share, len(ranks))
    with small_histograms(3):
        last_row = find_last_row("top_share", partial(rows_in_share, share), summarize_shards(ranks, lower))
    keys = sort_keys(np.array([score for score, _ in ranks]), lower).tolist()
    order: list[tuple[int, ...]] = sorted(
        (key, number, row) for row, (key, (_, number)) in enumerate(zip(keys, ranks, strict=True))
    )
    assert_is_last_of_first(last_row, order, count)


@given(st.lists(key_values, min_size=1, max_size=60), st.integers(1, 70))
def test_the_last_row_of_max_rows_is_the_one_that_sorting_finds(numbers: list[int], max_rows: int) -> None:
    ranks = [(0.0, number) for number in numbers]
    with small_histograms(3):
        last_row = find_last_row("max_rows", partial(min, max_rows), summarize_shards(ranks, False))
    assert_is_last_of_first(last_row, sorted((number, row) for row, number in enumerate(numbers)), max_rows)


def assert_is_last_of_first(last_row: tuple[int, ...] | None, order: list[tuple[int, ...]], count: int) -> None:
    """The rows up to the last one, and those that share its keys, are the first `count`."""
    if count >= len(order):
        assert last_row is None
    elif count == 0:
        assert last_row == ()
    else:
        assert last_row == order[count - 1][: len(last_row or ())]
        assert sum(keys[: len(last_row)] <= last_row for keys in order) == count


def summarize_shards(ranks: list[Rank], lower: bool) -> Callable[[SearchRange], KeyHistogram]:
    """Three shards of these rows, whose histograms are merged."""
    columns = {
        "score": sort_keys(np.array([score for score, _ in ranks]), lower),
        "number": np.array([number for _, number in ranks], np.uint64),
        "row": np.arange(len(ranks), dtype=np.uint64),
    }
    key_names: dict[RankingRule, list[str]] = {"top_share": ["score", "number", "row"], "max_rows": ["number", "row"]}

    def summarize(search_range: SearchRange) -> KeyHistogram:
        names = key_names[search_range.rule]
        inside = np.ones(len(ranks), bool)
        for name, key in zip(names, search_range.found, strict=False):
            inside &= columns[name] == np.uint64(key)
        keys: Keys = columns[names[len(search_range.found)]]
        inside &= search_range.bucket.contains(keys)
        shards = [keys[inside & (columns["row"] % np.uint64(3) == number)] for number in range(3)]
        return reduce(KeyHistogram.merge, map(KeyHistogram.from_keys, shards))

    return summarize


@contextmanager
def small_histograms(buckets: int) -> Iterator[None]:
    """Limits small enough for small tables to reach them, for as long as the block lasts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(global_threshold, "MAX_BUCKETS", buckets)
        yield
