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

from winnow.stats.forecasts.candidates import Candidates, Floats
from winnow.stats.forecasts.curves import Drawn
from winnow.stats.forecasts.estimates import Tally, paired_error, replicates, values, widened
from winnow.stats.forecasts.recommend import Recommended

PLAN = "winnow plan --for forecast draws labels that can"

DOUBT = 6
"""Prompts that agree with the first point and are added to each before a fall is called sure. Of 4, 6, 8 and 12
tried on flat curves, 6 is the smallest that stayed below one alarm in twenty where 30 random labels carry the end."""

NOTHING = 1e-9
"""Differences below are rounding."""

STRANGE = 3.0
SURELY_STRANGE = 5.0
"""Standard errors by which labeled rows may score higher or lower than all rows."""


@dataclass(frozen=True)
class Caution:
    """One thing to beware of."""

    code: str
    sure: bool
    words: str

    def plain(self) -> dict[str, str | bool]:
        return {"code": self.code, "sure": self.sure, "words": self.words}


@dataclass(frozen=True)
class Fall:
    """From the peak of a curve to its end."""

    peak: int
    last: int
    """The n at which the curve is highest, and the largest."""
    size: float
    at_least: float
    """The lower end of the two-sided interval for the fall; 0 when it is not sure."""
    seen: bool
    sure: bool


def fall(prompts: Floats, points: Sequence[tuple[int, Tally]], repeats: int, seed: int) -> Fall | None:
    """The fall of a curve from n to n; None when there is nothing to compare."""
    ns, tallies = [n for n, _ in points], [tally for _, tally in points]
    units = min((tally.prompts for tally in tallies), default=0.0)
    if len(ns) < 2 or units < 2:
        return None
    curve = values(tallies, np.ones(len(prompts)), prompts)
    peak = int(np.argmax(curve))
    size = float(curve[peak] - curve[-1])
    if size <= 0 or size <= paired_error(tallies[peak], tallies[-1], np.ones(len(prompts)), prompts):
        return Fall(ns[peak], ns[-1], max(size, 0.0), 0.0, False, False)
    at_least = _beyond_chance(prompts, _doubted(tallies), repeats, seed)
    return Fall(ns[peak], ns[-1], size, max(at_least, 0.0), True, at_least > 0)


def _beyond_chance(prompts: Floats, tallies: Sequence[Tally], repeats: int, seed: int) -> float:
    """The lower end of the interval for the fall: what remains of it when the search for a peak is paid for."""
    prompts = np.r_[prompts, 0.0, 0.0]
    curve = values(tallies, np.ones(len(prompts)), prompts)
    again = replicates(prompts, tallies, repeats, seed)
    again = again[~np.isnan(again).any(axis=1)]
    if len(again) < repeats / 2:
        return 0.0
    differences, moved = curve[:-1] - curve[-1], again[:, :-1] - again[:, -1:]
    error = moved.std(axis=0, ddof=1)
    varies = error > 1e-12
    if not varies.any():
        return 0.0
    searched = ((moved[:, varies] - differences[varies]) / error[varies]).max(axis=1)
    by_chance = float(np.quantile(searched, 1 - widened(min(tally.prompts for tally in tallies))))
    return float((differences[varies] - by_chance * error[varies]).max())


def _doubted(tallies: Sequence[Tally]) -> list[Tally]:
    """Each point with a few prompts more, right in the share the first point shows.

    Where few labels carry the last point they may all be wrong by chance, and then vary too little to be doubted.
    """
    share = float(tallies[0].right.sum() / tallies[0].spoken.sum())
    doubted = []
    for tally in tallies:
        one = float(tally.spoken.sum()) / min(tally.labels, tally.prompts) * DOUBT
        right, spoken = [share * one, 0.0], [share * one, (1 - share) * one]
        doubted.append(
            replace(
                tally,
                right=np.r_[tally.right, right],
                spoken=np.r_[tally.spoken, spoken],
                whole=np.r_[tally.whole, 0.0, 0.0],
            )
        )
    return doubted


def cautions(
    candidates: Candidates, points: Sequence[Drawn], falling: Fall | None, best: Recommended | None
) -> list[Caution]:
    """All of them, the worst first."""
    found = [
        _over_optimization(falling),
        _labels(candidates, points),
        _not_random(candidates),
        _no_gain(best),
        _one_prompt(candidates),
        _constant(candidates),
        _fewer(points),
    ]
    return [one for one in found if one is not None]


def _over_optimization(falling: Fall | None) -> Caution | None:
    if falling is None or not falling.seen:
        return None
    words = (
        f"best-of-N is highest at N = {falling.peak} and {100 * falling.size:.1f} points lower at N = {falling.last}: "
        "beyond the peak the score finds what it is wrong about"
    )
    if falling.sure:
        words += f"; at least {100 * falling.at_least:.1f} points of the fall are no chance"
    return Caution("over-optimization", falling.sure, words)


def _labels(candidates: Candidates, points: Sequence[Drawn]) -> Caution | None:
    if candidates.labels == "none":
        return Caution("no-labels", True, f"there is no label, so nothing can be forecast; {PLAN}")
    blind = [point for point in points if point.accuracy.value is None]
    if not blind:
        return None
    ns = ", ".join(str(point.n) for point in blind)
    drawn = "labels drawn at random" if candidates.labels == "random" else "these labels"
    return Caution("unseen", True, f"{drawn} cannot see N = {ns}: {blind[-1].accuracy.why}; {PLAN}")


def _not_random(candidates: Candidates) -> Caution | None:
    """Labels said to be drawn at random should score like all rows; prompts, not rows, are the units of the test."""
    if candidates.labels != "random":
        return None
    prompt, score = candidates.prompt[candidates.labeled], candidates.score[candidates.labeled]
    away = float(score.mean() - candidates.score.mean())
    by_prompt = np.bincount(prompt, score - score.mean(), candidates.prompts)
    error = float(np.sqrt((by_prompt**2).sum())) / len(score)
    distance = abs(away) / error if error > 1e-12 else 0.0
    if distance <= STRANGE:
        return None
    side = "better" if away > 0 else "worse"
    words = (
        f"labeled rows score {side} than all rows by {distance:.1f} standard errors: they were not drawn at random, "
        "and what they say holds for rows like them"
    )
    return Caution("labels-not-random", distance > SURELY_STRANGE, words)


def _no_gain(best: Recommended | None) -> Caution | None:
    if (
        best is None
        or best.gain.value is None
        or best.gain.low is None
        or best.gain.high is None
        or best.gain.low > NOTHING
    ):
        return None
    unused = best.rule == "best-of-n" and best.n == 1
    sure = best.gain.high < -NOTHING and not unused
    words = "selecting by this score surely does harm" if sure else "no rule is surely better than taking any candidate"
    return Caution("no-gain", sure, f"{words} ({100 * best.gain.low:+.1f} to {100 * best.gain.high:+.1f} points)")


def _one_prompt(candidates: Candidates) -> Caution | None:
    if candidates.prompts > 1:
        return None
    return Caution("one-prompt", True, "all rows belong to one prompt, which tells nothing about others: no intervals")


def _constant(candidates: Candidates) -> Caution | None:
    if int(candidates.sizes.max()) == 1 or len(candidates.ties) > candidates.prompts:
        return None
    return Caution("constant-score", True, "all candidates of a prompt have one score, so it cannot choose among them")


def _fewer(points: Sequence[Drawn]) -> Caution | None:
    short = [point for point in points if point.fewer]
    if not short:
        return None
    said = ", ".join(f"N = {point.n}: {point.fewer}" for point in short)
    words = f"some prompts have fewer candidates than drawn and give the best of all they have (prompts at {said})"
    return Caution("fewer-candidates", True, words)
