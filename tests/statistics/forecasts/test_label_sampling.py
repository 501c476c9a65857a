"""Planned labels: known chances, the requested number, and the same rows for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from tests.simulated.scored_candidates import ids, scored
from winnow.statistics.forecasts.candidates import make_candidates
from winnow.statistics.forecasts.label_sampling import inclusion_chances, sample_labels

WHOLE = scored(40, 12, 1.0)


@pytest.mark.parametrize("budget", [1, 7, 40, 200, 479, 480, 5000])
def test_as_many_rows_are_drawn_as_the_budget_allows_and_none_twice(budget: int) -> None:
    rows = sample_labels(WHOLE, ids(WHOLE), budget, seed=3).rows
    assert len(rows) == len(set(rows.tolist())) == min(budget, 480)


@pytest.mark.parametrize("budget", [5, 100, 300])
def test_chances_add_up_to_the_budget_and_every_row_is_possible(budget: int) -> None:
    chance = inclusion_chances(WHOLE, budget)
    assert abs(chance.sum() - budget) < 1e-9
    assert chance.min() >= 0.1 * budget / WHOLE.rows * 0.999
    assert chance.max() <= 1


@pytest.mark.parametrize("budget", [20, 80, 260])
def test_every_row_is_drawn_as_often_as_its_chance(budget: int) -> None:
    chance, names, times = inclusion_chances(WHOLE, budget), ids(WHOLE), np.zeros(WHOLE.rows)
    for seed in range(1000):
        times[sample_labels(WHOLE, names, budget, seed=seed).rows] += 1
    apart = (times / 1000 - chance) / np.sqrt(np.maximum(chance * (1 - chance), 1e-9) / 1000)
    assert (times[chance == 1] == 1000).all()
    assert 0.9 < apart[chance < 1].std() < 1.1
    assert np.abs(apart[chance < 1]).max() < 6


def test_prompts_of_equal_size_give_rows_of_different_ranks() -> None:
    candidates = scored(100, 8, 1.0)
    for seed in range(20):
        rows = sample_labels(candidates, ids(candidates), 100, n=(1,), seed=seed).rows
        rank = (candidates.score[rows][:, None] > candidates.score.reshape(100, 8)[candidates.prompt[rows]]).sum(axis=1)
        assert len(np.unique(rank)) >= 7
        assert np.bincount(candidates.prompt[rows]).max() <= 2


def test_the_drawn_rows_do_not_depend_on_the_order_of_the_table() -> None:
    names, order = ids(WHOLE), np.random.default_rng(1).permutation(WHOLE.rows)
    mixed = make_candidates(WHOLE.prompt[order], WHOLE.score[order])
    first = sample_labels(WHOLE, names, 50, seed=9)
    again = sample_labels(mixed, [names[row] for row in order], 50, seed=9)
    assert [names[row] for row in first.rows] == [names[order[row]] for row in again.rows]
    np.testing.assert_allclose(first.chances, again.chances)
    assert set(sample_labels(WHOLE, names, 50, seed=10).rows) != set(first.rows)


def test_the_first_labels_of_a_plan_are_no_better_than_the_last() -> None:
    ranks = np.argsort(np.argsort(WHOLE.score)) / WHOLE.rows
    names = ids(WHOLE)
    first, last = np.zeros(200), np.zeros(200)
    for seed in range(200):
        rows = sample_labels(WHOLE, names, 40, seed=seed).rows
        first[seed], last[seed] = ranks[rows[:20]].mean(), ranks[rows[20:]].mean()
    assert abs((first - last).mean()) < 4 * (first - last).std() / np.sqrt(200)
