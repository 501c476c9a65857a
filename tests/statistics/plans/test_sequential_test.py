"""The sequential test keeps its error rate over all looks and states why there is no number."""

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
from winnow.storage.canonical_json import to_plain

DESIGN = SequentialDesign((6_000, 4_000))


def labels(kept: tuple[int, int], dropped: tuple[int, int], prompts: int | None = None) -> OrderedLabels:
    """Labels in random order, from the right and wrong ones of each side; with prompts, spread over them."""
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
def test_the_decision_follows_the_rules_for_open_answers_and_for_two_classes(
    kept: tuple[int, int], dropped: tuple[int, int], classes: int | None, decision: str
) -> None:
    design = SequentialDesign((6_000, 4_000), classes, look_sizes=(100,))
    assert run_sequential_test(labels(kept, dropped), design).decision == decision


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
    at_100, later = run_sequential_test(many.take_first(100), DESIGN), run_sequential_test(many, DESIGN)
    assert (later.uplift, later.decision, later.labels) == (at_100.uplift, at_100.decision, 100)
    assert (later.waiting, later.next_look) == (99, 200)


def test_a_decision_is_kept_when_later_labels_contradict_it() -> None:
    early = labels((13, 0), (0, 12))
    later = labels((6, 7), (6, 6))
    both = OrderedLabels(np.concatenate([early.kept, later.kept]), np.concatenate([early.right, later.right]))
    design = SequentialDesign((500, 500), look_sizes=(25, 50))
    assert run_sequential_test(early, design).decision == "helps"
    turned = OrderedLabels(both.kept, both.right ^ (np.arange(50) >= 25) & both.kept)
    result = run_sequential_test(turned, design)
    assert (result.decision, result.decided_at, result.enough.more_kept) == ("helps", 25, 0)


def test_projects_without_a_difference_are_decided_in_at_most_5_percent() -> None:
    count = 150
    decided = [run_sequential_test(drawn(200, 0.5, 0.5, seed), DESIGN).decision != "undecided" for seed in range(count)]
    assert np.mean(decided) < 0.05 + 4 * math.sqrt(0.05 * 0.95 / count)
    assert any(decided)


def test_correlated_labels_widen_the_interval() -> None:
    kept, rng = np.arange(400) % 2 == 0, np.random.default_rng(3)
    together = np.repeat(rng.random(20) < 0.6, 20)
    right = together ^ (rng.random(400) < 0.1)
    prompt = np.repeat(np.arange(20), 20)
    alone, shared = (
        run_sequential_test(OrderedLabels(kept, right), DESIGN),
        run_sequential_test(OrderedLabels(kept, right, prompt), DESIGN),
    )
    assert shared.precision.high is not None and alone.precision.high is not None
    assert shared.precision.low is not None and alone.precision.low is not None
    assert shared.precision.high - shared.precision.low > 2 * (alone.precision.high - alone.precision.low)
    assert shared.uplift.value == alone.uplift.value


def test_prompts_with_one_label_each_change_nothing() -> None:
    many = drawn(100, 0.7, 0.5, 4)
    alone = OrderedLabels(many.kept, many.right, np.arange(100))
    assert run_sequential_test(alone, DESIGN) == run_sequential_test(many, DESIGN)


@pytest.mark.parametrize(
    ("given", "design", "reason"),
    [
        (labels((0, 0), (0, 0)), DESIGN, "first look is at 25 labels: 25 more"),
        (labels((10, 5), (0, 0)), DESIGN, "first look is at 25 labels: 10 more"),
        (labels((20, 10), (0, 0)), DESIGN, "one side has no label"),
        (labels((0, 0), (20, 10)), DESIGN, "one side has no label"),
        (labels((20, 10), (0, 0)), SequentialDesign((100, 0)), "every decided row is kept"),
        (labels((0, 0), (20, 10)), SequentialDesign((0, 100)), "every decided row is dropped"),
        (labels((20, 10), (10, 20), prompts=1), DESIGN, "all labels belong to one prompt"),
    ],
)
def test_an_undecided_result_without_an_interval_states_the_reason(
    given: OrderedLabels, design: SequentialDesign, reason: str
) -> None:
    result = run_sequential_test(given, design)
    assert result.decision == "undecided"
    assert result.uplift.low is None
    assert reason in result.why
    json.dumps(to_plain(result), allow_nan=False)


@pytest.mark.parametrize("right", [0, 40])
def test_sides_that_are_all_right_or_all_wrong_have_an_interval(right: int) -> None:
    given = labels((right, 40 - right), (right, 40 - right), prompts=10)
    result = run_sequential_test(given, SequentialDesign((100, 100), look_sizes=(80,)))
    assert result.uplift.low is not None and result.uplift.high is not None
    assert result.uplift.low < 0 < result.uplift.high


def test_kept_labels_of_a_single_prompt_leave_the_precision_unknown() -> None:
    kept = np.arange(50) < 25
    given = OrderedLabels(kept, np.ones(50, dtype=bool), np.where(kept, 0, np.arange(50)))
    result = run_sequential_test(given, SequentialDesign((100, 100), 2))
    assert (result.precision.low, result.precision.high) == (0.0, 1.0)


def test_the_look_sizes_are_fixed() -> None:
    assert LOOK_SIZES == (25, 50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000)
