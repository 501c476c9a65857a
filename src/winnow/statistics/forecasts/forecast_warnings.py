"""Warnings about a forecast, each with a code, a message, and whether it is sure.

Over-optimization is detected if the curve at the largest n lies below its peak by more than one paired standard error.
It is sure if the bootstrap over prompts excludes a flat curve, corrected for the search for the peak: in each replicate
the peak is searched again among the centered and studentized differences to the largest n, and the observed decline
must exceed what such a search finds by chance. The aim is at most one false alarm in twenty tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from winnow.statistics.forecasts.candidates import ScoredCandidates
from winnow.statistics.forecasts.curves import CurvePoint
from winnow.statistics.forecasts.recommendation import Recommendation
from winnow.statistics.forecasts.share_estimates import (
    PromptBlocks,
    WeightTally,
    bootstrap_shares,
    paired_standard_error,
    share_values,
    widened_tail,
)
from winnow.statistics.intervals import EstimateWarning

PLAN_HINT = "draw labels with winnow plan --for forecast"

DOUBT_PROMPTS = 6
"""Prompts in agreement with the first point that are added to each point before a decline is called sure. Of 4, 6, 8
and 12 tried on flat curves, 6 is the smallest with at most 5% false alarms where 30 random labels carry the last point.
"""

ROUNDING_ERROR = 1e-9

SUSPICIOUS_ERRORS = 3.0
SURELY_SUSPICIOUS_ERRORS = 5.0  # standard errors by which labeled rows may score higher or lower than all rows


@dataclass(frozen=True)
class CurveDecline:
    """The decline of a curve from its peak to its last point."""

    peak: int
    last: int
    size: float
    lower_bound: float  # the lower end of the interval for the decline; 0 if it is not sure
    is_detected: bool
    is_sure: bool


def detect_decline(blocks: PromptBlocks, points: Sequence[tuple[int, WeightTally]]) -> CurveDecline | None:
    """Return the decline of a curve given as (n, tally) points; None with fewer than two points or prompts."""
    ns, tallies = [n for n, _ in points], [tally for _, tally in points]
    least_prompts = min((tally.effective_prompts for tally in tallies), default=0.0)
    if len(ns) < 2 or least_prompts < 2:
        return None
    prompts, all_blocks = blocks.prompts_per_block, np.ones(blocks.count)
    curve = share_values(tallies, all_blocks, prompts)
    peak = int(np.argmax(curve))
    size = float(curve[peak] - curve[-1])
    if size <= 0 or size <= paired_standard_error(tallies[peak], tallies[-1], all_blocks, prompts):
        return CurveDecline(ns[peak], ns[-1], max(size, 0.0), 0.0, False, False)
    lower_bound = _decline_lower_bound(blocks, _add_doubt(tallies))
    return CurveDecline(ns[peak], ns[-1], size, max(lower_bound, 0.0), True, lower_bound > 0)


def _decline_lower_bound(blocks: PromptBlocks, tallies: Sequence[WeightTally]) -> float:
    """Return the lower end of the interval for the decline, corrected for the search for the peak."""
    prompts = np.r_[blocks.prompts_per_block, 0.0, 0.0]
    curve = share_values(tallies, np.ones(len(prompts)), prompts)
    replicate_shares = bootstrap_shares(prompts, tallies, blocks.repeats, blocks.seed)
    replicate_shares = replicate_shares[~np.isnan(replicate_shares).any(axis=1)]
    if len(replicate_shares) < blocks.repeats / 2:
        return 0.0
    differences, replicate_differences = curve[:-1] - curve[-1], replicate_shares[:, :-1] - replicate_shares[:, -1:]
    error = replicate_differences.std(axis=0, ddof=1)
    varies = error > 1e-12
    if not varies.any():
        return 0.0
    largest_excess = ((replicate_differences[:, varies] - differences[varies]) / error[varies]).max(axis=1)
    units = min(tally.effective_prompts for tally in tallies)
    chance_excess = float(np.quantile(largest_excess, 1 - widened_tail(units)))
    return float((differences[varies] - chance_excess * error[varies]).max())


def _add_doubt(tallies: Sequence[WeightTally]) -> list[WeightTally]:
    """Add a few prompts to each point, with the share right of the first point.

    The few labels at the last point may all be wrong by chance, and then show too little variance.
    """
    share = float(tallies[0].right.sum() / tallies[0].represented.sum())
    doubtful_tallies = []
    for tally in tallies:
        units = min(tally.effective_labels, tally.effective_prompts)
        prompt_weight = float(tally.represented.sum()) / units * DOUBT_PROMPTS
        right, represented = [share * prompt_weight, 0.0], [share * prompt_weight, (1 - share) * prompt_weight]
        sums = np.r_[tally.right, right], np.r_[tally.represented, represented], np.r_[tally.total, 0.0, 0.0]
        doubtful_tallies.append(replace(tally, right=sums[0], represented=sums[1], total=sums[2]))
    return doubtful_tallies


def find_forecast_warnings(
    candidates: ScoredCandidates,
    points: Sequence[CurvePoint],
    decline: CurveDecline | None,
    best: Recommendation | None,
) -> list[EstimateWarning]:
    """Return all warnings, the most serious first."""
    one_prompt = constant = None
    if candidates.prompts == 1:
        one_prompt = EstimateWarning("one-prompt", True, "all rows belong to one prompt, so there are no intervals")
    if int(candidates.sizes.max()) > 1 and len(candidates.tie_starts) <= candidates.prompts:
        message = "all candidates of a prompt have the same score, so the score cannot choose among them"
        constant = EstimateWarning("constant-score", True, message)
    warnings = [
        _over_optimization_warning(decline),
        _label_warning(candidates, points),
        _sampling_warning(candidates),
        _no_gain_warning(best),
        one_prompt,
        constant,
        _short_prompt_warning(candidates, points),
    ]
    return [warning for warning in warnings if warning is not None]


def _over_optimization_warning(decline: CurveDecline | None) -> EstimateWarning | None:
    if decline is None or not decline.is_detected:
        return None
    message = (
        f"the share right of best-of-N is highest at N = {decline.peak} and {100 * decline.size:.1f} points lower at"
        f" N = {decline.last}: beyond the peak, the highest scores go to wrong answers"
    )
    if decline.is_sure:
        message += f"; the decline is surely at least {100 * decline.lower_bound:.1f} points"
    return EstimateWarning("over-optimization", decline.is_sure, message)


def _label_warning(candidates: ScoredCandidates, points: Sequence[CurvePoint]) -> EstimateWarning | None:
    if candidates.label_source == "none":
        return EstimateWarning("no-labels", True, f"without labels nothing can be forecast; {PLAN_HINT}")
    invisible = [point for point in points if point.accuracy.value is None]
    if not invisible:
        return None
    ns = ", ".join(str(point.at) for point in invisible)
    drawn = "labels drawn at random" if candidates.label_source == "random" else "these labels"
    message = f"{drawn} are too few to estimate N = {ns}: {invisible[-1].accuracy.why}; {PLAN_HINT}"
    return EstimateWarning("unseen", True, message)


def _sampling_warning(candidates: ScoredCandidates) -> EstimateWarning | None:
    """Warn if labels that are stated to be random score unlike all rows; prompts are the units of the test."""
    if candidates.label_source != "random":
        return None
    prompt, score = candidates.prompt[candidates.labeled], candidates.score[candidates.labeled]
    difference = float(score.mean() - candidates.score.mean())
    by_prompt = np.bincount(prompt, score - score.mean(), candidates.prompts)
    error = float(np.sqrt((by_prompt**2).sum())) / len(score)
    distance = abs(difference) / error if error > 1e-12 else 0.0
    if distance <= SUSPICIOUS_ERRORS:
        return None
    side = "better" if difference > 0 else "worse"
    message = (
        f"the labels were not drawn at random: labeled rows score {side} than all rows by {distance:.1f} standard"
        f" errors (n = {len(score):,} labels), so the forecast holds only for rows like them"
    )
    return EstimateWarning("labels-not-random", distance > SURELY_SUSPICIOUS_ERRORS, message)


def _no_gain_warning(best: Recommendation | None) -> EstimateWarning | None:
    if best is None or best.gain.low is None or best.gain.high is None or best.gain.low > ROUNDING_ERROR:
        return None
    unused = best.rule == "best-of-n" and best.n == 1
    sure = best.gain.high < -ROUNDING_ERROR and not unused
    interval = f"the gain is {100 * best.gain.low:+.1f} to {100 * best.gain.high:+.1f} points"
    message = "selecting by this score surely harms" if sure else "no rule is surely better than taking any candidate"
    return EstimateWarning("no-gain", sure, f"{message}: {interval}")


def _short_prompt_warning(candidates: ScoredCandidates, points: Sequence[CurvePoint]) -> EstimateWarning | None:
    short_prompts = {point.at: int((candidates.sizes < point.at).sum()) for point in points}
    counts_by_n = ", ".join(f"N = {n}: {count}" for n, count in short_prompts.items() if count)
    if not counts_by_n:
        return None
    message = (
        f"some prompts have fewer than N candidates and contribute the best of all they have (prompts at {counts_by_n})"
    )
    return EstimateWarning("fewer-candidates", True, message)
