"""Labels that are grades: the mean grade of kept rows against raw ones, and the soft forms of phi and psi.

With a range the grade becomes r in [0, 1], phi = E[q r]/E[r] and psi = E[q (1 - r)]/E[1 - r], which for r of 0 or 1
are the usual ones. Without a range there are means alone. Where a person says from which grade on an answer is right,
`at_least` makes the labels of an ordinary card.
Promises: intervals by prompt, as on the card; the means are in the units of the grade. There is no p* for grades.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import ndtr, stdtrit

from winnow.errors import UsageError
from winnow.statistics.card import COUNT_FIELDS, estimate_sides
from winnow.statistics.card_inputs import (
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
from winnow.statistics.intervals import IntervalEstimate, ShareEstimate, draw_copula, draw_joint, interval_from_draws
from winnow.statistics.rate_formulas import compute_rates


@dataclass(frozen=True, eq=False)
class GradedRows:
    """Rows with a grade and a verdict; `scale` is the lowest and the highest grade there could be, if known."""

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
            raise UsageError("grade-range", problem, "Name the lowest grade first, then the highest")
        else:
            check_values("grade", self.grade, *self.scale)

    def grade_range(self) -> tuple[float, float]:
        """The range, or that of the grades seen."""
        if self.scale is not None:
            return self.scale
        low, high = (float(self.grade.min()), float(self.grade.max())) if len(self.grade) else (0.0, 1.0)
        return (low, high) if high > low else (low, low + 1.0)

    def to_labeled_rows(self) -> LabeledRows:
        """The rows with the grade as a share of its range."""
        low, high = self.grade_range()
        return LabeledRows(self.kept, np.clip((self.grade - low) / (high - low), 0.0, 1.0), self.prompt, self.weight)


@dataclass(frozen=True)
class GradeCard:
    """What a verifier does to the mean grade. `phi` and `psi` are the soft forms, None without a range."""

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
        """As JSON."""
        return {
            name: value.to_dict() if isinstance(value, IntervalEstimate) else value
            for name, value in ((name, getattr(self, name)) for name in self.__dataclass_fields__)
        }

    def summary(self) -> str:
        """The card in two lines."""
        if self.mean_kept.value is None or self.mean_raw.value is None:
            return f"{self.decision}: {self.why}"
        line = f"mean grade among kept {_format_interval(self.mean_kept)}, raw {_format_interval(self.mean_raw)}"
        if self.phi.value is not None and self.psi.value is not None:
            line += f" · keeps {format_percent(self.phi.value)} of the grade there is (soft phi)"
            line += f" and {format_percent(self.psi.value)} of the grade that is missing (soft psi)"
        return f"{line} · {self.labeled:,} labels of {self.prompts:,} prompts\n{self.decision}: {self.why}"


def labels_from_grades(graded: GradedRows, right_from: float) -> LabeledRows:
    """The threshold form: a row is right from this grade on."""
    right = (graded.grade >= right_from).astype(np.float64)
    return LabeledRows(graded.kept, right, graded.prompt, graded.weight)


def estimate_grade_card(counts: VerdictCounts, graded: GradedRows, options: MeasureOptions | None = None) -> GradeCard:
    """The card of one verifier whose labels are grades."""
    options = options or MeasureOptions()
    if options.labels_drawn is SamplingDesign.BY_LABEL:
        raise UsageError("labels-drawn", "is by-label, but grades have no two labels to draw by", "Use --right-if")
    sides = estimate_sides(counts, graded.to_labeled_rows(), options.labels_drawn)
    figures = {name: IntervalEstimate() for name in ("mean_kept", "mean_raw", "gain", "phi", "psi", "keep_rate")}
    if sides.keep_rate is not None:
        figures["keep_rate"] = interval_from_draws(
            sides.keep_rate.value, draw_joint([sides.keep_rate], options.level, options.seed)[0], options.level
        )
    if sides.first is not None and sides.second is not None and sides.keep_rate is not None:
        share_estimates = [sides.first, sides.second, sides.keep_rate]
        draws = (
            draw_joint(share_estimates, options.level, options.seed)
            if graded.scale
            else _draw_means(share_estimates, options)
        )
        figures |= _estimate_grade_rates(sides.to_array(), draws, graded, options)
    gain = figures["gain"]
    if gain.low is None or gain.high is None or gain.value is None:
        decision, why = UNDECIDED, _describe_missing_grades(counts, graded)
    else:
        decision = HELPS if gain.low > 0 else HARMS if gain.high < 0 else UNDECIDED
        why = f"the mean grade among kept is {gain.value:+.3g} from raw ({gain.low:+.3g} to {gain.high:+.3g})"
    values: dict[str, Any] = {**{name: getattr(counts, name) for name in COUNT_FIELDS}, **figures}
    return GradeCard(
        **values,
        labeled=len(graded.kept),
        prompts=len(np.unique(graded.prompt)),
        decision=decision,
        why=why,
    )


def _draw_means(share_estimates: list[ShareEstimate], options: MeasureOptions) -> Floats:
    """Draws of two means that no range bounds, and of the keep rate."""
    normal = draw_copula(share_estimates, options.seed)
    draws = draw_joint(share_estimates, options.level, options.seed)
    for row, share in enumerate(share_estimates[:2]):
        degrees = share.degrees if np.isfinite(share.degrees) else max(share.rows - 1.0, 1.0)
        sd = np.sqrt(max(share.value * (1 - share.value), 0.0) / share.effective)
        z = np.linspace(-4.2, 4.2, 97)
        draws[row] = share.value + sd * np.interp(normal[row], z, stdtrit(degrees, ndtr(z)))
    return draws


def _estimate_grade_rates(
    values: Floats, draws: Floats, graded: GradedRows, options: MeasureOptions
) -> dict[str, IntervalEstimate]:
    low, high = graded.grade_range()
    value, rate_draws = compute_rates(values, False, from_draws=False), compute_rates(draws, False)
    raw = interval_from_draws(1 - float(value.p[0]), 1 - rate_draws.p, options.level)
    estimates = {
        "mean_kept": _scale_estimate(
            interval_from_draws(float(value.precision[0]), rate_draws.precision, options.level), low, high
        ),
        "mean_raw": _scale_estimate(raw, low, high),
        "gain": _scale_estimate(
            interval_from_draws(float(value.uplift[0]), rate_draws.uplift, options.level), 0.0, high - low
        ),
    }
    if graded.scale is not None:
        estimates["phi"] = interval_from_draws(float(value.phi[0]), rate_draws.phi, options.level)
        estimates["psi"] = interval_from_draws(float(value.psi[0]), rate_draws.psi, options.level)
    return estimates


def _scale_estimate(estimate: IntervalEstimate, low: float, high: float) -> IntervalEstimate:
    parts = (estimate.value, estimate.low, estimate.high)
    return replace(
        estimate,
        **{
            name: None if part is None else low + (high - low) * part
            for name, part in zip(("value", "low", "high"), parts, strict=True)
        },
    )


def _format_interval(estimate: IntervalEstimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "unknown"
    return f"{estimate.value:.3g} ({estimate.low:.3g} to {estimate.high:.3g})"


def _describe_missing_grades(counts: VerdictCounts, graded: GradedRows) -> str:
    if not (counts.kept and counts.dropped):
        return "the table is all kept or all dropped, so nothing is chosen"
    return "kept and dropped rows both need grades"
