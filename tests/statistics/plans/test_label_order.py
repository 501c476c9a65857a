"""The order of labels: equal chances, labels spread over prompts, and a stable beginning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.statistics.plans.labeling_plan import draw_numbers, walk_rows
from winnow.statistics.row_random import draw_number


def draws(count: int, seed: int = 0) -> np.ndarray:
    """Numbers of rows."""
    return np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64)


def test_every_row_is_equally_likely_to_be_chosen_whatever_the_size_of_its_prompt() -> None:
    prompt = np.repeat(np.arange(6), [1, 1, 2, 5, 8, 13])
    seeds, count = 4_000, 7
    seen = np.bincount(
        np.concatenate([walk_rows(prompt, draws(30, seed), count, seed) for seed in range(seeds)]), minlength=30
    )
    chance = count / 30
    assert np.abs(seen - seeds * chance).max() < 4.5 * np.sqrt(seeds * chance * (1 - chance))


@given(st.integers(1, 80), st.integers(1, 12), st.integers(0, 80), st.integers(0, 80), st.integers(0, 9))
def test_a_longer_walk_begins_with_the_same_rows_and_repeats_none(
    rows: int, prompts: int, shorter: int, longer: int, seed: int
) -> None:
    prompt = np.arange(rows) % prompts
    short, long = sorted((shorter, longer))
    first, more = (walk_rows(prompt, draws(rows), count, seed) for count in (short, long))
    assert first.tolist() == more.tolist()[: len(first)]
    assert len(set(more.tolist())) == len(more) == min(long, rows)


@given(st.integers(8, 200), st.integers(1, 16), st.integers(0, 9))
def test_no_prompt_gets_a_second_label_before_three_in_eight_have_one(prompts: int, each: int, seed: int) -> None:
    prompt = np.repeat(np.arange(prompts), each)
    chosen = walk_rows(prompt, draws(len(prompt), seed), prompts * 3 // 8, seed)
    assert np.bincount(prompt[chosen]).max() == 1


@given(st.lists(st.integers(1, 30), min_size=5, max_size=60), st.integers(1, 100), st.integers(0, 9))
def test_the_labels_of_a_prompt_are_proportional_to_its_rows(sizes: list[int], count: int, seed: int) -> None:
    prompt = np.repeat(np.arange(len(sizes)), sizes)
    chosen = walk_rows(prompt, draws(len(prompt), seed), count, seed)
    due = np.array(sizes) * len(chosen) / len(prompt)
    assert np.abs(np.bincount(prompt[chosen], minlength=len(sizes)) - due).max() < 2.5


@given(st.permutations(range(40)))
def test_the_order_of_the_table_does_not_matter(order: list[int]) -> None:
    prompt, number = np.arange(40) % 7, draws(40)
    usual = walk_rows(prompt, number, 15, 1)
    turned = walk_rows(prompt[order], number[order], 15, 1)
    assert np.array(order)[turned].tolist() == usual.tolist()


def test_without_prompts_rows_come_in_random_order() -> None:
    chosen = walk_rows(None, draws(1_000), 200, 0)
    assert len(set(chosen.tolist())) == 200
    assert chosen.mean() == pytest.approx(499.5, abs=4 * 288.7 / 200**0.5)


def test_the_number_of_a_row_follows_from_seed_and_id() -> None:
    assert draw_numbers(["a", "b"], 3).tolist() == [draw_number(3, "plan", "a"), draw_number(3, "plan", "b")]


def test_a_side_without_rows_has_no_order() -> None:
    assert len(walk_rows(np.empty(0, dtype=np.int64), draws(0), 5, 0)) == 0
