"""The card: what a verifier is worth, from the keep rate of a whole table and a few labeled rows.

Everything comes from three shares: keep rate P over all decided rows, a = right among kept, b = right among dropped
(labels drawn at random or by verdict), or phi, psi and P (labels drawn by label). Intervals are those of intervals.py.
Promises: the same evidence gives the same card, whatever the order of the rows and the names of the prompts; no number
is NaN; a card that cannot say something says why.
It does not read tables, and it does not choose which rows to label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from winnow.errors import UsageError
from winnow.statistics.card_inputs import Floats, Integers, LabeledRows, MeasureOptions, SamplingDesign, VerdictCounts
from winnow.statistics.card_report import (
    HARMS,
    HELPS,
    RATE_NAMES,
    UNDECIDED,
    Card,
    CardWarning,
    DecisionContext,
    LabelTally,
    explain_decision,
)
from winnow.statistics.intervals import (
    IntervalEstimate,
    ShareEstimate,
    ShareRows,
    draw_joint,
    encode_prompts,
    estimate_keep_rate,
    estimate_shares,
    interval_from_draws,
    two_sided_p_value,
)
from winnow.statistics.prompts.prompt_coverage import estimate_prompt_coverage
from winnow.statistics.rate_formulas import OpenComparison, compute_rates, count_more_labels

__all__ = ["Card", "CardWarning", "LabelTally", "estimate_card", "estimate_sides"]

COUNT_FIELDS = ("n", "kept", "dropped", "decided", "abstain", "error")
SUSPICIOUS_ERRORS = 3.0  # standard errors at which labels do not look drawn as they are said to be


@dataclass(frozen=True, eq=False)
class SideEstimates:
    """The two labeled sides and the keep rate; a side without labels is None. `by_label` tells which two they are."""

    first: ShareEstimate | None
    second: ShareEstimate | None
    keep_rate: ShareEstimate | None
    is_by_label: bool

    def draw_joint_shares(self, options: MeasureOptions) -> Floats | None:
        """Joint draws of the three, where all are known."""
        if self.first is None or self.second is None or self.keep_rate is None:
            return None
        return draw_joint([self.first, self.second, self.keep_rate], options.level, options.seed)

    def to_array(self) -> Floats:
        """The three estimates; NaN where nothing is known."""
        known = (self.first, self.second, self.keep_rate)
        return np.array([[np.nan if share is None else share.value] for share in known])


def estimate_sides(counts: VerdictCounts, labeled: LabeledRows, design: SamplingDesign) -> SideEstimates:
    """Estimate both sides and the keep rate, with what ties them."""
    codes, prompts = encode_prompts(labeled.prompt)
    by_label = design is SamplingDesign.BY_LABEL
    if by_label and not np.isin(labeled.right, (0.0, 1.0)).all():
        problem = "is by-label, but there are grades: neither right nor wrong"
        raise UsageError(
            "labels-drawn", problem, "Say from which grade on an answer is right, or draw labels otherwise"
        )
    in_first = labeled.right > 0.5 if by_label else labeled.kept
    outcome = labeled.kept.astype(np.float64) if by_label else labeled.right
    rows = [_side_rows(outcome, codes, labeled.weight, prompts, side) for side in (in_first, ~in_first)]
    estimates = iter(estimate_shares([side for side in rows if side is not None]))
    first, second = (None if side is None else next(estimates) for side in rows)
    keep_rate = estimate_keep_rate(counts, labeled, codes, prompts) if counts.decided else None
    return SideEstimates(first, second, keep_rate, by_label)


def _side_rows(
    outcome: Floats, codes: Integers, weight: Floats | None, prompts: int, selected: Any
) -> ShareRows | None:
    if not selected.any():
        return None
    return ShareRows(outcome[selected], codes[selected], None if weight is None else weight[selected], prompts)


def estimate_card(counts: VerdictCounts, labeled: LabeledRows, options: MeasureOptions | None = None) -> Card:
    """The card of one verifier on one table."""
    options = options or MeasureOptions()
    sides = estimate_sides(counts, labeled, options.labels_drawn)
    figures, uplift_p = _estimate_rates(sides, options)
    if counts.decided and not (counts.kept and counts.dropped):
        figures |= _one_sided_rates(counts, sides, options)
    decision = _decide(figures, options)
    more_labels = _labels_to_settle(sides, figures, options) if decision == UNDECIDED else None
    count_values: dict[str, Any] = {name: getattr(counts, name) for name in COUNT_FIELDS}
    rate_values: dict[str, Any] = {**figures, "p_star_w": None if options.w is None else figures["p_star_w"]}
    return Card(
        **count_values,
        **rate_values,
        labeled=len(labeled),
        prompts=len(np.unique(labeled.prompt)),
        design_effect=_design_effect(sides),
        prompts_served=estimate_prompt_coverage(counts, labeled, options),
        decision=decision,
        why=explain_decision(counts, labeled, figures, decision, DecisionContext(more_labels, options)),
        uplift_p=uplift_p,
        more_labels=more_labels,
        tally=_tally_labels(labeled),
        options=options,
        warnings=tuple(_find_warnings(counts, labeled, sides, options)),
    )


def _estimate_rates(sides: SideEstimates, options: MeasureOptions) -> tuple[dict[str, IntervalEstimate], float | None]:
    values = compute_rates(sides.to_array(), sides.is_by_label, options.w, from_draws=False)
    draws = sides.draw_joint_shares(options)
    estimates: dict[str, IntervalEstimate] = {name: IntervalEstimate() for name in RATE_NAMES}
    if sides.keep_rate is not None:
        estimates["keep_rate"] = interval_from_draws(
            sides.keep_rate.value, draw_joint([sides.keep_rate], options.level, options.seed)[0], options.level
        )
    if draws is None:
        if sides.first is not None and not sides.is_by_label:
            estimates["precision"] = interval_from_draws(
                sides.first.value, draw_joint([sides.first], options.level, options.seed)[0], options.level
            )
        return estimates, None
    rate_draws = compute_rates(draws, sides.is_by_label, options.w)
    for name in RATE_NAMES:
        estimates[name] = interval_from_draws(float(getattr(values, name)[0]), getattr(rate_draws, name), options.level)
    return estimates, two_sided_p_value(rate_draws.uplift)


def _one_sided_rates(
    counts: VerdictCounts, sides: SideEstimates, options: MeasureOptions
) -> dict[str, IntervalEstimate]:
    """A table that is all kept or all dropped: nothing was chosen, so these are exact for it."""
    all_kept = counts.kept > 0
    exact = IntervalEstimate(float(all_kept), float(all_kept), float(all_kept))
    estimates: dict[str, IntervalEstimate] = {"phi": exact, "psi": exact}
    side = None if sides.is_by_label else sides.first if all_kept else sides.second
    if side is not None:
        wrong = 1 - draw_joint([side], options.level, options.seed)[0]
        estimates["p"] = interval_from_draws(1 - side.value, wrong, options.level)
        if all_kept:
            estimates["margin"] = interval_from_draws(side.value - 0.5, 0.5 - wrong, options.level)
    if all_kept:
        estimates |= {"p_star": IntervalEstimate(0.5, 0.5, 0.5), "uplift": IntervalEstimate(0.0, 0.0, 0.0)}
    return estimates


def _decide(figures: dict[str, IntervalEstimate], options: MeasureOptions) -> str:
    uplift, precision = figures["uplift"], figures["precision"]
    if uplift.low is None or uplift.high is None:
        return UNDECIDED
    helps, harms = uplift.low > 0, uplift.high < 0
    if options.classes == 2 and precision.low is not None and precision.high is not None:
        helps, harms = helps and precision.low > 0.5, harms or precision.high < 0.5
    return HELPS if helps else HARMS if harms else UNDECIDED


def _labels_to_settle(
    sides: SideEstimates, figures: dict[str, IntervalEstimate], options: MeasureOptions
) -> tuple[int, int] | None:
    """Labels of kept and of dropped rows that would settle the uplift; by label, of right and of wrong rows."""
    first, second = sides.first, sides.second
    if first is None or second is None:
        return None
    effects = [max(share.rows / share.effective, 1.0) for share in (first, second)]
    return count_more_labels(
        OpenComparison(first.value, second.value, first.rows, second.rows, *effects), options.level
    )


def _design_effect(sides: SideEstimates) -> float | None:
    """Labeled rows for each independent row they are worth."""
    known = [share for share in (sides.first, sides.second) if share is not None]
    if not known:
        return None
    return round(float(sum(share.rows for share in known) / sum(share.effective for share in known)), 9)


def _tally_labels(labeled: LabeledRows) -> LabelTally:
    kept, right = labeled.kept, labeled.right
    return LabelTally(*(float(part.sum()) for side in (kept, ~kept) for part in (right[side], 1 - right[side])))


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
                f"the table keeps {rate:.0%} of its rows, which cannot be if {ends[0]:.0%} of right and {ends[1]:.0%}"
                " of wrong rows are kept: the labels may come from other data, or were not drawn by label"
            )
            return [CardWarning("keep-rate-outside", message)]
        return []
    if options.labels_drawn is SamplingDesign.RANDOM and len(labeled) < counts.decided:
        codes, prompts = encode_prompts(labeled.prompt)
        (labeled_share,) = estimate_shares([ShareRows(labeled.kept.astype(np.float64), codes, labeled.weight, prompts)])
        error = np.sqrt(max(rate * (1 - rate), 1e-12) / min(labeled_share.effective, len(labeled)))
        if abs(labeled_share.value - rate) > SUSPICIOUS_ERRORS * error:
            message = (
                f"the verifier keeps {labeled_share.value:.0%} of the labeled rows and {rate:.0%} of the table: the labels do"
                " not look drawn at random; say how they were drawn (--labels-drawn by-verdict or by-label)"
            )
            return [CardWarning("keep-rate-differs", message)]
    return []
