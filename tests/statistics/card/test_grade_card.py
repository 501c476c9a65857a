"""Grades: means, soft rates, thresholds."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulated.verifier_labels import Judge, counts, drawn
from winnow.errors import UsageError
from winnow.statistics.card import estimate_card
from winnow.statistics.card_inputs import MeasureOptions, SamplingDesign, VerdictCounts
from winnow.statistics.grade_card import GradedRows, estimate_grade_card

SIZES = VerdictCounts(600, 400)


SCALE = (1.0, 5.0)


def graded(n: int = 200, seed: int = 0) -> GradedRows:
    """Grades 1 to 5; kept rows are a bit better."""
    rng = np.random.default_rng(seed)
    kept = rng.random(n) < 0.6
    grade = 1 + rng.binomial(4, np.where(kept, 0.7, 0.5)).astype(np.float64)
    return GradedRows(kept, grade, np.arange(n), SCALE)


def test_soft_rates_equal_the_usual_rates_for_grades_0_and_1() -> None:
    rows = drawn(Judge(), 150)
    soft = estimate_grade_card(counts(Judge()), GradedRows(rows.kept, rows.right, rows.prompt, (0.0, 1.0)))
    usual = estimate_card(counts(Judge()), rows)
    assert (soft.phi, soft.psi, soft.mean_kept, soft.gain) == (usual.phi, usual.psi, usual.precision, usual.uplift)
    assert soft.decision == usual.decision


def test_soft_rates_are_grade_weighted_keep_shares() -> None:
    rows = graded(1_000)
    r, q = (rows.grade - 1) / 4, rows.kept
    result = estimate_grade_card(VerdictCounts(int(q.sum()), int((~q).sum())), rows)
    assert result.phi.value == pytest.approx((q * r).sum() / r.sum())
    assert result.psi.value == pytest.approx((q * (1 - r)).sum() / (1 - r).sum())
    assert result.mean_kept.value == pytest.approx(rows.grade[q].mean())
    assert result.mean_raw.value == pytest.approx(rows.grade.mean())
    assert "p_star" not in result.to_dict()


@settings(max_examples=30)
@given(st.floats(-50, 50), st.floats(0.1, 20))
def test_intervals_scale_with_the_units_of_grades(shift: float, stretch: float) -> None:
    rows = graded(60)
    low, high = (shift + stretch * end for end in SCALE)
    grade = np.clip(shift + stretch * rows.grade, low, high)
    moved = GradedRows(rows.kept, grade, rows.prompt, (low, high))
    one, other = estimate_grade_card(SIZES, rows), estimate_grade_card(SIZES, moved)
    assert one.gain.low is not None and other.gain.low is not None and one.mean_kept.high is not None
    assert other.gain.low == pytest.approx(stretch * one.gain.low, abs=1e-6)
    assert other.mean_kept.high == pytest.approx(shift + stretch * one.mean_kept.high, abs=1e-6)
    assert one.decision == other.decision


@pytest.mark.parametrize("each", [1, 8])
def test_intervals_of_means_contain_the_truth(each: int) -> None:
    tables, inside = 200, np.zeros(3)
    for seed in range(tables):
        rng = np.random.default_rng([3, seed])
        prompts = 200 // each
        level = rng.beta(3, 2, prompts)[:, None]
        kept = rng.random((prompts, each)) < 0.6
        grade = 1 + rng.binomial(4, np.broadcast_to(level, kept.shape)).astype(np.float64)
        grade = np.where(kept, np.maximum(grade, 2), grade)
        codes = np.repeat(np.arange(prompts), each)
        rows = GradedRows(kept.ravel(), grade.ravel(), codes, SCALE)
        share = np.bincount(codes, kept.ravel() - kept.mean())
        table = VerdictCounts(6_000, 4_000, prompts=10_000 // each, spread=float((share**2).mean()) * 10_000 / each)
        result = estimate_grade_card(table, rows, MeasureOptions(seed=seed))
        ones = (2 * 3 * 4 * 5) / (5 * 6 * 7 * 8)  # chance of the lowest grade, beta-binomial(4, 3, 2)
        true_dropped = 1 + 4 * 0.6
        true_kept = true_dropped + ones
        raw = 0.6 * true_kept + 0.4 * true_dropped
        wants = (true_kept, raw, true_kept - raw)
        for place, (figure, want) in enumerate(
            zip((result.mean_kept, result.mean_raw, result.gain), wants, strict=True)
        ):
            assert figure.low is not None and figure.high is not None
            inside[place] += figure.low <= want <= figure.high
    assert (inside / tables).min() > 0.95 - 4 * np.sqrt(0.95 * 0.05 / tables), inside


def test_kept_rows_that_are_no_better_are_undecided_and_worse_ones_harm() -> None:
    rows = graded(600)
    assert estimate_grade_card(SIZES, rows).decision == "helps"
    assert estimate_grade_card(SIZES, GradedRows(~rows.kept, rows.grade, rows.prompt, SCALE)).decision == "harms"
    kept = np.arange(600) % 2 == 0
    same = GradedRows(kept, np.repeat(rows.grade[:300], 2), rows.prompt, SCALE)
    assert estimate_grade_card(SIZES, same).decision == "undecided"


@pytest.mark.parametrize("rows", [slice(0, 0), slice(0, 1)])
@pytest.mark.parametrize("table", [SIZES, VerdictCounts(5, 0), VerdictCounts(0, 0, 3)])
def test_too_few_grades_say_why(rows: slice, table: VerdictCounts) -> None:
    all_rows = graded()
    some_rows = GradedRows(all_rows.kept[rows], all_rows.grade[rows], all_rows.prompt[rows], SCALE)
    result = estimate_grade_card(table, some_rows)
    assert result.decision == "undecided" and result.why and result.summary()
    json.dumps(result.to_dict(), allow_nan=False)


def test_all_grades_the_same_is_no_difference() -> None:
    result = estimate_grade_card(SIZES, GradedRows(np.arange(60) < 30, np.full(60, 3.0), np.arange(60), SCALE))
    assert result.decision == "undecided" and result.mean_kept.value == 3.0 and result.gain.value == 0.0


def test_grades_outside_their_range_and_grades_drawn_by_label_are_refused() -> None:
    with pytest.raises(UsageError, match="grade: row 1 is 7"):
        GradedRows(np.array([True, False]), np.array([3.0, 7.0]), np.arange(2), SCALE)
    with pytest.raises(UsageError, match="labels_drawn"):
        estimate_grade_card(SIZES, graded(), MeasureOptions(labels_drawn=SamplingDesign.BY_LABEL))
