"""Rows labeled by several people: their agreement, and the effect of label errors on a card.

Agreement is the share of equal pairs of labels of a row; kappa is Cohen's, pooled over pairs of labelers. If labelers
err independently of one another, of the truth and of the verifier, each on a share e of rows, then two of them disagree
on 2 e (1 - e) of rows. This determines e, and phi, psi, p and precision can be corrected for it. Mistakes that labelers
share cannot be detected. Intervals are by prompt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from scipy.special import comb, stdtrit

from winnow.statistics.card import estimate_sides
from winnow.statistics.card_inputs import (
    DEFAULT_OPTIONS,
    Booleans,
    Floats,
    Integers,
    LabeledRows,
    MeasureOptions,
    SamplingDesign,
    VerdictCounts,
)
from winnow.statistics.card_report import format_percent
from winnow.statistics.intervals import (
    IntervalEstimate,
    ShareEstimate,
    ShareRows,
    draw_joint,
    encode_prompts,
    estimate_shares,
    interval_from_draws,
)
from winnow.statistics.rate_formulas import compute_rates, rate_intervals
from winnow.storage.canonical_json import to_plain

MOST_DISAGREEMENT = 0.48  # above this the error rate is too near 1/2 for any correction
CORRECTED_RATES = "phi psi p precision uplift".split()


@dataclass(frozen=True, eq=False)
class MultipleLabels:
    """One entry per label: the row it is for, who gave it, whether it says right, and the row's prompt."""

    row: Integers
    labeler: Integers
    right: Booleans
    prompt: Integers


@dataclass(frozen=True)
class LabelerAgreement:
    """Agreement over the rows with two labels or more; `error` is the error rate of one labeler."""

    rows: int
    labelers: int
    agreement: IntervalEstimate
    kappa: IntervalEstimate
    error: IntervalEstimate
    why: str = ""
    share: ShareEstimate | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document."""
        return {name: value for name, value in to_plain(replace(self, share=None)).items() if name != "share"}

    def summary(self) -> str:
        """Return the agreement in one line."""
        if self.agreement.value is None:
            return self.why
        line = f"labelers agree on {format_percent(self.agreement.value)} of {self.rows:,} rows"
        line += "" if self.kappa.value is None else f" (kappa {self.kappa.value:.2f})"
        if self.error.value is None:
            return f"{line}; {self.why}"
        return f"{line}, which corresponds to an error rate of {format_percent(self.error.value)} per labeler"


@dataclass(frozen=True)
class CorrectedRates:
    """The rates of a card corrected for symmetric label noise."""

    error: float
    phi: IntervalEstimate
    psi: IntervalEstimate
    p: IntervalEstimate
    precision: IntervalEstimate
    uplift: IntervalEstimate

    def to_dict(self) -> dict[str, Any]:
        return dict(to_plain(self))


def measure_agreement(labels: MultipleLabels, options: MeasureOptions = DEFAULT_OPTIONS) -> LabelerAgreement:
    """Measure agreement, kappa and the error rate that explains the disagreement."""
    labelers = len(np.unique(labels.labeler))
    row, rows = encode_prompts(labels.row)
    label_counts = np.bincount(row, minlength=rows)
    right_counts = np.bincount(row, labels.right, minlength=rows)
    has_two_labels = label_counts >= 2
    unknown = IntervalEstimate()
    if not has_two_labels.any():
        return LabelerAgreement(0, labelers, unknown, unknown, unknown, "no row has labels by two people")
    pairs = label_counts * (label_counts - 1.0)
    disagreeing_pairs = 2 * right_counts * (label_counts - right_counts)
    prompt_of = np.zeros(rows, dtype=np.int64)
    prompt_of[row] = labels.prompt
    codes, prompts = encode_prompts(prompt_of[has_two_labels])
    agreeing = 1 - (disagreeing_pairs / np.maximum(pairs, 1))[has_two_labels]
    (share,) = estimate_shares([ShareRows(agreeing, codes, None, prompts)])
    draws = draw_joint([share], options.level, options.seed)[0]
    estimate = interval_from_draws(share.value, draws, options.level)
    kappa = _cohen_kappa(labels, options)
    if 1 - share.value > MOST_DISAGREEMENT:
        why = "they disagree as often as coin flips would, so the labels do not show the truth"
        return LabelerAgreement(int(has_two_labels.sum()), labelers, estimate, kappa, unknown, why, share)
    error = interval_from_draws(float(_error_rate(np.array(1 - share.value))), _error_rate(1 - draws), options.level)
    return LabelerAgreement(int(has_two_labels.sum()), labelers, estimate, kappa, error, share=share)


def _error_rate(disagreement: Floats) -> Floats:
    """Return one labeler's error rate from the disagreement of two."""
    rate: Floats = (1 - np.sqrt(np.clip(1 - 2 * disagreement, 0.0, 1.0))) / 2
    return rate


def _cohen_kappa(labels: MultipleLabels, options: MeasureOptions) -> IntervalEstimate:
    """Return Cohen's kappa over all pairs of labelers, with a jackknife over prompts."""
    codes, prompts = encode_prompts(labels.prompt)
    by_prompt = []
    for first_labeler, second_labeler in combinations(np.unique(labels.labeler), 2):
        first, second = labels.labeler == first_labeler, labels.labeler == second_labeler
        _, first_rows, second_rows = np.intersect1d(labels.row[first], labels.row[second], return_indices=True)
        if len(first_rows):
            cell = 2 * labels.right[first][first_rows].astype(np.int64) + labels.right[second][second_rows]
            prompt_of_row = codes[first][first_rows]
            by_prompt.append(
                np.bincount(4 * prompt_of_row + cell, minlength=4 * prompts).reshape(prompts, 4).astype(np.float64)
            )
    if not by_prompt:
        return IntervalEstimate()
    cells = np.stack(by_prompt)
    whole = cells.sum(axis=1)
    value = float(_kappa_from_cells(whole[:, None, :])[0])
    if not np.isfinite(value):
        return IntervalEstimate()
    seen = cells.sum(axis=(0, 2)) > 0
    without = _kappa_from_cells(whole[:, None, :] - cells[:, seen])
    if seen.sum() < 2 or not np.isfinite(without).all():
        return IntervalEstimate(value)
    degrees = float(seen.sum() - 1)
    sd = np.sqrt(((without - without.mean()) ** 2).sum() * degrees / (degrees + 1))
    half = float(stdtrit(degrees, (1 + options.level) / 2) * sd)
    return IntervalEstimate(value, max(value - half, -1.0), min(value + half, 1.0))


def _kappa_from_cells(cells: Floats) -> Floats:
    """Return kappa from tables of shape (pairs of labelers, cases, 4 cells); NaN where chance agrees on all."""
    n = cells.sum(axis=2)
    observed = cells[..., 0] + cells[..., 3]
    first_right, second_right = cells[..., 2] + cells[..., 3], cells[..., 1] + cells[..., 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = np.where(n > 0, (first_right * second_right + (n - first_right) * (n - second_right)) / n, 0.0)
        kappa: Floats = (observed - chance).sum(axis=0) / (n - chance).sum(axis=0)
    return kappa


def _majority_error(error: Floats, labelers: int) -> Floats:
    """Return the error rate of a majority of independent labelers over the rows that do not tie."""
    error_rate, tied = np.zeros_like(np.asarray(error, dtype=np.float64)), 0.0
    for wrong in range((labelers + 1) // 2, labelers + 1):
        part = comb(labelers, wrong) * error**wrong * (1 - error) ** (labelers - wrong)
        if 2 * wrong == labelers:
            tied = part
        else:
            error_rate = error_rate + part
    return error_rate / (1 - tied)


def mean_majority_error(error: Floats, labelers: Integers) -> Floats:
    """Return the mean error rate of majorities without ties, for rows with these numbers of labels."""
    numbers, rows = np.unique(labelers, return_counts=True)
    parts = [_majority_error(error, int(number)) * count for number, count in zip(numbers, rows, strict=True)]
    error_rate: Floats = np.sum(parts, axis=0) / max(int(rows.sum()), 1)
    return error_rate


def correct_rates(
    counts: VerdictCounts,
    labeled: LabeledRows,
    labeler_agreement: LabelerAgreement,
    labelers: Integers,
    options: MeasureOptions = DEFAULT_OPTIONS,
) -> CorrectedRates | None:
    """Return the card's rates without label noise; None if the error rate is unknown or labels were drawn by label.

    Args:
        counts: Verdict counts of the table.
        labeled: Rows whose label is the majority of several labels; rows that tie are left out.
        labeler_agreement: Agreement of the labelers.
        labelers: The number of labels of each row.
        options: How the labels were drawn, and the level.
    """
    if options.labels_drawn is SamplingDesign.BY_LABEL:
        return None
    sides = estimate_sides(counts, labeled, options.labels_drawn)
    draws = sides.draw_joint_shares(options)
    if draws is None or labeler_agreement.share is None or labeler_agreement.error.value is None:
        return None
    # Another seed: the disagreement of labelers is taken to be independent of the verifier's errors.
    disagreement = 1 - draw_joint([labeler_agreement.share], options.level, options.seed + 1)[0]
    errors = mean_majority_error(_error_rate(disagreement), labelers)
    (error,) = mean_majority_error(np.array([labeler_agreement.error.value], np.float64), labelers)
    values = compute_rates(_remove_label_noise(sides.to_array(), np.array([error])), False, from_draws=False)
    rate_draws = compute_rates(_remove_label_noise(draws, errors), False)
    return CorrectedRates(float(error), **rate_intervals(values, rate_draws, CORRECTED_RATES, options.level))


def _remove_label_noise(shares: Floats, error: Floats) -> Floats:
    """Return the two shares right without label noise, and the keep rate as it is."""
    clean = 1 - 2 * np.minimum(error, 0.49)
    return np.stack([np.clip((row - error) / clean, 0.0, 1.0) for row in shares[:2]] + [shares[2]])
