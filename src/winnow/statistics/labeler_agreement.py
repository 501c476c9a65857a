"""Rows labeled by several people: how far they agree, and what their errors do to a card.

Agreement is the share of pairs of labels of a row that are the same; kappa is Cohen's, pooled over pairs of labelers
with each pair's own chance agreement. If two labelers err independently of each other and of the verdict, each on a
share e of rows whatever the truth, they disagree on 2 e (1 - e): e follows from the disagreement, and phi, psi, p and
precision can be freed of it.
Promises: intervals by prompt; None with a reason where labelers disagree as if by coin. What it corrects for is only
that model of error: labelers who share a mistake hide it from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from scipy.special import comb, stdtrit

from winnow.statistics.card import estimate_sides
from winnow.statistics.card_inputs import (
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
from winnow.statistics.rate_formulas import compute_rates

MOST_DISAGREEMENT = 0.48  # above this the error rate is so near 1/2 that no correction means anything
CORRECTED_RATES = "phi psi p precision uplift".split()


@dataclass(frozen=True, eq=False)
class MultipleLabels:
    """One entry per label: which row it is for, who gave it, what it says, and the row's prompt."""

    row: Integers
    labeler: Integers
    right: Booleans
    prompt: Integers


@dataclass(frozen=True)
class LabelerAgreement:
    """How labelers agree, over the rows that have two labels or more; `error` is one labeler's error rate."""

    rows: int
    labelers: int
    agreement: IntervalEstimate
    kappa: IntervalEstimate
    error: IntervalEstimate
    why: str = ""
    share: ShareEstimate | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        figures = {name: getattr(self, name).to_dict() for name in ("agreement", "kappa", "error")}
        return {"rows": self.rows, "labelers": self.labelers, **figures, "why": self.why}

    def summary(self) -> str:
        """In one line."""
        if self.agreement.value is None:
            return self.why
        kappa = "" if self.kappa.value is None else f", kappa {self.kappa.value:.2f}"
        error = (
            self.why if self.error.value is None else f"as if each erred on {format_percent(self.error.value)} of rows"
        )
        return f"labelers agree on {format_percent(self.agreement.value)} of {self.rows:,} rows{kappa}; {error}"


@dataclass(frozen=True)
class CorrectedRates:
    """A card's rates freed of symmetric label noise."""

    error: float
    phi: IntervalEstimate
    psi: IntervalEstimate
    p: IntervalEstimate
    precision: IntervalEstimate
    uplift: IntervalEstimate

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"error": self.error, **{name: getattr(self, name).to_dict() for name in CORRECTED_RATES}}


def measure_agreement(labels: MultipleLabels, options: MeasureOptions | None = None) -> LabelerAgreement:
    """Agreement, kappa and the error rate that explains the disagreement."""
    options = options or MeasureOptions()
    labelers = len(np.unique(labels.labeler))
    row, rows = encode_prompts(labels.row)
    label_counts = np.bincount(row, minlength=rows)
    right_counts = np.bincount(row, labels.right, minlength=rows)
    has_two_labels = label_counts >= 2
    if not has_two_labels.any():
        return LabelerAgreement(
            0, labelers, IntervalEstimate(), IntervalEstimate(), IntervalEstimate(), "no row has labels by two people"
        )
    pairs = label_counts * (label_counts - 1.0)
    disagreeing_pairs = 2 * right_counts * (label_counts - right_counts)
    prompt_of = np.zeros(rows, dtype=np.int64)
    prompt_of[row] = labels.prompt
    codes, prompts = encode_prompts(prompt_of[has_two_labels])
    (share,) = estimate_shares(
        [ShareRows(1 - (disagreeing_pairs / np.maximum(pairs, 1))[has_two_labels], codes, None, prompts)]
    )
    draws = draw_joint([share], options.level, options.seed)[0]
    estimate = interval_from_draws(share.value, draws, options.level)
    kappa = _cohen_kappa(labels, options)
    if 1 - share.value > MOST_DISAGREEMENT:
        why = "they disagree as if by coin, so the labels say nothing of the truth"
        return LabelerAgreement(int(has_two_labels.sum()), labelers, estimate, kappa, IntervalEstimate(), why, share)
    error = interval_from_draws(float(_error_rate(np.array(1 - share.value))), _error_rate(1 - draws), options.level)
    return LabelerAgreement(int(has_two_labels.sum()), labelers, estimate, kappa, error, share=share)


def _error_rate(disagreement: Floats) -> Floats:
    """One labeler's error rate from the disagreement of two."""
    rate: Floats = (1 - np.sqrt(np.clip(1 - 2 * disagreement, 0.0, 1.0))) / 2
    return rate


def _cohen_kappa(labels: MultipleLabels, options: MeasureOptions) -> IntervalEstimate:
    """Cohen's kappa over all pairs of labelers, with a jackknife over prompts."""
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
    """kappa from tables (pairs of labelers, cases, 4 cells); NaN where chance alone agrees on everything."""
    n = cells.sum(axis=2)
    observed = cells[..., 0] + cells[..., 3]
    first_right, second_right = cells[..., 2] + cells[..., 3], cells[..., 1] + cells[..., 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = np.where(n > 0, (first_right * second_right + (n - first_right) * (n - second_right)) / n, 0.0)
        kappa: Floats = (observed - chance).sum(axis=0) / (n - chance).sum(axis=0)
    return kappa


def majority_error(error: Floats, labelers: int, ties_left_out: bool = False) -> Floats:
    """The error rate of a majority of independent labelers; a tie is decided by coin, or such rows are left out."""
    error_rate = np.zeros_like(np.asarray(error, dtype=np.float64))
    tied = error_rate
    for wrong in range((labelers + 1) // 2, labelers + 1):
        part = comb(labelers, wrong) * error**wrong * (1 - error) ** (labelers - wrong)
        if 2 * wrong == labelers:
            tied = part
        else:
            error_rate = error_rate + part
    return error_rate / (1 - tied) if ties_left_out else error_rate + tied / 2


def mean_majority_error(error: Floats, labelers: Integers) -> Floats:
    """The error rate of majorities without ties, for rows that had these numbers of labels: their mean."""
    numbers, rows = np.unique(labelers, return_counts=True)
    parts = [majority_error(error, int(number), True) * count for number, count in zip(numbers, rows, strict=True)]
    error_rate: Floats = np.sum(parts, axis=0) / max(int(rows.sum()), 1)
    return error_rate


def correct_rates(
    counts: VerdictCounts,
    labeled: LabeledRows,
    labeler_agreement: LabelerAgreement,
    labelers: int | Integers = 1,
    options: MeasureOptions | None = None,
) -> CorrectedRates | None:
    """The card's rates without label noise, where each label is the majority of `labelers` labels; None if unknown.

    One number for all rows, and ties were decided by coin; or each row's own number, and ties were left out.
    The two sides are corrected by themselves, so labels drawn by label are not.
    """
    options = options or MeasureOptions()
    sides = (
        estimate_sides(counts, labeled, options.labels_drawn)
        if options.labels_drawn is not SamplingDesign.BY_LABEL
        else None
    )
    draws = None if sides is None else sides.draw_joint_shares(options)
    if sides is None or draws is None or labeler_agreement.share is None or labeler_agreement.error.value is None:
        return None
    # Another seed: how often labelers differ is taken to know nothing of how often the verifier is right.
    errors, (error,) = (
        majority_error(error_draws, labelers)
        if isinstance(labelers, int)
        else mean_majority_error(error_draws, labelers)
        for error_draws in (
            _error_rate(1 - draw_joint([labeler_agreement.share], options.level, options.seed + 1)[0]),
            np.array([labeler_agreement.error.value], np.float64),
        )
    )
    values = compute_rates(_remove_label_noise(sides.to_array(), np.array([error])), False, from_draws=False)
    rate_draws = compute_rates(_remove_label_noise(draws, errors), False)
    figures = {
        m: interval_from_draws(float(getattr(values, m)[0]), getattr(rate_draws, m), options.level)
        for m in CORRECTED_RATES
    }
    return CorrectedRates(float(error), **figures)


def _remove_label_noise(share_draws: Floats, error: Floats) -> Floats:
    """Shares right as they would be without noise; the keep rate stays."""
    clean = 1 - 2 * np.minimum(error, 0.49)
    return np.stack([np.clip((row - error) / clean, 0.0, 1.0) for row in share_draws[:2]] + [share_draws[2]])
