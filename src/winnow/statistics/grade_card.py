"""The card of a verifier whose labels are grades: mean grade of kept rows against all rows, and soft phi and psi.

By its range the grade becomes r in [0, 1], phi = E[q r] / E[r] and psi = E[q (1 - r)] / E[1 - r], which equal the usual
rates when r is 0 or 1. Means are in units of the grade; there is no p* for grades.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from winnow.errors import UsageError
from winnow.statistics.card import COUNT_FIELDS, estimate_sides
from winnow.statistics.card_inputs import (
    DEFAULT_OPTIONS,
    Booleans,
    Floats,
    Integers,
    LabeledRows,
    MeasureOptions,
    SamplingDesign,
    VerdictCounts,
    check_values,
)
from winnow.statistics.card_report import HARMS, HELPS, UNDECIDED, format_percent
from winnow.statistics.intervals import IntervalEstimate, estimate_interval, interval_from_draws
from winnow.statistics.rate_formulas import compute_rates, rate_intervals
from winnow.storage.canonical_json import to_plain


@dataclass(frozen=True, eq=False)
class GradedRows:
    """Rows with a grade and a verdict; `scale` is the lowest and the highest possible grade."""

    kept: Booleans
    grade: Floats
    prompt: Integers
    scale: tuple[float, float]
    weight: Floats | None = None

    def __post_init__(self) -> None:
        check_values("grade", self.grade, *self.scale)

    def to_labeled_rows(self) -> LabeledRows:
        """Return the rows with the grade as a share of its range."""
        low, high = self.scale
        return LabeledRows(self.kept, np.clip((self.grade - low) / (high - low), 0.0, 1.0), self.prompt, self.weight)


@dataclass(frozen=True)
class GradeCard:
    """The effect of a verifier on the mean grade; `phi` and `psi` are the soft forms."""

    n: int
    labeled: int
    kept: int
    dropped: int
    decided: int
    abstain: int
    error: int
    prompts: int
    mean_kept: IntervalEstimate
    mean_raw: IntervalEstimate
    gain: IntervalEstimate
    phi: IntervalEstimate
    psi: IntervalEstimate
    keep_rate: IntervalEstimate
    decision: str
    why: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document."""
        return dict(to_plain(self))

    def summary(self) -> str:
        """Return the card as text, the decision first."""
        if self.mean_kept.value is None or self.mean_raw.value is None:
            return f"{self.decision}: {self.why}"
        lines = [f"{self.decision}: {self.why}"]
        means = (
            f"{_format_interval(self.mean_kept)} for kept rows, {_format_interval(self.mean_raw)} for all decided rows"
        )
        lines.append(f"mean grade: {means} (n = {self.labeled:,} labels from {self.prompts:,} prompts)")
        if self.phi.value is not None and self.psi.value is not None:
            rates = f"soft phi {format_percent(self.phi.value)}, soft psi {format_percent(self.psi.value)}"
            lines.append(f"{rates}: the shares of all grade points, and of all missing points, that are in kept rows")
        return "\n".join(lines)


def estimate_grade_card(
    counts: VerdictCounts, graded: GradedRows, options: MeasureOptions = DEFAULT_OPTIONS
) -> GradeCard:
    """Estimate the card of one verifier whose labels are grades."""
    if options.labels_drawn is SamplingDesign.BY_LABEL:
        raise UsageError(
            "labels_drawn", "is by-label, but grades are neither right nor wrong", "State which grades are right"
        )
    sides = estimate_sides(counts, graded.to_labeled_rows(), options.labels_drawn)
    figures = {name: IntervalEstimate() for name in ("mean_kept", "mean_raw", "gain", "phi", "psi", "keep_rate")}
    if sides.keep_rate is not None:
        figures["keep_rate"] = estimate_interval(sides.keep_rate, options.level, options.seed)
    draws = sides.draw_joint_shares(options)
    if draws is not None:
        figures |= _estimate_grade_rates(sides.to_array(), draws, graded.scale, options)
    gain = figures["gain"]
    if gain.low is not None and gain.high is not None and gain.value is not None:
        decision = HELPS if gain.low > 0 else HARMS if gain.high < 0 else UNDECIDED
        why = f"the mean grade of kept rows differs from that of all decided rows by {gain.value:+.3g}"
        why += f" ({gain.low:+.3g} to {gain.high:+.3g}; n = {len(graded.kept):,} labels)"
    else:
        decision, why = UNDECIDED, "kept and dropped rows both need grades"
        if not (counts.kept and counts.dropped):
            why = "the table is all kept or all dropped, so the verifier selects nothing"
    values: dict[str, Any] = {**{name: getattr(counts, name) for name in COUNT_FIELDS}, **figures}
    return GradeCard(
        **values,
        labeled=len(graded.kept),
        prompts=len(np.unique(graded.prompt)),
        decision=decision,
        why=why,
    )


def _estimate_grade_rates(
    values: Floats, draws: Floats, scale: tuple[float, float], options: MeasureOptions
) -> dict[str, IntervalEstimate]:
    low, high = scale
    rates, rate_draws = compute_rates(values, False, from_draws=False), compute_rates(draws, False)
    estimates = rate_intervals(rates, rate_draws, ("precision", "uplift", "phi", "psi"), options.level)
    raw = interval_from_draws(1 - float(rates["p"][0]), 1 - rate_draws["p"], options.level)
    return {
        "mean_kept": _scale_estimate(estimates["precision"], low, high),
        "mean_raw": _scale_estimate(raw, low, high),
        "gain": _scale_estimate(estimates["uplift"], 0.0, high - low),
        "phi": estimates["phi"],
        "psi": estimates["psi"],
    }


def _scale_estimate(estimate: IntervalEstimate, low: float, high: float) -> IntervalEstimate:
    parts = (estimate.value, estimate.low, estimate.high)
    return IntervalEstimate(*(None if part is None else low + (high - low) * part for part in parts))


def _format_interval(estimate: IntervalEstimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "unknown"
    return f"{estimate.value:.3g} ({estimate.low:.3g} to {estimate.high:.3g})"
