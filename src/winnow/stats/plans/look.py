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

from winnow.stats.plans.boundaries import boundaries
from winnow.stats.plans.enough import Enough, Rule, Tallied, enough, settled
from winnow.stats.plans.exact import widened, widened_half
from winnow.stats.plans.score import Floats, Sides, difference_interval, distance, share_interval

DECISIONS = {1: "helps", 0: "undecided", -1: "harms"}


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels in the order of the plan: side, rightness, and the prompt's code if there are prompts."""

    kept: npt.NDArray[np.bool_]
    right: npt.NDArray[np.bool_]
    prompt: npt.NDArray[np.int64] | None = None

    def first(self, count: int) -> Labels:
        """The labels that a look at this size sees."""
        return Labels(self.kept[:count], self.right[:count], None if self.prompt is None else self.prompt[:count])


@dataclass(frozen=True, eq=False)
class Evidence:
    """What labels are worth: effective counts, and the boundary in standard errors; one entry per project."""

    sides: Sides
    bound: Floats
    of_kept: Floats
    bound_kept: Floats

    @classmethod
    def at(cls, sides: Sides, of_kept: Floats, bound: Floats, bound_kept: Floats) -> Evidence:
        """With the boundaries widened where exact tests ask for it."""
        share = sides.right_a / sides.of_a
        return cls(sides, widened(sides, bound), of_kept, widened_half(share, of_kept, bound_kept))

    def precision(self) -> Floats:
        """The share right among kept."""
        return self.sides.right_a / self.sides.of_a


@dataclass(frozen=True)
class Estimate:
    """A number between its ends; None where the labels cannot say."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON-able numbers."""
        return dict(vars(self))


@dataclass(frozen=True)
class Look:
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
    uplift: Estimate
    precision: Estimate
    enough: Enough
    why: str

    def plain(self) -> dict[str, Any]:
        """As JSON-able numbers."""
        nested = {name: getattr(self, name).plain() for name in ("uplift", "precision", "enough")}
        return dict(vars(self)) | nested


def look(labels: Labels, rule: Rule) -> Look:
    """The decision after all looks that these labels reach, with this look's interval."""
    count = len(labels.kept)
    reached = [size for size in rule.looks if size <= count]
    decided_at, decision = None, 0
    for size in reached:
        decision = _decision(labels.first(size), rule, size)
        if decision:
            decided_at = size
            break
    seen = labels.first(reached[-1]) if reached else labels
    evidence = weigh(seen, boundaries(rule.looks, rule.level)[len(reached) - 1]) if reached else None
    uplift, precision = _estimates(seen, evidence, rule)
    effect = None if evidence is None else float(np.sum(seen.kept) / evidence.sides.of_a[0])
    kept = int(np.sum(seen.kept))
    tally = _tallied(labels, effect or 1.0)
    projected = settled(tally, rule) if decision else enough(tally, rule)
    return Look(
        labels=len(seen.kept),
        kept=kept,
        dropped=len(seen.kept) - kept,
        waiting=count - len(seen.kept),
        next_look=next((size for size in rule.looks if size > count), None),
        decision=DECISIONS[decision],
        decided_at=decided_at,
        bound=None if evidence is None else float(evidence.bound[0]),
        design_effect=effect,
        uplift=uplift,
        precision=precision,
        enough=projected,
        why=_why(labels, rule, decision, (uplift, precision, projected)),
    )


def decide(evidence: Evidence, classes: int | None = None) -> npt.NDArray[np.int64]:
    """1 helps, -1 harms, 0 undecided: one entry per project."""
    far = distance(evidence.sides, np.zeros_like(evidence.bound))
    above, below = far > evidence.bound, far < -evidence.bound
    if classes == 2:
        off = (evidence.precision() - 0.5) * 2 * np.sqrt(evidence.of_kept)
        above, below = above & (off > evidence.bound_kept), below | (off < -evidence.bound_kept)
    return above.astype(np.int64) - below.astype(np.int64)


def weigh(labels: Labels, bound: float) -> Evidence | None:
    """What these labels are worth; None when a side has none, or all stand in one prompt."""
    kept, right = labels.kept, labels.right
    of_a, of_b = int(np.sum(kept)), int(np.sum(~kept))
    if not of_a or not of_b:
        return None
    right_a, right_b = int(np.sum(right & kept)), int(np.sum(right & ~kept))
    effect, effect_kept, wide, wide_kept = 1.0, 1.0, bound, bound
    if labels.prompt is not None:
        codes = np.unique(labels.prompt, return_inverse=True)[1]
        off_a = np.where(kept, right - right_a / of_a, 0.0) / of_a
        off_b = np.where(kept, 0.0, right - right_b / of_b) / of_b
        alone_a, alone_b = float(np.sum(off_a**2)), float(np.sum(off_b**2))
        if not codes.any() and len(codes) > 1:
            return None
        effect, wide = _together(codes, off_a - off_b, alone_a + alone_b, bound)
        effect_kept, wide_kept = _together(codes[kept], off_a[kept], alone_a, bound)
    counts = np.array([right_a, of_a, right_b, of_b], dtype=np.float64)[:, None]
    sides = Sides(*(counts / effect))
    return Evidence.at(sides, counts[1] / effect_kept, np.array([wide]), np.array([wide_kept]))


def _together(codes: npt.NDArray[np.int64], off: Floats, alone: float, bound: float) -> tuple[float, float]:
    """The design effect, never below 1, and the boundary widened for how well it is known; as is without repeats."""
    sizes = np.bincount(codes)
    prompts, pairs = int(np.count_nonzero(sizes)), float(np.sum(sizes * (sizes - 1.0)))
    if not pairs:
        return 1.0, bound
    if prompts < 2:
        return 1.0, float("inf")
    together = float(np.sum(np.bincount(codes, weights=off) ** 2)) * prompts / (prompts - 1)
    # Labels alone in their prompt add no doubt about the effect: n / (m - 1) degrees for n labels in prompts of m.
    degrees = len(codes) ** 2 / pairs * (prompts - 1) / prompts
    return max(1.0, together / alone) if alone > 0 else 1.0, float(stdtrit(degrees, ndtr(bound)))


def _decision(labels: Labels, rule: Rule, size: int) -> int:
    bound = boundaries(rule.looks, rule.level)[rule.looks.index(size)]
    evidence = weigh(labels, bound)
    return 0 if evidence is None else int(decide(evidence, rule.classes)[0])


def _tallied(labels: Labels, effect: float) -> Tallied:
    kept, right = labels.kept, labels.right
    right_sides = int(np.sum(right & kept)), int(np.sum(right & ~kept))
    return Tallied(right_sides[0], int(np.sum(kept)), right_sides[1], int(np.sum(~kept)), effect)


def _estimates(labels: Labels, evidence: Evidence | None, rule: Rule) -> tuple[Estimate, Estimate]:
    """uplift and precision; without evidence only what plain counting says."""
    if evidence is None:
        kept = labels.right[labels.kept]
        return Estimate(), Estimate(float(np.mean(kept))) if len(kept) else Estimate()
    worth = rule.dropped_share()
    ends = (float(end[0]) * worth for end in difference_interval(evidence.sides, evidence.bound))
    uplift = Estimate(float(evidence.sides.difference()[0]) * worth, *ends)
    share = evidence.precision()
    ends = (float(end[0]) for end in share_interval(share * evidence.of_kept, evidence.of_kept, evidence.bound_kept))
    return uplift, Estimate(float(share[0]), *ends)


def _why(labels: Labels, rule: Rule, decision: int, said: tuple[Estimate, Estimate, Enough]) -> str:
    """The size first, then what is missing."""
    uplift, precision, projected = said
    if not all(rule.rows):
        return projected.why
    if len(labels.kept) < rule.looks[0]:
        return f"the first look is at {rule.looks[0]} labels, {rule.looks[0] - len(labels.kept)} more"
    if uplift.value is None or uplift.low is None or uplift.high is None or precision.value is None:
        kept = int(np.sum(labels.kept))
        if 0 < kept < len(labels.kept):
            return "all labels stand in one prompt: label rows of others"
        return "no label on one of the two sides: label kept rows and dropped ones"
    size = (
        f"right among kept {precision.value:.0%}, uplift {uplift.value:+.3f} ({uplift.low:+.3f} to {uplift.high:+.3f})"
    )
    return size if decision else f"{size}; {projected.why}"
