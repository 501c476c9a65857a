"""Several labelers: agreement, kappa, and the effect of their errors on a card."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.simulated.verifier_labels import Judge
from winnow.statistics.card import estimate_card
from winnow.statistics.card_inputs import Floats, LabeledRows, MeasureOptions, SamplingDesign, VerdictCounts
from winnow.statistics.labeler_agreement import (
    LabelerAgreement,
    MultipleLabels,
    correct_rates,
    mean_majority_error,
    measure_agreement,
)

ONE_LABEL = np.ones(1, dtype=np.int64)


def labeled_by(truth: Floats, labelers: int, error: float, rng: np.random.Generator) -> MultipleLabels:
    """Every labeler labels every row and errs by chance."""
    n = len(truth)
    flip = rng.random((labelers, n)) < error
    result = np.where(flip, 1 - truth, truth) > 0.5
    row = np.tile(np.arange(n), labelers)
    return MultipleLabels(row, np.repeat(np.arange(labelers), n), result.ravel(), row)


def pairs(table: list[list[int]]) -> MultipleLabels:
    """Two labelers from a table of counts [[both no, no/yes], [yes/no, both yes]]."""
    cells = [(a, b) for a in (0, 1) for b in (0, 1) for _ in range(table[a][b])]
    result = np.array(cells, dtype=bool).T
    n = len(cells)
    return MultipleLabels(np.tile(np.arange(n), 2), np.repeat([0, 1], n), result.ravel(), np.tile(np.arange(n), 2))


def test_kappa_of_two_labelers_is_cohens() -> None:
    result = measure_agreement(pairs([[15, 10], [5, 20]]))
    assert result.agreement.value == pytest.approx(0.7) and result.kappa.value == pytest.approx(0.4)
    assert result.rows == 50 and result.labelers == 2


def test_the_interval_of_kappa_is_that_of_large_numbers() -> None:
    result = measure_agreement(pairs([[300, 200], [100, 400]])).kappa
    # Fleiss, Cohen and Everitt (1969), worked out for this table.
    p = np.array([[0.3, 0.2], [0.1, 0.4]])
    rows, columns, kappa, chance = p.sum(1), p.sum(0), 0.4, 0.5
    diagonal = sum(p[i, i] * (1 - (rows[i] + columns[i]) * (1 - kappa)) ** 2 for i in (0, 1))
    off = (1 - kappa) ** 2 * sum(p[i, 1 - i] * (columns[i] + rows[1 - i]) ** 2 for i in (0, 1))
    sd = np.sqrt((diagonal + off - (kappa - chance * (1 - kappa)) ** 2) / (1_000 * (1 - chance) ** 2))
    assert result.low is not None and result.high is not None
    assert (result.high - result.low) / (2 * 1.96) == pytest.approx(sd, rel=0.02)


@pytest.mark.parametrize("labelers", [2, 3, 5])
@pytest.mark.parametrize("error", [0.02, 0.1, 0.25])
def test_the_error_rate_follows_from_the_disagreement(labelers: int, error: float) -> None:
    rng = np.random.default_rng(int(100 * error) + labelers)
    truth = (rng.random(4_000) < 0.6).astype(np.float64)
    result = measure_agreement(labeled_by(truth, labelers, error, rng)).error
    assert result.value is not None and result.low is not None and result.high is not None
    assert abs(result.value - error) < 4 * (result.high - result.low) / 3.92


def test_noise_free_rates_are_recovered_from_noisy_labels() -> None:
    judge, error, tables, inside = Judge(), 0.1, 100, dict.fromkeys(("phi", "psi", "precision"), 0)
    a = judge.right * judge.phi / judge.keep
    wants = {"phi": judge.phi, "psi": judge.psi, "precision": a}
    biased = 0
    for seed in range(tables):
        rng = np.random.default_rng([9, seed])
        truth = (rng.random(500) < judge.right).astype(np.float64)
        kept = rng.random(500) < np.where(truth > 0.5, judge.phi, judge.psi)
        many = labeled_by(truth, 2, error, rng)
        rows = LabeledRows(kept, many.right[:500].astype(np.float64), np.arange(500))
        counts = VerdictCounts(round(10_000 * judge.keep), 10_000 - round(10_000 * judge.keep))
        result = correct_rates(counts, rows, measure_agreement(many), ONE_LABEL, MeasureOptions(seed=seed))
        assert result is not None
        for name, want in wants.items():
            figure = getattr(result, name)
            inside[name] += figure.low <= want <= figure.high
        naive = estimate_card(counts, rows, MeasureOptions(seed=seed)).psi
        biased += naive.low is not None and naive.low > judge.psi
    limit = 0.95 - 4 * np.sqrt(0.95 * 0.05 / tables)
    assert min(inside.values()) / tables > limit, inside
    assert biased / tables > 0.05 + 4 * np.sqrt(0.05 * 0.95 / tables)


def test_a_majority_of_three_errs_less_than_one_labeler() -> None:
    e = np.array([0.0, 0.1, 0.3])
    assert mean_majority_error(e, ONE_LABEL) == pytest.approx(e)
    assert mean_majority_error(e, np.array([3])) == pytest.approx(e**2 * (3 - 2 * e))


@pytest.mark.parametrize("labelers", [2, 3, 4])
def test_the_error_rate_of_a_majority_without_ties_agrees_with_a_simulation(labelers: int) -> None:
    rng, error = np.random.default_rng(labelers), 0.2
    wrong = (rng.random((labelers, 200_000)) < error).sum(axis=0)
    decided = 2 * wrong != labelers
    seen = float((2 * wrong > labelers)[decided].mean())
    result = float(mean_majority_error(np.array([error]), np.full(3, labelers))[0])
    assert abs(result - seen) < 4 * np.sqrt(seen / decided.sum())


def test_rows_with_different_numbers_of_labels_err_as_their_mean() -> None:
    e = np.array([0.1])
    each = [mean_majority_error(e, np.array([number]))[0] for number in (1, 2, 3)]
    assert mean_majority_error(e, np.array([1, 2, 3, 3]))[0] == pytest.approx((each[0] + each[1] + 2 * each[2]) / 4)


def test_labelers_that_always_agree_leave_the_card_as_it_is() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random(3_000) < 0.6).astype(np.float64)
    kept = rng.random(3_000) < np.where(truth > 0.5, 0.8, 0.3)
    rows, counts = LabeledRows(kept, truth, np.arange(3_000)), VerdictCounts(int(kept.sum()), int((~kept).sum()))
    result, alone = (
        correct_rates(counts, rows, measure_agreement(labeled_by(truth, 2, 0.0, rng)), ONE_LABEL),
        estimate_card(counts, rows),
    )
    assert result is not None and result.error == 0.0
    assert result.phi.value == pytest.approx(alone.phi.value) and result.psi.value == pytest.approx(alone.psi.value)
    json.dumps(result.to_dict(), allow_nan=False)


def test_random_labels_give_no_error_rate_and_no_correction() -> None:
    result = measure_agreement(pairs([[25, 25], [25, 25]]))
    assert result.error.value is None and "coin" in result.why and "coin" in result.summary()
    rows = LabeledRows(np.array([True, False]), np.array([1.0, 0.0]), np.arange(2))
    assert correct_rates(VerdictCounts(5, 5), rows, result, ONE_LABEL) is None


def test_rows_with_one_label_each_give_no_agreement() -> None:
    n = np.arange(5)
    result = measure_agreement(MultipleLabels(n, n, n > 2, n))
    assert result.rows == 0 and result.agreement.value is None and result.summary() == result.why


def test_labels_drawn_by_label_are_not_corrected() -> None:
    result: LabelerAgreement = measure_agreement(pairs([[15, 10], [5, 20]]))
    rows = LabeledRows(np.array([True, False] * 4), np.array([1.0, 0.0] * 4), np.arange(8))
    by_label = MeasureOptions(labels_drawn=SamplingDesign.BY_LABEL)
    assert correct_rates(VerdictCounts(5, 5), rows, result, ONE_LABEL, by_label) is None
    assert correct_rates(VerdictCounts(5, 5), rows, result, ONE_LABEL) is not None


def test_labels_of_one_prompt_make_agreement_less_certain() -> None:
    alone = measure_agreement(pairs([[40, 10], [10, 40]]))
    labels = pairs([[40, 10], [10, 40]])
    grouped = measure_agreement(MultipleLabels(labels.row, labels.labeler, labels.right, labels.row // 10))
    widths = [
        one.agreement.high - one.agreement.low for one in (alone, grouped) if one.agreement.high and one.agreement.low
    ]
    assert widths[1] > 1.2 * widths[0]
