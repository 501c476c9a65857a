"""The card of a verifier, from the keep rate of a whole table and a small sample of labels.

Three shares determine every rate: keep rate P, a (right among kept) and b (right among dropped), or phi, psi and P
where labels were drawn by label. The card does not depend on the order of rows or the names of prompts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from winnow.errors import UsageError
from winnow.statistics.card_inputs import (
    DEFAULT_OPTIONS,
    Floats,
    LabeledRows,
    MeasureOptions,
    SamplingDesign,
    VerdictCounts,
)
from winnow.statistics.card_report import HARMS, HELPS, UNDECIDED, Card, CardWarning, explain_decision
from winnow.statistics.intervals import (
    IntervalEstimate,
    ShareEstimate,
    ShareRows,
    draw_joint,
    encode_prompts,
    estimate_interval,
    estimate_keep_rate,
    estimate_shares,
    interval_from_draws,
    two_sided_p_value,
)
from winnow.statistics.prompts.prompt_coverage import estimate_prompt_coverage
from winnow.statistics.rate_formulas import RATE_NAMES, compute_rates, count_more_labels, rate_intervals

COUNT_FIELDS = ("n", "kept", "dropped", "decided", "abstain", "error")
SUSPICIOUS_ERRORS = 3.0  # standard errors from which the labels do not look drawn at random


@dataclass(frozen=True, eq=False)
class SideEstimates:
    """Estimates of the two labeled sides (kept and dropped, or right and wrong) and the keep rate; None if unknown."""

    first: ShareEstimate | None
    second: ShareEstimate | None
    keep_rate: ShareEstimate | None
    is_by_label: bool

    def draw_joint_shares(self, options: MeasureOptions) -> Floats | None:
        """Joint draws of the three shares; None if one is unknown."""
        if self.first is None or self.second is None or self.keep_rate is None:
            return None
        return draw_joint([self.first, self.second, self.keep_rate], options.level, options.seed)

    def to_array(self) -> Floats:
        """The three estimates as a column; NaN where unknown."""
        shares = (self.first, self.second, self.keep_rate)
        return np.array([[np.nan if share is None else share.value] for share in shares])


def estimate_sides(counts: VerdictCounts, labeled: LabeledRows, design: SamplingDesign) -> SideEstimates:
    """Estimate both labeled sides and the keep rate, with the correlation that shared prompts cause."""
    codes, prompts = encode_prompts(labeled.prompt)
    by_label = design is SamplingDesign.BY_LABEL
    if by_label and not np.isin(labeled.right, (0.0, 1.0)).all():
        problem = "is by-label, but some labels are grades, which are neither right nor wrong"
        raise UsageError(
            "labels_drawn", problem, "Set the grade from which an answer is right, or draw labels at random"
        )
    in_first = labeled.right > 0.5 if by_label else labeled.kept
    outcome = labeled.kept.astype(np.float64) if by_label else labeled.right
    rows = ShareRows(outcome, codes, labeled.weight, prompts)
    sides = [rows.select(side) if side.any() else None for side in (in_first, ~in_first)]
    estimates = iter(estimate_shares([side for side in sides if side is not None]))
    first, second = (None if side is None else next(estimates) for side in sides)
    keep_rate = estimate_keep_rate(counts, labeled, codes, prompts) if counts.decided else None
    return SideEstimates(first, second, keep_rate, by_label)


def estimate_card(counts: VerdictCounts, labeled: LabeledRows, options: MeasureOptions = DEFAULT_OPTIONS) -> Card:
    """Estimate the card of one verifier on one table."""
    sides = estimate_sides(counts, labeled, options.labels_drawn)
    rates, uplift_p = _estimate_rates(sides, options)
    if counts.decided and not (counts.kept and counts.dropped):
        rates |= _one_sided_rates(counts, sides, options)
    decision = _decide(rates, options)
    more_labels = None
    if decision == UNDECIDED and sides.first is not None and sides.second is not None:
        more_labels = count_more_labels(sides.first, sides.second, options.level)
    count_values: dict[str, Any] = {name: getattr(counts, name) for name in COUNT_FIELDS}
    rate_values: dict[str, Any] = {**rates, "p_star_w": None if options.w is None else rates["p_star_w"]}
    return Card(
        **count_values,
        **rate_values,
        labeled=len(labeled),
        prompts=len(np.unique(labeled.prompt)),
        design_effect=_design_effect(sides),
        prompts_served=estimate_prompt_coverage(counts, labeled, options),
        decision=decision,
        why=explain_decision(counts, labeled, rates, decision, more_labels, options),
        uplift_p=uplift_p,
        more_labels=more_labels,
        tally=_tally_labels(labeled),
        options=options,
        warnings=tuple(_find_warnings(counts, labeled, sides, options)),
    )


def _estimate_rates(sides: SideEstimates, options: MeasureOptions) -> tuple[dict[str, IntervalEstimate], float | None]:
    draws = sides.draw_joint_shares(options)
    rates: dict[str, IntervalEstimate] = {name: IntervalEstimate() for name in RATE_NAMES}
    if draws is None and sides.first is not None and not sides.is_by_label:
        rates["precision"] = estimate_interval(sides.first, options.level, options.seed)
    uplift_p = None
    if draws is not None:
        values = compute_rates(sides.to_array(), sides.is_by_label, options.w, from_draws=False)
        rate_draws = compute_rates(draws, sides.is_by_label, options.w)
        rates = rate_intervals(values, rate_draws, RATE_NAMES, options.level)
        uplift_p = two_sided_p_value(rate_draws["uplift"])
    elif sides.keep_rate is not None:
        rates["keep_rate"] = estimate_interval(sides.keep_rate, options.level, options.seed)
    return rates, uplift_p


def _one_sided_rates(
    counts: VerdictCounts, sides: SideEstimates, options: MeasureOptions
) -> dict[str, IntervalEstimate]:
    """Return the rates of a table that is all kept or all dropped; nothing was chosen, so they are exact."""
    all_kept = counts.kept > 0
    exact = IntervalEstimate(float(all_kept), float(all_kept), float(all_kept))
    rates: dict[str, IntervalEstimate] = {"phi": exact, "psi": exact}
    side = None if sides.is_by_label else sides.first if all_kept else sides.second
    if side is not None:
        wrong = 1 - draw_joint([side], options.level, options.seed)[0]
        rates["p"] = interval_from_draws(1 - side.value, wrong, options.level)
        if all_kept:
            rates["margin"] = interval_from_draws(side.value - 0.5, 0.5 - wrong, options.level)
    if all_kept:
        rates |= {"p_star": IntervalEstimate(0.5, 0.5, 0.5), "uplift": IntervalEstimate(0.0, 0.0, 0.0)}
    return rates


def _decide(rates: dict[str, IntervalEstimate], options: MeasureOptions) -> str:
    uplift, precision = rates["uplift"], rates["precision"]
    if uplift.low is None or uplift.high is None:
        return UNDECIDED
    helps, harms = uplift.low > 0, uplift.high < 0
    if options.classes == 2 and precision.low is not None and precision.high is not None:
        helps, harms = helps and precision.low > 0.5, harms or precision.high < 0.5
    return HELPS if helps else HARMS if harms else UNDECIDED


def _design_effect(sides: SideEstimates) -> float | None:
    known = [share for share in (sides.first, sides.second) if share is not None]
    if not known:
        return None
    return round(float(sum(share.rows for share in known) / sum(share.effective for share in known)), 9)


def _tally_labels(labeled: LabeledRows) -> dict[str, float]:
    sides = {"kept": labeled.right[labeled.kept], "dropped": labeled.right[~labeled.kept]}
    parts = [(side, label, right) for side, right in sides.items() for label in ("right", "wrong")]
    return {f"{side}_{label}": float((right if label == "right" else 1 - right).sum()) for side, label, right in parts}


def _find_warnings(
    counts: VerdictCounts, labeled: LabeledRows, sides: SideEstimates, options: MeasureOptions
) -> list[CardWarning]:
    rate = counts.keep_rate
    if rate is None or not len(labeled):
        return []
    if sides.is_by_label:
        ends = [share.value for share in (sides.first, sides.second) if share is not None]
        if len(ends) == 2 and not min(ends) <= rate <= max(ends):
            message = (
                f"the verifier keeps {rate:.0%} of all rows, but {ends[0]:.0%} of the right and {ends[1]:.0%} of the"
                " wrong labeled rows, which is impossible for one table: the labels come from other data, or were not"
                " drawn by label"
            )
            return [CardWarning("keep-rate-outside", message)]
        return []
    if options.labels_drawn is SamplingDesign.RANDOM and len(labeled) < counts.decided:
        codes, prompts = encode_prompts(labeled.prompt)
        (labeled_share,) = estimate_shares([ShareRows(labeled.kept.astype(np.float64), codes, labeled.weight, prompts)])
        error = np.sqrt(max(rate * (1 - rate), 1e-12) / min(labeled_share.effective, len(labeled)))
        if abs(labeled_share.value - rate) > SUSPICIOUS_ERRORS * error:
            message = (
                f"the labels do not look drawn at random: the verifier keeps {labeled_share.value:.0%} of the labeled"
                f" rows (n = {len(labeled):,}) and {rate:.0%} of the table; state how the labels were drawn (by-verdict"
                " or by-label)"
            )
            return [CardWarning("keep-rate-differs", message)]
    return []
