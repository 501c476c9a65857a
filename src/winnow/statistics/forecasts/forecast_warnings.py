"""What to beware of in a forecast, each caution with a code, words, and whether it is sure.

Over-optimization is seen when the curve at the largest n lies below its peak by more than one paired standard error.
It is sure when the bootstrap over prompts excludes that nothing falls, although the peak was looked for: in each
replicate the peak is chosen anew, from the differences to the largest n, each centered on the one observed and in
units of its standard error, and the observed fall must exceed what such a search finds by chance. Without centering,
a flat curve would be called a falling one more often than it may.
Aims at one false alarm in twenty tables at most; proofs/forecast.py measures it for the ways labels are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from winnow.statistics.forecasts.candidates import Floats, ScoredCandidates
from winnow.statistics.forecasts.curves import BestOfNPoint
from winnow.statistics.forecasts.recommendation import Recommendation
from winnow.statistics.forecasts.share_estimates import (
    WeightTally,
    bootstrap_shares,
    paired_standard_error,
    share_values,
    widened_tail,
)

PLAN_HINT = "winnow plan --for forecast draws labels that can"

DOUBT_PROMPTS = 6
"""Prompts that agree with the first point and are added to each before a fall is called sure. Of 4, 6, 8 and 12
tried on flat curves, 6 is the smallest that stayed below one alarm in twenty where 30 random labels carry the end."""

ROUNDING_ERROR = 1e-9
"""Differences below are rounding."""

SUSPICIOUS_ERRORS = 3.0
SURELY_SUSPICIOUS_ERRORS = 5.0
"""Standard errors by which labeled rows may score higher or lower than all rows."""


@dataclass(frozen=True)
class ForecastWarning:
    """One thing to beware of."""

    code: str
    is_sure: bool
    message: str

    def to_dict(self) -> dict[str, str | bool]:
        return {"code": self.code, "sure": self.is_sure, "words": self.message}


@dataclass(frozen=True)
class CurveDecline:
    """From the peak of a curve to its end."""

    peak: int
    last: int
    """The n at which the curve is highest, and the largest."""
    size: float
    lower_bound: float
    """The lower end of the two-sided interval for the fall; 0 when it is not sure."""
    is_detected: bool
    is_sure: bool


def detect_decline(
    prompts: Floats, points: Sequence[tuple[int, WeightTally]], repeats: int, seed: int
) -> CurveDecline | None:
    """The fall of a curve from n to n; None when there is nothing to compare."""
    ns, tallies = [n for n, _ in points], [tally for _, tally in points]
    least_prompts = min((tally.effective_prompts for tally in tallies), default=0.0)
    if len(ns) < 2 or least_prompts < 2:
        return None
    curve = share_values(tallies, np.ones(len(prompts)), prompts)
    peak = int(np.argmax(curve))
    size = float(curve[peak] - curve[-1])
    if size <= 0 or size <= paired_standard_error(tallies[peak], tallies[-1], np.ones(len(prompts)), prompts):
        return CurveDecline(ns[peak], ns[-1], max(size, 0.0), 0.0, False, False)
    lower_bound = _decline_lower_bound(prompts, _add_doubt(tallies), repeats, seed)
    return CurveDecline(ns[peak], ns[-1], size, max(lower_bound, 0.0), True, lower_bound > 0)


def _decline_lower_bound(prompts: Floats, tallies: Sequence[WeightTally], repeats: int, seed: int) -> float:
    """The lower end of the interval for the fall: what remains of it when the search for a peak is paid for."""
    prompts = np.r_[prompts, 0.0, 0.0]
    curve = share_values(tallies, np.ones(len(prompts)), prompts)
    replicate_shares = bootstrap_shares(prompts, tallies, repeats, seed)
    replicate_shares = replicate_shares[~np.isnan(replicate_shares).any(axis=1)]
    if len(replicate_shares) < repeats / 2:
        return 0.0
    differences, replicate_differences = curve[:-1] - curve[-1], replicate_shares[:, :-1] - replicate_shares[:, -1:]
    error = replicate_differences.std(axis=0, ddof=1)
    varies = error > 1e-12
    if not varies.any():
        return 0.0
    largest_excess = ((replicate_differences[:, varies] - differences[varies]) / error[varies]).max(axis=1)
    chance_excess = float(
        np.quantile(largest_excess, 1 - widened_tail(min(tally.effective_prompts for tally in tallies)))
    )
    return float((differences[varies] - chance_excess * error[varies]).max())


def _add_doubt(tallies: Sequence[WeightTally]) -> list[WeightTally]:
    """Each point with a few prompts more, right in the share the first point shows.

    Where few labels carry the last point they may all be wrong by chance, and then vary too little to be doubted.
    """
    share = float(tallies[0].right.sum() / tallies[0].represented.sum())
    doubtful_tallies = []
    for tally in tallies:
        prompt_weight = (
            float(tally.represented.sum()) / min(tally.effective_labels, tally.effective_prompts) * DOUBT_PROMPTS
        )
        right, represented = [share * prompt_weight, 0.0], [share * prompt_weight, (1 - share) * prompt_weight]
        doubtful_tallies.append(
            replace(
                tally,
                right=np.r_[tally.right, right],
                represented=np.r_[tally.represented, represented],
                total=np.r_[tally.total, 0.0, 0.0],
            )
        )
    return doubtful_tallies


def find_forecast_warnings(
    candidates: ScoredCandidates,
    points: Sequence[BestOfNPoint],
    decline: CurveDecline | None,
    best: Recommendation | None,
) -> list[ForecastWarning]:
    """All of them, the worst first."""
    found = [
        _over_optimization_warning(decline),
        _label_warning(candidates, points),
        _sampling_warning(candidates),
        _no_gain_warning(best),
        _one_prompt_warning(candidates),
        _constant_score_warning(candidates),
        _short_prompt_warning(points),
    ]
    return [warning for warning in found if warning is not None]


def _over_optimization_warning(decline: CurveDecline | None) -> ForecastWarning | None:
    if decline is None or not decline.is_detected:
        return None
    message = (
        f"best-of-N is highest at N = {decline.peak} and {100 * decline.size:.1f} points lower at N = {decline.last}: "
        "beyond the peak the score finds what it is wrong about"
    )
    if decline.is_sure:
        message += f"; at least {100 * decline.lower_bound:.1f} points of the fall are no chance"
    return ForecastWarning("over-optimization", decline.is_sure, message)


def _label_warning(candidates: ScoredCandidates, points: Sequence[BestOfNPoint]) -> ForecastWarning | None:
    if candidates.label_source == "none":
        return ForecastWarning("no-labels", True, f"there is no label, so nothing can be forecast; {PLAN_HINT}")
    invisible = [point for point in points if point.accuracy.value is None]
    if not invisible:
        return None
    ns = ", ".join(str(point.n) for point in invisible)
    drawn = "labels drawn at random" if candidates.label_source == "random" else "these labels"
    return ForecastWarning("unseen", True, f"{drawn} cannot see N = {ns}: {invisible[-1].accuracy.why}; {PLAN_HINT}")


def _sampling_warning(candidates: ScoredCandidates) -> ForecastWarning | None:
    """Labels said to be drawn at random should score like all rows; prompts, not rows, are the units of the test."""
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
        f"labeled rows score {side} than all rows by {distance:.1f} standard errors: they were not drawn at random, "
        "and what they say holds for rows like them"
    )
    return ForecastWarning("labels-not-random", distance > SURELY_SUSPICIOUS_ERRORS, message)


def _no_gain_warning(best: Recommendation | None) -> ForecastWarning | None:
    if (
        best is None
        or best.gain.value is None
        or best.gain.low is None
        or best.gain.high is None
        or best.gain.low > ROUNDING_ERROR
    ):
        return None
    unused = best.rule == "best-of-n" and best.n == 1
    sure = best.gain.high < -ROUNDING_ERROR and not unused
    message = (
        "selecting by this score surely does harm" if sure else "no rule is surely better than taking any candidate"
    )
    return ForecastWarning(
        "no-gain", sure, f"{message} ({100 * best.gain.low:+.1f} to {100 * best.gain.high:+.1f} points)"
    )


def _one_prompt_warning(candidates: ScoredCandidates) -> ForecastWarning | None:
    if candidates.prompts > 1:
        return None
    return ForecastWarning(
        "one-prompt", True, "all rows belong to one prompt, which tells nothing about others: no intervals"
    )


def _constant_score_warning(candidates: ScoredCandidates) -> ForecastWarning | None:
    if int(candidates.sizes.max()) == 1 or len(candidates.tie_starts) > candidates.prompts:
        return None
    return ForecastWarning(
        "constant-score", True, "all candidates of a prompt have one score, so it cannot choose among them"
    )


def _short_prompt_warning(points: Sequence[BestOfNPoint]) -> ForecastWarning | None:
    short = [point for point in points if point.short_prompts]
    if not short:
        return None
    counts_by_n = ", ".join(f"N = {point.n}: {point.short_prompts}" for point in short)
    message = (
        f"some prompts have fewer candidates than drawn and give the best of all they have (prompts at {counts_by_n})"
    )
    return ForecastWarning("fewer-candidates", True, message)
