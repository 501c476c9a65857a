"""The plan: which rows of which side, in which order and with which chance."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.statistics.plans.labeling_plan import DecidedRows, make_labeling_plan
from winnow.statistics.plans.required_labels import SideTally, allocate_labels, share_kept


def rows(kept: int, dropped: int, prompts: int = 50, seed: int = 0) -> DecidedRows:
    """A table of so many kept and dropped rows."""
    rng = np.random.default_rng(seed)
    side = rng.permutation(np.arange(kept + dropped) < kept)
    draws = rng.integers(0, 2**64, kept + dropped, dtype=np.uint64)
    return DecidedRows(side, draws, (np.arange(kept + dropped) % prompts).astype(np.int64))


def test_up_to_each_look_kept_rows_come_first_and_then_dropped_ones() -> None:
    result = make_labeling_plan(rows(300, 300), 100)
    assert [(stop.labels, stop.kept, stop.dropped) for stop in result.looks] == [
        (25, 13, 12),
        (50, 25, 25),
        (100, 50, 50),
    ]
    assert (
        result.stratum.tolist()
        == ["kept"] * 13 + ["dropped"] * 12 + ["kept"] * 12 + ["dropped"] * 13 + ["kept"] * 25 + ["dropped"] * 25
    )


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 130), st.integers(0, 5))
def test_each_row_is_planned_once_with_the_chance_of_its_side(kept: int, dropped: int, budget: int, seed: int) -> None:
    table = rows(kept, dropped, 7, seed)
    result = make_labeling_plan(table, budget, seed=seed)
    assert len(set(result.order.tolist())) == len(result.order) == min(budget, kept + dropped)
    assert (result.stratum == "kept").tolist() == table.kept[result.order].tolist()
    for name, count in (("kept", kept), ("dropped", dropped)):
        on_side = result.stratum == name
        assert result.drawn[on_side] == pytest.approx(on_side.sum() / max(count, 1))
    assert result.most_per_prompt <= budget
    json.dumps(result.to_dict(), allow_nan=False)


@given(st.integers(1, 150), st.integers(1, 150))
def test_a_larger_budget_labels_the_same_rows_and_more(one: int, other: int) -> None:
    table = rows(90, 60)
    small, large = (make_labeling_plan(table, budget) for budget in sorted((one, other)))
    for name in ("kept", "dropped"):
        first, more = small.order[small.stratum == name].tolist(), large.order[large.stratum == name].tolist()
        assert first == more[: len(first)]


def test_a_plan_made_with_earlier_labels_chooses_new_rows_in_a_better_ratio() -> None:
    table = rows(500, 500)
    first = make_labeling_plan(table, 50)
    again = make_labeling_plan(table, 200, SideTally(24, 25, 12, 25))
    assert not set(first.order.tolist()) & set(again.order.tolist())
    assert again.share_kept < first.share_kept == 0.5
    assert (again.looks[-1].labels, len(again.order)) == (200, 150)


def test_a_side_with_few_rows_gives_its_labels_to_the_other() -> None:
    result = make_labeling_plan(rows(10, 490), 200)
    assert (result.looks[-1].kept, result.looks[-1].dropped) == (10, 190)
    assert result.drawn[result.stratum == "kept"].tolist() == [1.0] * 10


def test_the_side_with_more_variance_gets_more_labels_within_bounds() -> None:
    assert share_kept(0.5, 0.5) == share_kept(1.0, 0.0) == 0.5
    assert share_kept(0.9, 0.88) == pytest.approx(0.48, abs=0.002)
    assert (share_kept(0.99, 0.5), share_kept(0.5, 1.0)) == (0.45, 0.55)


@given(st.floats(0.45, 0.55), st.integers(0, 300), st.integers(0, 300))
def test_the_labels_of_a_side_never_decrease_from_look_to_look(share: float, kept: int, dropped: int) -> None:
    before = (0, 0)
    for stop in allocate_labels((25, 50, 100, 137, 200, 400), share, (kept, dropped)):
        assert before[0] <= stop.kept <= kept and before[1] <= stop.dropped <= dropped
        assert stop.labels == stop.kept + stop.dropped
        before = (stop.kept, stop.dropped)


@pytest.mark.parametrize(("kept", "dropped"), [(0, 0), (30, 0), (0, 30)])
def test_a_table_without_two_sides_has_a_plan_but_no_detectable_uplift(kept: int, dropped: int) -> None:
    result = make_labeling_plan(rows(kept, dropped), 20)
    assert len(result.order) == min(20, kept + dropped)
    assert result.to_dict()["settles"] is None


def test_labels_spread_over_more_prompts_than_random_rows_would() -> None:
    table = rows(400, 400, prompts=100)
    assert table.prompt is not None
    at_random = [len(np.unique(table.prompt[np.random.default_rng(n).permutation(800)[:50]])) for n in range(50)]
    assert make_labeling_plan(table, 50).prompts > max(at_random) - 1
