"""The share of prompts that have a right kept candidate, from labels of some rows.

A prompt without a kept row is not served, which verdicts alone tell. A prompt with k kept rows is known when all k are
labeled. Which of the prompts with k kept rows are known depends on how labels were drawn and not on who is right, so
their share served is estimated from the known ones, and weighed by how many prompts have k kept rows.
Promises: every row kept and labeled gives the plain share, with the interval of as many independent prompts. Where for
some k no prompt is known there is no value, only the ends between which it lies: from below a prompt counts as served
where one of the labels it has is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from winnow.statistics.card_inputs import (
    Booleans,
    Floats,
    Integers,
    LabeledRows,
    MeasureOptions,
    SamplingDesign,
    VerdictCounts,
)
from winnow.statistics.intervals import IntervalEstimate, ShareEstimate, draw_joint, encode_prompts, interval_from_draws


@dataclass(frozen=True)
class PromptCoverage:
    """The share with its interval; without a value, `low` and `high` are the ends it lies between.

    `prompts` counts the prompts with kept rows that are known.
    """

    figure: IntervalEstimate
    prompts: int = 0
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**self.figure.to_dict(), "prompts": self.prompts, "why": self.why}


@dataclass(frozen=True, eq=False)
class _CoverageStrata:
    """By number of kept rows: how many prompts, how many of them are seen, and the share served of those."""

    prompts: Floats
    known_prompts: Floats
    covered_share: Floats


def estimate_prompt_coverage(
    counts: VerdictCounts, labeled: LabeledRows, options: MeasureOptions
) -> PromptCoverage | None:
    """The share of prompts served; None where the table says nothing of its prompts."""
    prompts_by_kept_rows = counts.with_kept
    if prompts_by_kept_rows is None or labeled.prompt_kept is None:
        return None
    if not sum(prompts_by_kept_rows.values()):
        return PromptCoverage(IntervalEstimate(), 0, "the table has no prompt")
    if options.labels_drawn is SamplingDesign.BY_LABEL:
        return PromptCoverage(IntervalEstimate(), 0, "labels drawn by label do not show prompts as they are")
    weight = None if labeled.weight is None else labeled.weight[labeled.kept]
    if weight is not None and len(weight) and np.ptp(weight) > 1e-9 * weight.max():
        return PromptCoverage(
            IntervalEstimate(), 0, "kept rows were drawn with unequal chances, so prompts were not seen as they are"
        )
    kept = {number: prompts for number, prompts in prompts_by_kept_rows.items() if number and prompts}
    codes, size = encode_prompts(labeled.prompt[labeled.kept])
    labeled_per_prompt, right = np.bincount(codes, minlength=size), np.zeros(size, np.bool_)
    right[codes[labeled.right[labeled.kept] > 0.5]] = True
    kept_per_prompt = np.zeros(size)
    kept_per_prompt[codes] = labeled.prompt_kept[labeled.kept]
    known = labeled_per_prompt == kept_per_prompt
    strata = _build_strata(kept, kept_per_prompt[known].astype(np.int64), right[known])
    unknown = strata.known_prompts == 0
    total = float(sum(prompts_by_kept_rows.values()))
    if not unknown.any():
        return PromptCoverage(_estimate_coverage(strata, total, options), int(known.sum()))
    partial_strata = _build_strata(kept, kept_per_prompt.astype(np.int64), right)
    least = _estimate_coverage(_merge_strata(strata, partial_strata, unknown, 0.0), total, options)
    most = _estimate_coverage(_merge_strata(strata, partial_strata, unknown, 1.0), total, options)
    missing = strata.prompts[unknown].sum() / strata.prompts.sum()
    why = f"of {missing:.0%} of the prompts with kept rows none like it (as many kept rows) has them all labeled"
    return PromptCoverage(IntervalEstimate(None, least.low, most.high), int(known.sum()), why)


def _build_strata(kept: dict[int, int], kept_counts: Integers, right: Booleans) -> _CoverageStrata:
    prompts = np.array(list(kept.values()), np.float64)
    stratum_of = {number: stratum for stratum, number in enumerate(kept)}
    stratum = np.array([stratum_of[int(number)] for number in kept_counts], np.int64)
    seen = np.bincount(stratum, minlength=len(kept)).astype(np.float64)
    hits = np.bincount(stratum, right, minlength=len(kept)).astype(np.float64)
    return _CoverageStrata(prompts, seen, hits / np.maximum(seen, 1))


def _merge_strata(known: _CoverageStrata, partial: _CoverageStrata, unknown: Booleans, bound: float) -> _CoverageStrata:
    """The known strata, and for the others what their partly labeled prompts allow at least, or at most."""
    seen = np.where(unknown, partial.known_prompts if bound == 0 else np.inf, known.known_prompts)
    share = np.where(unknown, partial.covered_share if bound == 0 else 1.0, known.covered_share)
    # Not one label: nothing is seen served, and that is certain to be no more than the truth.
    return _CoverageStrata(known.prompts, np.where(seen == 0, np.inf, seen), share)


def _estimate_coverage(strata: _CoverageStrata, total: float, options: MeasureOptions) -> IntervalEstimate:
    """The weighed share; as certain as the prompts it was seen on and the table's own number of prompts make it."""
    weight = strata.prompts / total
    value = float(weight @ strata.covered_share)
    # A stratum that is all served so far may hold a prompt that is not.
    exact = np.isinf(strata.known_prompts)
    seen = np.where(exact, 1.0, strata.known_prompts)
    smooth = np.where(exact, strata.covered_share, (strata.covered_share * seen + 0.5) / (seen + 1))
    smoothed_mean = float(weight @ smooth)
    within = float((weight**2 * smooth * (1 - smooth) / seen)[~exact].sum())
    share_without_kept = 1 - float(weight.sum())
    across = float(weight @ (smooth - smoothed_mean) ** 2) + share_without_kept * smoothed_mean**2
    variance = within + across / total
    effective = min(smoothed_mean * (1 - smoothed_mean) / variance, total) if variance > 0 else total
    share = ShareEstimate(value, max(effective, 1e-6), np.inf, np.zeros(1), 0.0, int(total))
    return interval_from_draws(value, draw_joint([share], options.level, options.seed)[0], options.level)
