"""The card of a verifier whose labels are grades: mean grade of kept rows against all rows, and soft phi and psi.

With a range the grade becomes r in [0, 1], phi = E[q r] / E[r] and psi = E[q (1 - r)] / E[1 - r], which equal the usual
rates when r is 0 or 1. Without a range there are only means. Means are in units of the grade; there is no p* for
grades.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

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
from winnow.statistics.intervals import (
    DEVIATE_QUANTILES,
    DEVIATES,
    IntervalEstimate,
    ShareEstimate,
    draw_copula,
    draw_joint,
    estimate_interval,
    interval_from_draws,
)
from winnow.statistics.rate_formulas import compute_rates, rate_intervals
from winnow.storage.canonical_json import to_plain


@dataclass(frozen=True, eq=False)
class GradedRows:
    """Rows with a grade and a verdict; `scale` is the lowest and the highest possible grade, if known."""

    kept: Booleans
    grade: Floats
    prompt: Integers
    weight: Floats | None = None
    scale: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "grade", np.asarray(self.grade, dtype=np.float64))
        if self.scale is None:
            check_values("grade", self.grade, -np.finfo(np.float64).max, np.finfo(np.float64).max)
        elif not self.scale[0] < self.scale[1]:
            problem = f"runs from {self.scale[0]:g} to {self.scale[1]:g}"
            raise UsageError("scale", problem, "Pass the lowest grade first, then the highest")
        else:
            check_values("grade", self.grade, *self.scale)

    def grade_range(self) -> tuple[float, float]:
        """Return the range, or that of the observed grades."""
        if self.scale is not None:
            return self.scale
        low, high = (float(self.grade.min()), float(self.grade.max())) if len(self.grade) else (0.0, 1.0)
        return (low, high) if high > low else (low, low + 1.0)

    def to_labeled_rows(self) -> LabeledRows:
        """Return the rows with the grade as a share of its range."""
        low, high = self.grade_range()
        return LabeledRows(self.kept, np.clip((self.grade - low) / (high - low), 0.0, 1.0), self.prompt, self.weight)


@dataclass(frozen=True)
class GradeCard:
    """The effect of a verifier on the mean grade; `phi` and `psi` are the soft forms, unknown without a range."""

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
    if sides.first is not None and sides.second is not None and sides.keep_rate is not None:
        share_estimates = [sides.first, sides.second, sides.keep_rate]
        draws = draw_joint(share_estimates, options.level, options.seed)
        draws = draws if graded.scale else _draw_means(draws, share_estimates, options)
        figures |= _estimate_grade_rates(sides.to_array(), draws, graded, options)
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


def _draw_means(draws: Floats, share_estimates: list[ShareEstimate], options: MeasureOptions) -> Floats:
    """Draw two means without bounds (Student t), and the keep rate."""
    normal = draw_copula(share_estimates, options.seed)
    for row, share in enumerate(share_estimates[:2]):
        degrees = share.degrees if np.isfinite(share.degrees) else max(share.rows - 1.0, 1.0)
        sd = np.sqrt(max(share.value * (1 - share.value), 0.0) / share.effective)
        draws[row] = share.value + sd * np.interp(normal[row], DEVIATES, stdtrit(degrees, DEVIATE_QUANTILES))
    return draws


def _estimate_grade_rates(
    values: Floats, draws: Floats, graded: GradedRows, options: MeasureOptions
) -> dict[str, IntervalEstimate]:
    low, high = graded.grade_range()
    rates, rate_draws = compute_rates(values, False, from_draws=False), compute_rates(draws, False)
    estimates = rate_intervals(rates, rate_draws, ("precision", "uplift", "phi", "psi"), options.level)
    raw = interval_from_draws(1 - float(rates.p[0]), 1 - rate_draws.p, options.level)
    means = {
        "mean_kept": _scale_estimate(estimates["precision"], low, high),
        "mean_raw": _scale_estimate(raw, low, high),
        "gain": _scale_estimate(estimates["uplift"], 0.0, high - low),
    }
    return means | ({name: estimates[name] for name in ("phi", "psi")} if graded.scale is not None else {})


def _scale_estimate(estimate: IntervalEstimate, low: float, high: float) -> IntervalEstimate:
    parts = (estimate.value, estimate.low, estimate.high)
    return IntervalEstimate(*(None if part is None else low + (high - low) * part for part in parts))


def _format_interval(estimate: IntervalEstimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "unknown"
    return f"{estimate.value:.3g} ({estimate.low:.3g} to {estimate.high:.3g})"
