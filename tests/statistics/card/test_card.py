"""The card's estimates, its decision, and its warnings about how labels were drawn."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulated.verifier_labels import Judge, cells, counts, drawn
from winnow.errors import UsageError
from winnow.statistics.card import estimate_card
from winnow.statistics.card_inputs import (
    Floats,
    LabeledRows,
    MeasureOptions,
    SamplingDesign,
    VerdictCounts,
    is_held_out,
)
from winnow.statistics.card_report import Card
from winnow.statistics.intervals import IntervalEstimate

RATES = "phi psi p p_star margin precision uplift keep_rate".split()


def numbers(found: Card) -> list[float]:
    """Every number of the rates, in order."""
    figures = [getattr(found, name) for name in RATES]
    return [part for figure in figures for part in (figure.value, figure.low, figure.high) if part is not None]


def test_rates_follow_from_keep_rate_and_the_shares_right_of_both_sides() -> None:
    result = estimate_card(VerdictCounts(600, 400), cells(30, 10, 5, 15))
    a, b, keep = 0.75, 0.25, 0.6
    right = keep * a + (1 - keep) * b
    phi, psi = keep * a / right, keep * (1 - a) / (1 - right)
    want = [phi, psi, 1 - right, phi / (phi + psi), phi / (phi + psi) - (1 - right), a, a - right, keep]
    assert [getattr(result, name).value for name in RATES] == pytest.approx(want, abs=1e-12)


def test_labels_drawn_by_label_give_phi_and_psi_directly_and_p_from_the_keep_rate() -> None:
    result = estimate_card(
        VerdictCounts(600, 400), cells(45, 10, 5, 40), MeasureOptions(labels_drawn=SamplingDesign.BY_LABEL)
    )
    p = (0.9 - 0.6) / (0.9 - 0.2)
    assert result.phi.value == pytest.approx(0.9) and result.psi.value == pytest.approx(0.2)
    assert result.p.value == pytest.approx(p)
    assert result.precision.value == pytest.approx(0.9 * (1 - p) / 0.6)
    assert result.uplift.value == pytest.approx(0.9 * (1 - p) / 0.6 - (1 - p))


def test_with_labels_by_label_the_sign_of_the_uplift_is_that_of_phi_against_psi() -> None:
    # P above phi: p is put at 0, yet right rows are surely kept more often than wrong ones.
    result = estimate_card(
        VerdictCounts(9_200, 800), cells(180, 100, 20, 100), MeasureOptions(labels_drawn=SamplingDesign.BY_LABEL)
    )
    assert result.p.value == 0.0 and result.decision == "helps"
    assert result.uplift.low is not None and 0 < result.uplift.low < 1e-6
    same = estimate_card(
        VerdictCounts(5_000, 5_000), cells(50, 50, 50, 50), MeasureOptions(labels_drawn=SamplingDesign.BY_LABEL)
    )
    assert same.decision == "undecided" and same.p.value is None


def test_all_rows_labeled_gives_the_rates_of_the_table() -> None:
    rows = drawn(Judge(), 400)
    right, kept = rows.right > 0.5, rows.kept
    result = estimate_card(VerdictCounts(int(kept.sum()), int((~kept).sum())), rows)
    assert result.phi.value == pytest.approx(kept[right].mean()) and result.psi.value == pytest.approx(
        kept[~right].mean()
    )
    assert result.p.value == pytest.approx((~right).mean())


def test_p_star_w_is_given_when_w_is_known() -> None:
    rows = cells(30, 10, 5, 15)
    assert estimate_card(VerdictCounts(600, 400), rows).p_star_w is None
    result = estimate_card(VerdictCounts(600, 400), rows, MeasureOptions(w=0.4))
    phi, psi = result.phi.value, result.psi.value
    assert result.p_star_w is not None and phi is not None and psi is not None
    assert result.p_star_w.value == pytest.approx(phi / (phi + 0.4 * psi))
    candidates = estimate_card(VerdictCounts(600, 400), rows, MeasureOptions(w=1.0))
    assert candidates.p_star_w == candidates.p_star


@pytest.mark.parametrize(
    ("rows", "classes", "decision"),
    [
        (cells(80, 20, 20, 80), None, "helps"),
        (cells(20, 80, 80, 20), None, "harms"),
        (cells(50, 50, 48, 52), None, "undecided"),
        (cells(80, 20, 20, 80), 2, "helps"),
        (cells(20, 80, 2, 98), None, "helps"),
        (cells(20, 80, 2, 98), 2, "harms"),
        (cells(52, 48, 20, 80), 2, "undecided"),
    ],
)
def test_the_decision_follows_the_intervals(rows: LabeledRows, classes: int | None, decision: str) -> None:
    assert estimate_card(VerdictCounts(5_000, 5_000), rows, MeasureOptions(classes=classes)).decision == decision


def test_a_verifier_that_makes_data_much_cleaner_helps_even_with_a_negative_margin() -> None:
    result = estimate_card(
        VerdictCounts(1_340, 8_660), cells(43, 107, 1, 149), MeasureOptions(labels_drawn=SamplingDesign.BY_VERDICT)
    )
    assert result.margin.high is not None and result.margin.high < 0
    assert result.decision == "helps"


def test_an_undecided_card_states_the_labels_per_side_that_would_settle_it() -> None:
    result = estimate_card(VerdictCounts(5_000, 5_000), cells(30, 20, 10, 10))
    assert result.decision == "undecided" and result.more_labels is not None
    for more, side in zip(result.more_labels, ("kept", "dropped"), strict=True):
        assert f"{more:,} more labels of {side} rows" in result.why


def test_the_stated_labels_settle_the_decision_in_about_80_percent() -> None:
    rng = np.random.default_rng(5)
    result = estimate_card(VerdictCounts(5_000, 5_000), cells(30, 20, 10, 10))
    assert result.more_labels is not None
    more_kept, more_dropped = result.more_labels
    settled = 0
    tables = 200
    for seed in range(tables):
        kept, dropped = rng.binomial(50 + more_kept, 0.6), rng.binomial(20 + more_dropped, 0.5)
        rows = cells(kept, 50 + more_kept - kept, dropped, 20 + more_dropped - dropped)
        settled += estimate_card(VerdictCounts(50_000, 50_000), rows, MeasureOptions(seed=seed)).decision == "helps"
    assert abs(settled / tables - 0.8) < 4 * np.sqrt(0.16 / tables)


def test_no_number_of_labels_is_stated_where_ten_thousand_do_not_suffice() -> None:
    result = estimate_card(VerdictCounts(5_000, 5_000), cells(500, 500, 499, 501))
    assert result.more_labels is None and "10,000" in result.why


def test_the_reason_says_when_the_table_has_fewer_rows_than_are_needed() -> None:
    assert "fewer rows" in estimate_card(VerdictCounts(60, 40), cells(32, 28, 20, 20)).why


def test_labels_that_do_not_look_drawn_at_random_give_a_warning() -> None:
    odd = estimate_card(VerdictCounts(2_000, 8_000), cells(40, 10, 10, 40))
    assert [warning.code for warning in odd.warnings] == ["keep-rate-differs"]
    assert estimate_card(VerdictCounts(5_000, 5_000), cells(40, 10, 10, 40)).warnings == ()
    assert (
        estimate_card(
            VerdictCounts(2_000, 8_000), cells(40, 10, 10, 40), MeasureOptions(labels_drawn=SamplingDesign.BY_VERDICT)
        ).warnings
        == ()
    )


def test_labels_by_label_that_contradict_the_keep_rate_give_a_warning() -> None:
    odd = estimate_card(
        VerdictCounts(9_500, 500), cells(40, 10, 10, 40), MeasureOptions(labels_drawn=SamplingDesign.BY_LABEL)
    )
    assert [warning.code for warning in odd.warnings] == ["keep-rate-outside"]
    assert odd.p.value == 0.0


def test_rows_of_one_prompt_that_agree_on_everything_count_once() -> None:
    judge = Judge()
    alone = estimate_card(counts(judge), drawn(judge, 100, seed=3))
    copied = estimate_card(counts(judge), drawn(judge, 800, seed=3, each=8))
    assert copied.design_effect is not None and copied.design_effect == pytest.approx(8, rel=0.1)
    for name in ("phi", "psi", "precision", "uplift", "p"):
        one, eight = getattr(alone, name), getattr(copied, name)
        assert eight.value == pytest.approx(one.value)
        assert eight.high - eight.low == pytest.approx(one.high - one.low, rel=0.15)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(SamplingDesign)))
def test_neither_the_order_of_rows_nor_the_codes_of_prompts_matter(seed: int, how: SamplingDesign) -> None:
    rng = np.random.default_rng(seed)
    rows = drawn(Judge(), 60, seed)
    rows = LabeledRows(rows.kept, rows.right, rng.integers(0, 25, 60))
    order, codes = rng.permutation(60), rng.permutation(1_000)[:25] - 500
    other = LabeledRows(rows.kept, rows.right, codes[rows.prompt]).take(order)
    one, two = (estimate_card(counts(Judge()), some, MeasureOptions(labels_drawn=how)) for some in (rows, other))
    assert numbers(one) == pytest.approx(numbers(two), abs=1e-7)
    assert (one.decision, one.prompts) == (two.decision, two.prompts)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
def test_equal_weights_give_the_card_without_weights(seed: int, weight: float) -> None:
    rows = drawn(Judge(), 60, seed)
    rows = LabeledRows(rows.kept, rows.right, np.random.default_rng(seed).integers(0, 25, 60))
    weighted = LabeledRows(rows.kept, rows.right, rows.prompt, np.full(60, weight))
    result, same = estimate_card(counts(Judge()), rows), estimate_card(counts(Judge()), weighted)
    assert numbers(result) == pytest.approx(numbers(same), abs=1e-7)


def test_weights_correct_for_unequal_chances_of_being_drawn() -> None:
    rng = np.random.default_rng(1)
    n = 40_000
    hard = rng.random(n) < 0.5
    right = rng.random(n) < np.where(hard, 0.3, 0.9)
    kept = rng.random(n) < np.where(right, 0.8, 0.3)
    chance: Floats = np.where(hard, 0.2, 0.05).astype(np.float64)
    took = rng.random(n) < chance
    rows = LabeledRows(kept[took], right[took].astype(np.float64), np.flatnonzero(took), 1 / chance[took])
    result = estimate_card(VerdictCounts(int(kept.sum()), int((~kept).sum())), rows)
    value, low, high = result.precision.value, result.precision.low, result.precision.high
    assert value is not None and low is not None and high is not None
    assert abs(value - right[kept].mean()) < 4 * (high - low) / 3.92
    assert result.design_effect is not None and result.design_effect > 1.1


@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.integers(1, 6), st.sampled_from(list(SamplingDesign)))
def test_whatever_the_labels_every_number_is_finite_and_inside_its_interval(
    seed: int, labels: int, prompts: int, how: SamplingDesign
) -> None:
    rng = np.random.default_rng(seed)
    right = (rng.random(labels) < rng.random()).astype(np.float64)
    rows = LabeledRows(rng.random(labels) < rng.random(), right, rng.integers(0, prompts, labels))
    kept, dropped = (int(number) * 500 for number in rng.integers(0, 2, 2))
    table = VerdictCounts(kept, dropped, abstain=7, error=int(rng.integers(0, 3)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = estimate_card(table, rows, MeasureOptions(labels_drawn=how, w=0.5, classes=2))
        json.dumps(result.to_dict(), allow_nan=False)
        assert result.summary() and result.why
    for name in RATES:
        figure: IntervalEstimate = getattr(result, name)
        if figure.low is not None and figure.high is not None and figure.value is not None:
            assert figure.low <= figure.value <= figure.high


@pytest.mark.parametrize(
    ("table", "rows", "reason"),
    [
        (VerdictCounts(0, 0, 5, 5), cells(0, 0, 0, 0), "no row has a verdict"),
        (VerdictCounts(9, 0), cells(2, 1, 0, 0), "every decided row is kept"),
        (VerdictCounts(0, 9), cells(0, 0, 2, 1), "every decided row is dropped"),
        (VerdictCounts(5, 5), cells(0, 0, 0, 0), "no decided row has a label"),
        (VerdictCounts(5, 5), cells(3, 1, 0, 0), "no dropped row has a label"),
        (VerdictCounts(5, 5), cells(0, 0, 3, 1), "no kept row has a label"),
    ],
)
def test_an_undecidable_card_states_the_reason(table: VerdictCounts, rows: LabeledRows, reason: str) -> None:
    result = estimate_card(table, rows)
    assert result.decision == "undecided" and reason in result.why


def test_labels_of_a_single_prompt_are_undecided() -> None:
    rows = cells(40, 0, 0, 40)
    result = estimate_card(VerdictCounts(500, 500), LabeledRows(rows.kept, rows.right, np.zeros(80, dtype=np.int64)))
    assert result.decision == "undecided" and "one prompt" in result.why


def test_kept_labels_alone_give_the_precision() -> None:
    result = estimate_card(VerdictCounts(500, 500), cells(30, 10, 0, 0))
    assert result.precision.value == 0.75 and result.precision.low is not None and result.phi.value is None


def test_a_table_that_is_all_kept_has_exact_rates_and_no_uplift() -> None:
    result = estimate_card(VerdictCounts(900, 0), cells(30, 10, 0, 0))
    assert (result.phi, result.psi, result.uplift) == (
        IntervalEstimate(1, 1, 1),
        IntervalEstimate(1, 1, 1),
        IntervalEstimate(0, 0, 0),
    )
    assert result.p.value == 0.25 and result.margin.value == 0.25


def test_per_10000_rows_add_up_and_count_the_undecided() -> None:
    rows = estimate_card(VerdictCounts(600, 390, 7, 3), cells(30, 10, 5, 15)).per_10000()
    assert rows is not None and sum(rows.values()) == 10_000
    assert rows["undecided"] == 100 and rows["kept_right"] == 4_500


def test_the_same_seed_gives_the_same_card_and_another_one_nearly_the_same() -> None:
    rows = drawn(Judge(), 100)
    one, same, other = (estimate_card(counts(Judge()), rows, MeasureOptions(seed=seed)) for seed in (1, 1, 2))
    assert one.to_dict() == same.to_dict() and one.to_dict() != other.to_dict()
    assert numbers(one) == pytest.approx(numbers(other), abs=0.02)


def test_weights_that_are_not_above_0_are_refused() -> None:
    with pytest.raises(UsageError, match="^weight: row 1 is 0.0"):
        LabeledRows(np.ones(2, bool), np.ones(2), np.arange(2), np.array([1.0, 0.0]))


def test_grades_cannot_have_been_drawn_by_label() -> None:
    rows = LabeledRows(np.array([True, False]), np.array([0.5, 1.0]), np.arange(2))
    with pytest.raises(UsageError, match="by-label"):
        estimate_card(VerdictCounts(5, 5), rows, MeasureOptions(labels_drawn=SamplingDesign.BY_LABEL))


def test_a_holdout_depends_only_on_the_row_id_share_and_seed() -> None:
    ids = [f"row-{number}" for number in range(20_000)]
    back = [is_held_out(one) for one in ids]
    assert back == [is_held_out(one) for one in ids]
    assert abs(np.mean(back) - 0.5) < 4 * 0.5 / np.sqrt(len(ids))
    less = [is_held_out(one, 0.2) for one in ids]
    assert all(half for half, fifth in zip(back, less, strict=True) if fifth) and not any(
        is_held_out(i, 0) for i in ids[:50]
    )
    assert [is_held_out(one, seed=1) for one in ids[:100]] != back[:100]
