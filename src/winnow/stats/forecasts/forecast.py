"""The forecast: what each rule of selection would give before anything is trained, and which to use.

Promises: exact where all rows are labeled; without bias over the whole curve where a plan drew the labels with known
chances; and where labels were drawn at random, no value for an n they cannot see. Same input, same output.
It reads no table and writes no file; what it says about students is a lead and no estimate (students.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from winnow.data.errors import UsageError, nearest
from winnow.stats.forecasts import curves
from winnow.stats.forecasts.candidates import Candidates
from winnow.stats.forecasts.cautions import Caution, Fall, cautions, fall
from winnow.stats.forecasts.curves import Drawn, Kept, Passed
from winnow.stats.forecasts.estimates import Blocks, Estimate, replicates
from winnow.stats.forecasts.recommend import Contest, Rates, Recommended, Said, recommend, said_of_files
from winnow.stats.forecasts.students import COUNTER_EVIDENCE, Copied, Lead, Regime, copied, lead

REPEATS = 2000


@dataclass(frozen=True)
class Asked:
    """What to forecast; None stands for the usual choice."""

    n: Sequence[int] | None = None
    thresholds: Sequence[float] | None = None
    top_shares: Sequence[float] | None = None
    regime: Regime = "self"
    outcomes: Sequence[tuple[float, float]] = ()
    """Recorded students of the same regime: the share right said of their rows, and the one they got."""
    command: str = "winnow select TABLE --score SCORE"
    """What the recommended rule is added to."""
    seed: int = 0
    repeats: int = REPEATS

    def __post_init__(self) -> None:
        if self.regime not in COUNTER_EVIDENCE:
            raise UsageError("--regime", f"{self.regime} is no regime", nearest(self.regime, COUNTER_EVIDENCE))
        if any(n < 1 for n in self.n or ()):
            raise UsageError("--n", f"{min(self.n or ())} is not a whole number from 1", "For example --n 1,2,4,8")
        if any(not 0 < share <= 1 for share in self.top_shares or ()):
            raise UsageError("--top-share", "a share lies outside (0, 1]", "For example 0.25")
        if not np.isfinite(list(self.thresholds or ())).all():
            raise UsageError("--threshold", "a threshold is not finite", "Correct the value")
        if self.repeats < 100:
            raise UsageError("repeats", f"{self.repeats} replicates make no interval", "Use at least 100")


@dataclass(frozen=True)
class Promise:
    """What a score leads one to expect of the best of n, from the scores that chose it."""

    n: int
    score: float
    """Mean score of the chosen; it never gets worse with n, whatever the truth does."""
    accuracy: float | None
    optimistic: float | None
    """The share right that labels show at such scores; optimistic, not checked."""

    def plain(self) -> dict[str, float | int | None]:
        return {"n": self.n, "score": self.score, "accuracy": self.accuracy, "optimistic": self.optimistic}


@dataclass(frozen=True)
class Forecast:
    """All curves, the rule to use, and what to beware of."""

    rows: int
    prompts: int
    labeled: int
    labels: str
    best_of_n: list[Drawn]
    pass_at_n: list[Passed]
    thresholds: list[Kept]
    top_shares: list[Kept]
    winners_curve: list[Promise]
    recommended: Recommended | None
    said: list[Said]
    copied: list[Copied]
    lead: Lead
    fall: Fall | None
    warnings: list[Caution] = field(default_factory=list)

    def plain(self) -> dict[str, object]:
        """As JSON holds it: no NaN, None where nothing can be said."""
        return {
            "rows": self.rows,
            "prompts": self.prompts,
            "labeled": self.labeled,
            "labels": self.labels,
            "best_of_n": [point.plain() for point in self.best_of_n],
            "pass_at_n": [point.plain() for point in self.pass_at_n],
            "thresholds": [point.plain() for point in self.thresholds],
            "top_shares": [point.plain() for point in self.top_shares],
            "optimistic_not_checked": [
                {"n": one.n, "accuracy": one.optimistic} for one in self.winners_curve if self.labels == "random"
            ],
            "winners_curve": [point.plain() for point in self.winners_curve],
            "recommended": None if self.recommended is None else self.recommended.plain(),
            "said": [one.plain() for one in self.said],
            "copied": [one.plain() for one in self.copied],
            "lead": self.lead.plain(),
            "warnings": [one.plain() for one in self.warnings],
        }


def forecast(candidates: Candidates, asked: Asked | None = None) -> Forecast:
    """Everything that can be said before training."""
    asked = asked or Asked()
    blocks = Blocks(candidates, asked.seed)
    ns = tuple(sorted(set(asked.n or curves.usual_n(candidates))))
    best = curves.best_options(blocks, ns)
    cuts = curves.cut_options(blocks, asked.thresholds or curves.usual_cuts(candidates))
    shares = curves.share_options(blocks, asked.top_shares or curves.TOP_SHARES, asked.seed)
    drawn = replicates(blocks.prompts, [option.among for option in best], asked.repeats, asked.seed)
    points = curves.best_curve(blocks, best, drawn)
    visible = [(point.n, option.among) for point, option in zip(points, best, strict=True) if option.among.seen]
    falling = fall(blocks.prompts, visible, asked.repeats, asked.seed)
    contest = Contest(blocks, [*best, *cuts, *shares])
    rates = Rates(asked.repeats, asked.seed, asked.command)
    recommended = recommend(contest, rates)
    leading = _lead(recommended, asked)
    return Forecast(
        rows=candidates.rows,
        prompts=candidates.prompts,
        labeled=len(candidates.labeled),
        labels=candidates.labels,
        best_of_n=points,
        pass_at_n=curves.pass_curve(blocks, ns, asked.repeats, asked.seed),
        thresholds=curves.kept_curve(blocks, cuts, asked.repeats, asked.seed),
        top_shares=curves.kept_curve(blocks, shares, asked.repeats, asked.seed),
        winners_curve=_promises(candidates, points),
        recommended=recommended,
        said=[] if recommended is None else said_of_files(contest, rates),
        copied=copied(blocks, contest.of_each_kind(), asked.repeats, asked.seed),
        lead=leading,
        fall=falling,
        warnings=cautions(candidates, points, falling, recommended),
    )


def _promises(candidates: Candidates, points: Sequence[Drawn]) -> list[Promise]:
    ns = [point.n for point in points]
    scores = curves.promised(candidates, ns, candidates.sign * candidates.score)
    believed: list[float | None] = [None] * len(ns)
    if candidates.labels != "none":
        believed = [*curves.promised(candidates, ns, curves.calibrated(candidates))]
    return [
        Promise(point.n, score, point.accuracy.value, hope)
        for point, score, hope in zip(points, scores, believed, strict=True)
    ]


def _lead(recommended: Recommended | None, asked: Asked) -> Lead:
    nothing = Estimate(None, why="no rule could be judged")
    return lead(asked.regime, nothing if recommended is None else recommended.gain, asked.outcomes)
