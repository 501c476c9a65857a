"""A look at the labels so far: helps, harms or undecided, however often one looks.

`helps` is a surely above the raw share right, that is above b (and above 1/2 with two classes); `harms` is surely
below (or below 1/2). Surely = the interval at this look's boundary excludes it; over all looks together a project
without any difference is called in at most 5% of cases. Only the looks of the rule count: labels beyond the last one
reached wait for the next, so looking in between changes nothing. A decision, once made, stands.

Labels are taken in the order of the plan. Labels of one prompt count for less, by what they have in common. It holds
for labels drawn at random or by side with equal chances; it does not correct labels picked by a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtrit

from winnow.statistics.plans.boundaries import stopping_boundaries
from winnow.statistics.plans.exact_tests import widen_boundary, widen_boundary_against_half
from winnow.statistics.plans.required_labels import (
    RequiredLabels,
    SequentialDesign,
    SideTally,
    no_more_labels,
    project_required_labels,
)
from winnow.statistics.plans.score_intervals import (
    Floats,
    SideCounts,
    miettinen_nurminen_interval,
    score_statistic,
    wilson_interval,
)

DECISIONS = {1: "helps", 0: "undecided", -1: "harms"}


@dataclass(frozen=True, eq=False)
class OrderedLabels:
    """Labels in the order of the plan: side, rightness, and the prompt's code if there are prompts."""

    kept: npt.NDArray[np.bool_]
    right: npt.NDArray[np.bool_]
    prompt: npt.NDArray[np.int64] | None = None

    def take_first(self, count: int) -> OrderedLabels:
        """The labels that a look at this size sees."""
        return OrderedLabels(
            self.kept[:count], self.right[:count], None if self.prompt is None else self.prompt[:count]
        )


@dataclass(frozen=True, eq=False)
class SequentialEvidence:
    """What labels are worth: effective counts, and the boundary in standard errors; one entry per project."""

    sides: SideCounts
    bound: Floats
    labels_kept: Floats
    bound_kept: Floats

    @classmethod
    def with_exact_boundaries(
        cls, sides: SideCounts, labels_kept: Floats, bound: Floats, bound_kept: Floats
    ) -> SequentialEvidence:
        """With the boundaries widened where exact tests ask for it."""
        share = sides.right_a / sides.labels_a
        return cls(
            sides,
            widen_boundary(sides, bound),
            labels_kept,
            widen_boundary_against_half(share, labels_kept, bound_kept),
        )

    def precision(self) -> Floats:
        """The share right among kept."""
        return self.sides.right_a / self.sides.labels_a


@dataclass(frozen=True)
class SequentialEstimate:
    """A number between its ends; None where the labels cannot say."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able numbers."""
        return dict(vars(self))


@dataclass(frozen=True)
class SequentialResult:
    """What the last look that was reached says; `waiting` labels came after it."""

    labels: int
    kept: int
    dropped: int
    waiting: int
    next_look: int | None
    decision: str
    decided_at: int | None
    bound: float | None
    design_effect: float | None
    uplift: SequentialEstimate
    precision: SequentialEstimate
    enough: RequiredLabels
    why: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able numbers."""
        nested = {name: getattr(self, name).to_dict() for name in ("uplift", "precision", "enough")}
        return dict(vars(self)) | nested


def run_sequential_test(labels: OrderedLabels, design: SequentialDesign) -> SequentialResult:
    """The decision after all looks that these labels reach, with this look's interval."""
    count = len(labels.kept)
    reached = [size for size in design.look_sizes if size <= count]
    decided_at, decision = None, 0
    for size in reached:
        decision = _decide_at_look(labels.take_first(size), design, size)
        if decision:
            decided_at = size
            break
    seen = labels.take_first(reached[-1]) if reached else labels
    evidence = (
        weigh_labels(seen, stopping_boundaries(design.look_sizes, design.level)[len(reached) - 1]) if reached else None
    )
    uplift, precision = _estimate_uplift_and_precision(seen, evidence, design)
    effect = None if evidence is None else float(np.sum(seen.kept) / evidence.sides.labels_a[0])
    kept = int(np.sum(seen.kept))
    tally = _tally_sides(labels, effect or 1.0)
    projected = no_more_labels(tally, design) if decision else project_required_labels(tally, design)
    return SequentialResult(
        labels=len(seen.kept),
        kept=kept,
        dropped=len(seen.kept) - kept,
        waiting=count - len(seen.kept),
        next_look=next((size for size in design.look_sizes if size > count), None),
        decision=DECISIONS[decision],
        decided_at=decided_at,
        bound=None if evidence is None else float(evidence.bound[0]),
        design_effect=effect,
        uplift=uplift,
        precision=precision,
        enough=projected,
        why=_explain_decision(labels, design, decision, (uplift, precision, projected)),
    )


def decide_from_evidence(evidence: SequentialEvidence, classes: int | None = None) -> npt.NDArray[np.int64]:
    """1 helps, -1 harms, 0 undecided: one entry per project."""
    statistic = score_statistic(evidence.sides, np.zeros_like(evidence.bound))
    above, below = statistic > evidence.bound, statistic < -evidence.bound
    if classes == 2:
        kept_statistic = (evidence.precision() - 0.5) * 2 * np.sqrt(evidence.labels_kept)
        above, below = above & (kept_statistic > evidence.bound_kept), below | (kept_statistic < -evidence.bound_kept)
    return above.astype(np.int64) - below.astype(np.int64)


def weigh_labels(labels: OrderedLabels, bound: float) -> SequentialEvidence | None:
    """What these labels are worth; None when a side has none, or all stand in one prompt."""
    kept, right = labels.kept, labels.right
    labels_a, labels_b = int(np.sum(kept)), int(np.sum(~kept))
    if not labels_a or not labels_b:
        return None
    right_a, right_b = int(np.sum(right & kept)), int(np.sum(right & ~kept))
    effect, effect_kept, widened_bound, widened_bound_kept = 1.0, 1.0, bound, bound
    if labels.prompt is not None:
        codes = np.unique(labels.prompt, return_inverse=True)[1]
        residual_a = np.where(kept, right - right_a / labels_a, 0.0) / labels_a
        residual_b = np.where(kept, 0.0, right - right_b / labels_b) / labels_b
        independent_variance_a, independent_variance_b = float(np.sum(residual_a**2)), float(np.sum(residual_b**2))
        if not codes.any() and len(codes) > 1:
            return None
        effect, widened_bound = _design_effect_and_boundary(
            codes, residual_a - residual_b, independent_variance_a + independent_variance_b, bound
        )
        effect_kept, widened_bound_kept = _design_effect_and_boundary(
            codes[kept], residual_a[kept], independent_variance_a, bound
        )
    counts = np.array([right_a, labels_a, right_b, labels_b], dtype=np.float64)[:, None]
    sides = SideCounts(*(counts / effect))
    return SequentialEvidence.with_exact_boundaries(
        sides, counts[1] / effect_kept, np.array([widened_bound]), np.array([widened_bound_kept])
    )


def _design_effect_and_boundary(
    codes: npt.NDArray[np.int64], residual: Floats, independent_variance: float, bound: float
) -> tuple[float, float]:
    """The design effect, never below 1, and the boundary widened for how well it is known; as is without repeats."""
    sizes = np.bincount(codes)
    prompts, pairs = int(np.count_nonzero(sizes)), float(np.sum(sizes * (sizes - 1.0)))
    if not pairs:
        return 1.0, bound
    if prompts < 2:
        return 1.0, float("inf")
    clustered_variance = float(np.sum(np.bincount(codes, weights=residual) ** 2)) * prompts / (prompts - 1)
    # Labels alone in their prompt add no doubt about the effect: n / (m - 1) degrees for n labels in prompts of m.
    degrees = len(codes) ** 2 / pairs * (prompts - 1) / prompts
    return max(1.0, clustered_variance / independent_variance) if independent_variance > 0 else 1.0, float(
        stdtrit(degrees, ndtr(bound))
    )


def _decide_at_look(labels: OrderedLabels, design: SequentialDesign, size: int) -> int:
    bound = stopping_boundaries(design.look_sizes, design.level)[design.look_sizes.index(size)]
    evidence = weigh_labels(labels, bound)
    return 0 if evidence is None else int(decide_from_evidence(evidence, design.classes)[0])


def _tally_sides(labels: OrderedLabels, effect: float) -> SideTally:
    kept, right = labels.kept, labels.right
    right_sides = int(np.sum(right & kept)), int(np.sum(right & ~kept))
    return SideTally(right_sides[0], int(np.sum(kept)), right_sides[1], int(np.sum(~kept)), effect)


def _estimate_uplift_and_precision(
    labels: OrderedLabels, evidence: SequentialEvidence | None, design: SequentialDesign
) -> tuple[SequentialEstimate, SequentialEstimate]:
    """uplift and precision; without evidence only what plain counting says."""
    if evidence is None:
        kept = labels.right[labels.kept]
        return SequentialEstimate(), SequentialEstimate(float(np.mean(kept))) if len(kept) else SequentialEstimate()
    uplift_per_difference = design.dropped_share()
    ends = (
        float(end[0]) * uplift_per_difference for end in miettinen_nurminen_interval(evidence.sides, evidence.bound)
    )
    uplift = SequentialEstimate(float(evidence.sides.difference()[0]) * uplift_per_difference, *ends)
    share = evidence.precision()
    ends = (
        float(end[0])
        for end in wilson_interval(share * evidence.labels_kept, evidence.labels_kept, evidence.bound_kept)
    )
    return uplift, SequentialEstimate(float(share[0]), *ends)


def _explain_decision(
    labels: OrderedLabels,
    design: SequentialDesign,
    decision: int,
    results: tuple[SequentialEstimate, SequentialEstimate, RequiredLabels],
) -> str:
    """The size first, then what is missing."""
    uplift, precision, projected = results
    if not all(design.rows):
        return projected.why
    if len(labels.kept) < design.look_sizes[0]:
        return f"the first look is at {design.look_sizes[0]} labels, {design.look_sizes[0] - len(labels.kept)} more"
    if uplift.value is None or uplift.low is None or uplift.high is None or precision.value is None:
        kept = int(np.sum(labels.kept))
        if 0 < kept < len(labels.kept):
            return "all labels stand in one prompt: label rows of others"
        return "no label on one of the two sides: label kept rows and dropped ones"
    size = (
        f"right among kept {precision.value:.0%}, uplift {uplift.value:+.3f} ({uplift.low:+.3f} to {uplift.high:+.3f})"
    )
    return size if decision else f"{size}; {projected.why}"
