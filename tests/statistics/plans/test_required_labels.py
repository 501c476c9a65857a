"""The projected labels settle the decision, and differences that are too small are reported."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from winnow.statistics.plans.required_labels import (
    SequentialDesign,
    SideTally,
    project_required_labels,
    smallest_detectable_uplift,
)
from winnow.statistics.plans.sequential_test import OrderedLabels, run_sequential_test
from winnow.storage.canonical_json import to_plain

DESIGN = SequentialDesign((60_000, 40_000))


@pytest.mark.parametrize(("right_kept", "right_dropped"), [(80, 60), (60, 40), (50, 35)])
def test_the_projected_labels_settle_the_decision_in_about_80_percent(right_kept: int, right_dropped: int) -> None:
    tally = SideTally(right_kept, 100, right_dropped, 100)
    projected = project_required_labels(tally, DESIGN)
    assert projected.labels is not None and projected.more_kept is not None and projected.more_dropped is not None
    kept = np.arange(projected.labels) < 100 + projected.more_kept
    settled, projects = 0, 80
    for seed in range(projects):
        rng = np.random.default_rng(seed)
        right = rng.random(projected.labels) < np.where(kept, tally.shares()[0], tally.shares()[1])
        order = rng.permutation(projected.labels)
        settled += run_sequential_test(OrderedLabels(kept[order], right[order]), DESIGN).decision == "helps"
    assert settled / projects > 0.78 - 4 * math.sqrt(0.8 * 0.2 / projects)


def test_a_difference_that_ten_thousand_labels_do_not_settle_is_called_too_small() -> None:
    result = project_required_labels(SideTally(5_030, 10_000, 5_000, 10_000), DESIGN)
    assert (result.too_small, result.labels) == (True, None)
    assert result.why == "the difference is too small to settle with 10,000 labels"
    assert result.smallest is not None and 0.4 * abs(0.503 - 0.5) < result.smallest < 0.02


def test_too_few_rows_and_too_small_a_difference_are_distinguished() -> None:
    result = project_required_labels(SideTally(26, 50, 25, 50), SequentialDesign((100, 100)))
    assert (result.out_of_rows, result.too_small) == (True, False)
    assert "200 decided rows are too few" in result.why


def test_correlated_labels_raise_the_number_that_is_needed() -> None:
    alone, together = (
        project_required_labels(SideTally(70, 100, 50, 100, effect), DESIGN).labels for effect in (1.0, 4.0)
    )
    assert alone is not None and together is not None
    assert together >= 2 * alone


def test_two_classes_need_more_labels_because_one_half_must_be_excluded() -> None:
    tally = SideTally(53, 100, 20, 100)
    open_answers, two = (
        project_required_labels(tally, SequentialDesign((60_000, 40_000), classes)).labels for classes in (None, 2)
    )
    assert open_answers is not None
    assert two is None or two > open_answers


@pytest.mark.parametrize("tally", [SideTally(0, 0, 0, 0), SideTally(5, 10, 0, 0), SideTally(0, 0, 5, 10)])
def test_without_labels_on_both_sides_there_is_no_projection(tally: SideTally) -> None:
    result = project_required_labels(tally, DESIGN)
    assert (result.labels, result.too_small) == (None, False)
    assert "label rows of both sides" in result.why
    json.dumps(to_plain(result), allow_nan=False)


def test_the_smallest_uplift_shrinks_with_labels_and_is_unknown_before_the_first_look() -> None:
    design = SequentialDesign((500_000, 500_000))
    result = [smallest_detectable_uplift(count, 0.5, design) for count in (24, 25, 100, 400, 10_000)]
    assert result[0] is None
    known = [value for value in result if value is not None]
    assert known == sorted(known, reverse=True)
    assert known[2] == pytest.approx(known[1] / 2, rel=0.02)
