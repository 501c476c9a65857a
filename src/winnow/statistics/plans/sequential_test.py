"""A group sequential test of the card's decision: helps, harms or undecided, however often the labels are examined.

`helps` means that the share right among kept is surely above that of all rows (and above 1/2 with two classes), `harms`
that it is surely below (or below 1/2). Surely means that the interval at the boundary of this look excludes equality;
over all looks at most 5% of tables without a difference are decided. Labels after the last look reached are not used
until the next one, and a decision stands once it is made. Labels must be in the order of a plan, drawn at random or by
side with equal chances. Labels of one prompt are discounted by a design effect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtrit

from winnow.statistics.card_inputs import Floats
from winnow.statistics.intervals import IntervalEstimate, encode_prompts
from winnow.statistics.plans.boundaries import stopping_boundaries
from winnow.statistics.plans.required_labels import RequiredLabels, SequentialDesign, SideTally, project_required_labels
from winnow.statistics.plans.score_intervals import (
    SideCounts,
    miettinen_nurminen_interval,
    score_statistic,
    widen_boundary,
    widen_boundary_against_half,
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
        """Return the labels used by a look of this size."""
        prompt = None if self.prompt is None else self.prompt[:count]
        return OrderedLabels(self.kept[:count], self.right[:count], prompt)


@dataclass(frozen=True, eq=False)
class SequentialEvidence:
    """Effective label counts and the boundary in standard errors; one entry per project."""

    sides: SideCounts
    bound: Floats
    labels_kept: Floats
    bound_kept: Floats

    @classmethod
    def with_exact_boundaries(
        cls, sides: SideCounts, labels_kept: Floats, bound: Floats, bound_kept: Floats
    ) -> SequentialEvidence:
        """Return the evidence with boundaries widened by exact tests."""
        share = sides.right_a / sides.labels_a
        widened_kept = widen_boundary_against_half(share, labels_kept, bound_kept)
        return cls(sides, widen_boundary(sides, bound), labels_kept, widened_kept)

    def precision(self) -> Floats:
        """Return the share right among kept."""
        return self.sides.right_a / self.sides.labels_a


@dataclass(frozen=True)
class SequentialResult:
    """The result of the last look reached; `waiting` labels came after it."""

    labels: int
    kept: int
    dropped: int
    waiting: int
    next_look: int | None
    decision: str
    decided_at: int | None
    bound: float | None
    design_effect: float | None
    uplift: IntervalEstimate
    precision: IntervalEstimate
    enough: RequiredLabels
    why: str


def run_sequential_test(labels: OrderedLabels, design: SequentialDesign) -> SequentialResult:
    """Return the decision after all looks that these labels reach, with the interval of the last one."""
    count, seen = len(labels.kept), labels
    decision, decided_at = 0, None
    evidence: SequentialEvidence | None = None
    reached = [size for size in design.look_sizes if size <= count]
    for size, bound in zip(reached, stopping_boundaries(design.look_sizes, design.level), strict=False):
        seen = labels.take_first(size)
        evidence = weigh_labels(seen, bound)
        if not decision and evidence is not None:
            decision = int(decide_from_evidence(evidence, design.classes)[0])
            decided_at = size if decision else None
    uplift, precision = _estimate_uplift_and_precision(seen, evidence, design)
    effect = None if evidence is None else float(np.sum(seen.kept) / evidence.sides.labels_a[0])
    kept = int(np.sum(seen.kept))
    right_counts = int(np.sum(labels.right & labels.kept)), int(np.sum(labels.right & ~labels.kept))
    label_counts = int(np.sum(labels.kept)), int(np.sum(~labels.kept))
    tally = SideTally(right_counts[0], label_counts[0], right_counts[1], label_counts[1], effect or 1.0)
    projected = project_required_labels(tally, design, is_decided=decision != 0)
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
    """Return 1 (helps), -1 (harms) or 0 (undecided), one entry per project."""
    statistic = score_statistic(evidence.sides, np.zeros_like(evidence.bound))
    above, below = statistic > evidence.bound, statistic < -evidence.bound
    if classes == 2:
        kept_statistic = (evidence.precision() - 0.5) * 2 * np.sqrt(evidence.labels_kept)
        above, below = above & (kept_statistic > evidence.bound_kept), below | (kept_statistic < -evidence.bound_kept)
    return above.astype(np.int64) - below.astype(np.int64)


def weigh_labels(labels: OrderedLabels, bound: float) -> SequentialEvidence | None:
    """Return the effective counts of these labels; None if a side has none or all belong to one prompt."""
    kept, right = labels.kept, labels.right
    labels_a, labels_b = int(np.sum(kept)), int(np.sum(~kept))
    if not labels_a or not labels_b:
        return None
    right_a, right_b = int(np.sum(right & kept)), int(np.sum(right & ~kept))
    effect, effect_kept, widened_bound, widened_bound_kept = 1.0, 1.0, bound, bound
    if labels.prompt is not None:
        codes, _ = encode_prompts(labels.prompt)
        residual_a = np.where(kept, right - right_a / labels_a, 0.0) / labels_a
        residual_b = np.where(kept, 0.0, right - right_b / labels_b) / labels_b
        variance_a, variance_b = float(np.sum(residual_a**2)), float(np.sum(residual_b**2))
        if not codes.any() and len(codes) > 1:
            return None
        effect, widened_bound = _design_effect_and_boundary(
            codes, residual_a - residual_b, variance_a + variance_b, bound
        )
        effect_kept, widened_bound_kept = _design_effect_and_boundary(codes[kept], residual_a[kept], variance_a, bound)
    counts = np.array([right_a, labels_a, right_b, labels_b], dtype=np.float64)[:, None]
    sides = SideCounts(*(counts / effect))
    return SequentialEvidence.with_exact_boundaries(
        sides, counts[1] / effect_kept, np.array([widened_bound]), np.array([widened_bound_kept])
    )


def _design_effect_and_boundary(
    codes: npt.NDArray[np.int64], residual: Floats, independent_variance: float, bound: float
) -> tuple[float, float]:
    """Return the design effect, at least 1, and the boundary widened for its uncertainty."""
    sizes = np.bincount(codes)
    prompts, pairs = int(np.count_nonzero(sizes)), float(np.sum(sizes * (sizes - 1.0)))
    if not pairs:
        return 1.0, bound
    if prompts < 2:
        return 1.0, float("inf")
    clustered_variance = float(np.sum(np.bincount(codes, weights=residual) ** 2)) * prompts / (prompts - 1)
    # Single labels of a prompt add no uncertainty: n / (m - 1) degrees of freedom for n labels in prompts of m.
    degrees = len(codes) ** 2 / pairs * (prompts - 1) / prompts
    effect = max(1.0, clustered_variance / independent_variance) if independent_variance > 0 else 1.0
    return effect, float(stdtrit(degrees, ndtr(bound)))


def _estimate_uplift_and_precision(
    labels: OrderedLabels, evidence: SequentialEvidence | None, design: SequentialDesign
) -> tuple[IntervalEstimate, IntervalEstimate]:
    """Return uplift and precision; without evidence at most the plain share right among kept."""
    if evidence is None:
        kept = labels.right[labels.kept]
        return IntervalEstimate(), IntervalEstimate(float(np.mean(kept))) if len(kept) else IntervalEstimate()
    differences = (evidence.sides.difference(), *miettinen_nurminen_interval(evidence.sides, evidence.bound))
    uplift = IntervalEstimate(*(float(difference[0]) * design.dropped_share() for difference in differences))
    share = evidence.precision()
    low, high = wilson_interval(share * evidence.labels_kept, evidence.labels_kept, evidence.bound_kept)
    return uplift, IntervalEstimate(float(share[0]), float(low[0]), float(high[0]))


def _explain_decision(
    labels: OrderedLabels,
    design: SequentialDesign,
    decision: int,
    results: tuple[IntervalEstimate, IntervalEstimate, RequiredLabels],
) -> str:
    """Return the size of the effect, then what is missing for a decision."""
    uplift, precision, projected = results
    if not all(design.rows):
        return projected.why
    if len(labels.kept) < design.look_sizes[0]:
        missing = design.look_sizes[0] - len(labels.kept)
        return f"the first look is at {design.look_sizes[0]} labels: {missing} more are needed"
    if uplift.value is None or uplift.low is None or uplift.high is None or precision.value is None:
        kept = int(np.sum(labels.kept))
        if 0 < kept < len(labels.kept):
            return "all labels belong to one prompt: label rows of other prompts"
        return "one side has no label: label both kept and dropped rows"
    points = f"{100 * uplift.value:+.1f} points ({100 * uplift.low:+.1f} to {100 * uplift.high:+.1f})"
    size = f"the share right among kept rows is {precision.value:.0%}, an uplift of {points}"
    return size if decision else f"{size}; {projected.why}"
