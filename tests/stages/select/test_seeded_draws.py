"""Draws are fair: tied rows win equally often, and draws for different purposes are independent.

Seeds are fixed, so these counts are the same on every machine; the bounds are those of chi-square at one in a million.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import combinations
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import winnow
from winnow.statistics.row_random import draw_number, draw_sql

PROMPTS = 6000
EACH = 4
BOUND = {3: 30.7, 5: 35.9, 15: 58.9, 7: 40.5}
"""Chi-square that one fair draw in a million exceeds, by degrees of freedom."""


@pytest.fixture(scope="module")
def tied() -> pa.Table:
    """Four candidates with one score for each prompt."""
    numbers = range(PROMPTS * EACH)
    return pa.table(
        {
            "id": [f"candidate-{n}" for n in numbers],
            "prompt_id": [n // EACH for n in numbers],
            "place": [n % EACH for n in numbers],
            "text": ["t"] * len(numbers),
            "score": [1.0] * len(numbers),
        }
    )


def unevenness(counts: Iterable[int]) -> float:
    """Chi-square against equal shares."""
    seen = list(counts)
    fair = sum(seen) / len(seen)
    return sum((count - fair) ** 2 / fair for count in seen)


def by_prompt(chosen: Any) -> dict[int, tuple[int, ...]]:
    """Which places were chosen of each prompt."""
    found: dict[int, tuple[int, ...]] = {}
    for row in chosen:
        found[row["prompt_id"]] = (*found.get(row["prompt_id"], ()), row["place"])
    return found


@pytest.mark.parametrize("rules", [{"best_of": "all"}, {"best_of": 1}, {"best_of": 3}])
@pytest.mark.parametrize("seed", [0, 7])
def test_each_of_four_tied_candidates_wins_equally_often(tied: pa.Table, rules: dict[str, Any], seed: int) -> None:
    won = Counter(by_prompt(winnow.select(tied, seed=seed, **rules)).values())
    assert len(won) == EACH
    assert sum(won.values()) == PROMPTS
    assert unevenness(won.values()) < BOUND[3]


def test_every_pair_is_drawn_equally_often(tied: pa.Table) -> None:
    drawn = Counter(by_prompt(winnow.select(tied, best_of=2, keep=2)).values())
    assert set(drawn) == set(combinations(range(EACH), 2))
    assert unevenness(drawn.values()) < BOUND[5]


def test_draws_of_best_of_are_independent_of_ties(tied: pa.Table) -> None:
    """Of the two drawn, the first and the second win equally often."""
    drawn = by_prompt(winnow.select(tied, best_of=2, keep=2))
    winner = by_prompt(winnow.select(tied, best_of=2))
    assert all(winner[prompt][0] in pair for prompt, pair in drawn.items())
    first = sum(winner[prompt][0] == pair[0] for prompt, pair in drawn.items())
    assert unevenness([first, PROMPTS - first]) < BOUND[3]


def test_the_control_is_drawn_evenly_and_independently_of_the_selection(tied: pa.Table) -> None:
    chosen = winnow.select(tied, best_of="all", control=True)
    winners, drawn = by_prompt(chosen), by_prompt(chosen.control)
    together = Counter((winners[prompt][0], drawn[prompt][0]) for prompt in winners)
    assert len(together) == EACH * EACH
    assert unevenness(Counter(drawn.values()).values()) < BOUND[3]
    assert unevenness(together.values()) < BOUND[15]


@pytest.mark.parametrize("rules", [{"max_rows": PROMPTS}, {"top_share": 1 / EACH}])
def test_rows_are_drawn_evenly_from_the_whole_table(tied: pa.Table, rules: dict[str, Any]) -> None:
    chosen = winnow.select(tied, **rules)
    assert len(chosen) == PROMPTS
    eighths = Counter(row["prompt_id"] * 8 // PROMPTS for row in chosen)
    assert len(eighths) == 8
    assert unevenness(eighths.values()) < BOUND[7]
    assert unevenness(Counter(row["place"] for row in chosen).values()) < BOUND[3]


def test_two_seeds_draw_independently(tied: pa.Table) -> None:
    first, other = (by_prompt(winnow.select(tied, best_of="all", seed=seed)) for seed in (1, 2))
    together = Counter((first[prompt], other[prompt]) for prompt in first)
    assert unevenness(together.values()) < BOUND[15]


@settings(max_examples=40)
@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1), st.integers(), st.text(max_size=8))
def test_duckdb_and_python_compute_the_same_number_of_a_row(ids: list[str], seed: int, purpose: str) -> None:
    engine = duckdb.connect()
    engine.register("ids", pa.table({"place": range(len(ids)), "id": ids}))
    found = engine.execute(f"select {draw_sql(seed, purpose, 'id')} from ids order by place").fetchall()
    assert [number for (number,) in found] == [draw_number(seed, purpose, candidate_id) for candidate_id in ids]
