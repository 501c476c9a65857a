"""The share of prompts that have a right kept candidate, from labels of some rows.

A prompt without a kept row is not covered. A prompt with k kept rows is known if all k are labeled. Whether it is known
depends on how labels were drawn and not on who is right, so the prompts with k kept rows are estimated from the known
ones among them and weighted by their number. If for some k no prompt is known, there is no value but only bounds; the
lower one counts a prompt as covered if one of its labels is right.
"""

from __future__ import annotations

from dataclasses import dataclass

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
from winnow.statistics.intervals import IntervalEstimate, ShareEstimate, encode_prompts, estimate_interval


@dataclass(frozen=True)
class PromptCoverage(IntervalEstimate):
    """The share of prompts covered; without a value, `low` and `high` are its bounds.

    `prompts` counts the known prompts with kept rows.
    """

    prompts: int = 0
    why: str = ""


@dataclass(frozen=True, eq=False)
class _CoverageStrata:
    """By number of kept rows: prompts in the table, known prompts, and the share covered of those."""

    prompts: Floats
    known_prompts: Floats
    covered_share: Floats


def estimate_prompt_coverage(
    counts: VerdictCounts, labeled: LabeledRows, options: MeasureOptions
) -> PromptCoverage | None:
    """Estimate the share of prompts covered; None if the table does not count its prompts."""
    prompts_by_kept_rows = counts.with_kept
    if prompts_by_kept_rows is None or labeled.prompt_kept is None:
        return None
    if not sum(prompts_by_kept_rows.values()):
        return PromptCoverage(why="the table has no prompt")
    if options.labels_drawn is SamplingDesign.BY_LABEL:
        return PromptCoverage(why="labels drawn by label do not show whole prompts")
    weight = None if labeled.weight is None else labeled.weight[labeled.kept]
    if weight is not None and len(weight) and np.ptp(weight) > 1e-9 * weight.max():
        return PromptCoverage(why="kept rows were drawn with unequal chances")
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
        share = _estimate_coverage(strata, total, options)
        return PromptCoverage(share.value, share.low, share.high, int(known.sum()))
    partial_strata = _build_strata(kept, kept_per_prompt.astype(np.int64), right)
    least = _estimate_coverage(_merge_strata(strata, partial_strata, unknown, 0.0), total, options)
    most = _estimate_coverage(_merge_strata(strata, partial_strata, unknown, 1.0), total, options)
    missing = strata.prompts[unknown].sum() / strata.prompts.sum()
    why = f"for {missing:.0%} of the prompts with kept rows, no prompt with as many kept rows has them all labeled"
    return PromptCoverage(None, least.low, most.high, int(known.sum()), why)


def _build_strata(kept: dict[int, int], kept_counts: Integers, right: Booleans) -> _CoverageStrata:
    prompts = np.array(list(kept.values()), np.float64)
    stratum_of = {number: stratum for stratum, number in enumerate(kept)}
    stratum = np.array([stratum_of[int(number)] for number in kept_counts], np.int64)
    seen = np.bincount(stratum, minlength=len(kept)).astype(np.float64)
    hits = np.bincount(stratum, right, minlength=len(kept)).astype(np.float64)
    return _CoverageStrata(prompts, seen, hits / np.maximum(seen, 1))


def _merge_strata(known: _CoverageStrata, partial: _CoverageStrata, unknown: Booleans, bound: float) -> _CoverageStrata:
    """Return the known strata, and for the others the bound that their partly labeled prompts allow."""
    seen = np.where(unknown, partial.known_prompts if bound == 0 else np.inf, known.known_prompts)
    share = np.where(unknown, partial.covered_share if bound == 0 else 1.0, known.covered_share)
    # Without any label nothing is known to be covered, which is a certain lower bound.
    return _CoverageStrata(known.prompts, np.where(seen == 0, np.inf, seen), share)


def _estimate_coverage(strata: _CoverageStrata, total: float, options: MeasureOptions) -> IntervalEstimate:
    """Return the weighted share, with the precision of the known prompts and of the table's number of prompts."""
    weight = strata.prompts / total
    value = float(weight @ strata.covered_share)
    # A stratum whose known prompts are all covered may contain one that is not.
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
    return estimate_interval(share, options.level, options.seed)
