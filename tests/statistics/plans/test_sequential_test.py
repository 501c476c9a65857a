"""What a look promises: decisions that looking often does not spoil, and words where there is no number."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.statistics.plans.boundaries import LOOK_SIZES
from winnow.statistics.plans.required_labels import SequentialDesign
from winnow.statistics.plans.sequential_test import OrderedLabels, run_sequential_test

RULE = SequentialDesign((6_000, 4_000))


def labels(kept: tuple[int, int], dropped: tuple[int, int], prompts: int | None = None) -> OrderedLabels:
    """So many right and wrong ones of each side, in mixed order; with prompts, dealt out to them."""
    side = np.repeat([True, True, False, False], [*kept, *dropped])
    right = np.repeat([True, False, True, False], [*kept, *dropped])
    order = np.random.default_rng(0).permutation(len(side))
    return OrderedLabels(side[order], right[order], None if prompts is None else order % prompts)


def drawn(count: int, a: float, b: float, seed: int) -> OrderedLabels:
    """Labels of a simulated project, half kept."""
    rng = np.random.default_rng(seed)
    kept = np.arange(count) % 2 == 0
    return OrderedLabels(kept, rng.random(count) < np.where(kept, a, b))


@pytest.mark.parametrize(
    ("kept", "dropped", "classes", "decision"),
    [
        ((45, 5), (20, 30), None, "helps"),
        ((20, 30), (45, 5), None, "harms"),
        ((26, 24), (24, 26), None, "undecided"),
        ((45, 5), (20, 30), 2, "helps"),
        ((26, 24), (2, 48), None, "helps"),
        ((26, 24), (2, 48), 2, "undecided"),
        ((10, 40), (2, 48), 2, "harms"),
    ],
)
def test_the_decision_follows_both_rules_of_the_card(
    kept: tuple[int, int], dropped: tuple[int, int], classes: int | None, decision: str
) -> None:
    rule = SequentialDesign((6_000, 4_000), classes, look_sizes=(100,))
    assert run_sequential_test(labels(kept, dropped), rule).decision == decision


@given(st.integers(0, 120), st.integers(0, 5), st.floats(0, 1), st.floats(0, 1))
def test_interval_and_decision_never_disagree(count: int, seed: int, a: float, b: float) -> None:
    result = run_sequential_test(drawn(count, a, b, seed), SequentialDesign((50, 70), look_sizes=(60,)))
    ends = (result.uplift.low, result.uplift.high)
    if ends[0] is None or ends[1] is None:
        assert (result.decision, count < 60) == ("undecided", True)
    else:
        assert result.decision == ("helps" if ends[0] > 0 else "harms" if ends[1] < 0 else "undecided")


def test_labels_between_two_looks_change_nothing() -> None:
    many = drawn(199, 0.6, 0.4, 1)
    at_100, later = run_sequential_test(many.take_first(100), RULE), run_sequential_test(many, RULE)
    assert (later.uplift, later.decision, later.labels) == (at_100.uplift, at_100.decision, 100)
    assert (later.waiting, later.next_look) == (99, 200)


def test_a_decision_once_made_stands() -> None:
    early = labels((13, 0), (0, 12))
    later = labels((6, 7), (6, 6))
    both = OrderedLabels(np.concatenate([early.kept, later.kept]), np.concatenate([early.right, later.right]))
    rule = SequentialDesign((500, 500), look_sizes=(25, 50))
    assert run_sequential_test(early, rule).decision == "helps"
    turned = OrderedLabels(both.kept, both.right ^ (np.arange(50) >= 25) & both.kept)
    assert (run_sequential_test(turned, rule).decision, run_sequential_test(turned, rule).decided_at) == ("helps", 25)
    assert run_sequential_test(turned, rule).enough.more_kept == 0


def test_projects_without_any_difference_are_called_in_at_most_one_case_in_twenty() -> None:
    count = 250
    called = [run_sequential_test(drawn(200, 0.5, 0.5, seed), RULE).decision != "undecided" for seed in range(count)]
    by_four = np.mean(called) - 4 * math.sqrt(0.05 * 0.95 / count)
    assert by_four < 0.05
    assert any(called)


def test_labels_that_go_together_count_for_less() -> None:
    kept, rng = np.arange(400) % 2 == 0, np.random.default_rng(3)
    together = np.repeat(rng.random(20) < 0.6, 20)
    right = together ^ (rng.random(400) < 0.1)
    prompt = np.repeat(np.arange(20), 20)
    alone, shared = (
        run_sequential_test(OrderedLabels(kept, right), RULE),
        run_sequential_test(OrderedLabels(kept, right, prompt), RULE),
    )
    assert shared.precision.high is not None and alone.precision.high is not None
    assert shared.precision.low is not None and alone.precision.low is not None
    assert shared.precision.high - shared.precision.low > 2 * (alone.precision.high - alone.precision.low)
    assert shared.uplift.value == alone.uplift.value


def test_prompts_with_one_label_each_change_nothing() -> None:
    many = drawn(100, 0.7, 0.5, 4)
    alone = OrderedLabels(many.kept, many.right, np.arange(100))
    assert run_sequential_test(alone, RULE) == run_sequential_test(many, RULE)


@pytest.mark.parametrize(
    ("made", "rule", "words"),
    [
        (labels((0, 0), (0, 0)), RULE, "first look is at 25 labels: 25 more"),
        (labels((10, 5), (0, 0)), RULE, "first look is at 25 labels: 10 more"),
        (labels((20, 10), (0, 0)), RULE, "one side has no label"),
        (labels((0, 0), (20, 10)), RULE, "one side has no label"),
        (labels((20, 10), (0, 0)), SequentialDesign((100, 0)), "every decided row is kept"),
        (labels((0, 0), (20, 10)), SequentialDesign((0, 100)), "every decided row is dropped"),
        (labels((20, 10), (10, 20), prompts=1), RULE, "all labels belong to one prompt"),
    ],
)
def test_where_there_is_nothing_to_say_it_says_why(made: OrderedLabels, rule: SequentialDesign, words: str) -> None:
    result = run_sequential_test(made, rule)
    assert result.decision == "undecided"
    assert result.uplift.low is None
    assert words in result.why
    json.dumps(result.to_dict(), allow_nan=False)


@pytest.mark.parametrize("right", [0, 40])
def test_sides_that_are_all_right_or_all_wrong_have_an_interval(right: int) -> None:
    made = labels((right, 40 - right), (right, 40 - right), prompts=10)
    result = run_sequential_test(made, SequentialDesign((100, 100), look_sizes=(80,)))
    assert result.uplift.low is not None and result.uplift.high is not None
    assert result.uplift.low < 0 < result.uplift.high


def test_kept_labels_of_a_single_prompt_say_nothing_of_precision() -> None:
    kept = np.arange(50) < 25
    made = OrderedLabels(kept, np.ones(50, dtype=bool), np.where(kept, 0, np.arange(50)))
    result = run_sequential_test(made, SequentialDesign((100, 100), 2))
    assert (result.precision.low, result.precision.high) == (0.0, 1.0)


def test_the_looks_are_those_of_the_issue() -> None:
    assert LOOK_SIZES == (25, 50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000)
