"""Seeded draws: the same on every Python version, fair, and independent between purposes."""

from __future__ import annotations

from collections import Counter

import pytest

from winnow.science.tasks.seeded_random import (
    hash_fraction,
    random_choice,
    random_integer,
    random_stream,
    sample_positions,
    weighted_choice,
)


def test_draws_are_these_numbers_on_every_python_version() -> None:
    rng = random_stream("purpose", 7)
    assert [random_integer(rng, 1, 100) for _ in range(6)] == [91, 73, 43, 7, 53, 5]
    assert hash_fraction("purpose", 7) == 0.9892909671690084


def test_parts_that_join_to_the_same_text_give_different_streams() -> None:
    assert random_stream("a", "bc").random() != random_stream("ab", "c").random()
    assert hash_fraction("a", "bc") != hash_fraction("ab", "c")


def test_text_that_is_not_valid_unicode_is_accepted() -> None:
    assert 0 <= hash_fraction("\ud800") < 1


def test_every_item_and_both_ends_of_a_range_are_equally_likely() -> None:
    rng = random_stream("fair", 1)
    numbers = Counter(random_integer(rng, -1, 2) for _ in range(8_000))
    items = Counter(random_choice(rng, "abcd") for _ in range(8_000))
    assert set(numbers) == {-1, 0, 1, 2}
    assert all(1_850 < count < 2_150 for counts in (numbers, items) for count in counts.values())


def test_items_are_drawn_in_proportion_to_their_weights() -> None:
    rng = random_stream("weights", 1)
    drawn = Counter(weighted_choice(rng, {"a": 3.0, "never": 0.0, "b": 1.0}) for _ in range(8_000))
    assert set(drawn) == {"a", "b"}
    assert 5_850 < drawn["a"] < 6_150
    with pytest.raises(ValueError, match="no weight"):
        weighted_choice(rng, {"a": 0.0})


def test_sampled_positions_are_different_and_every_set_is_equally_likely() -> None:
    rng = random_stream("sets", 1)
    sets = Counter(tuple(sample_positions(rng, 2, 4)) for _ in range(6_000))
    assert set(sets) == {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)}
    assert all(870 < count < 1_130 for count in sets.values())
    assert sample_positions(rng, 4, 4) == [0, 1, 2, 3]
    assert sample_positions(rng, 0, 0) == []
