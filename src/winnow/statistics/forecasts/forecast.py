"""The forecast: what each rule of selection would give before anything is trained, and which to use.

Promises: exact where all rows are labeled; without bias over the whole curve where a plan drew the labels with known
chances; and where labels were drawn at random, no value for an n they cannot see. Same input, same output.
It reads no table and writes no file; what it says about students is a lead and no estimate (students.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from winnow.errors import UsageError, suggest_name
from winnow.statistics.forecasts import curves
from winnow.statistics.forecasts.candidates import ScoredCandidates
from winnow.statistics.forecasts.curves import BestOfNPoint, CutoffPoint, PassAtNPoint
from winnow.statistics.forecasts.forecast_warnings import (
    CurveDecline,
    ForecastWarning,
    detect_decline,
    find_forecast_warnings,
)
from winnow.statistics.forecasts.recommendation import (
    BootstrapSettings,
    FileForecast,
    Recommendation,
    RuleComparison,
    forecast_files,
    recommend_rule,
)
from winnow.statistics.forecasts.share_estimates import ForecastInterval, PromptBlocks, bootstrap_shares
from winnow.statistics.forecasts.students import (
    COUNTER_EVIDENCE,
    CopiedShares,
    Regime,
    StudentOutlook,
    describe_student_outlook,
    estimate_copied_shares,
)

REPEATS = 2000


@dataclass(frozen=True)
class ForecastRequest:
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
            raise UsageError("--regime", f"{self.regime} is no regime", suggest_name(self.regime, COUNTER_EVIDENCE))
        if any(n < 1 for n in self.n or ()):
            raise UsageError("--n", f"{min(self.n or ())} is not a whole number from 1", "For example --n 1,2,4,8")
        if any(not 0 < share <= 1 for share in self.top_shares or ()):
            raise UsageError("--top-share", "a share lies outside (0, 1]", "For example 0.25")
        if not np.isfinite(list(self.thresholds or ())).all():
            raise UsageError("--threshold", "a threshold is not finite", "Correct the value")
        if self.repeats < 100:
            raise UsageError("repeats", f"{self.repeats} replicates make no interval", "Use at least 100")


@dataclass(frozen=True)
class WinnersCurvePoint:
    """What a score leads one to expect of the best of n, from the scores that chose it."""

    n: int
    score: float
    """Mean score of the chosen; it never gets worse with n, whatever the truth does."""
    accuracy: float | None
    optimistic: float | None
    """The share right that labels show at such scores; optimistic, not checked."""

    def to_dict(self) -> dict[str, float | int | None]:
        return {"n": self.n, "score": self.score, "accuracy": self.accuracy, "optimistic": self.optimistic}


@dataclass(frozen=True)
class Forecast:
    """All curves, the rule to use, and what to beware of."""

    rows: int
    prompts: int
    labeled: int
    labels: str
    best_of_n: list[BestOfNPoint]
    pass_at_n: list[PassAtNPoint]
    thresholds: list[CutoffPoint]
    top_shares: list[CutoffPoint]
    winners_curve: list[WinnersCurvePoint]
    recommended: Recommendation | None
    file_forecasts: list[FileForecast]
    copied_shares: list[CopiedShares]
    student_outlook: StudentOutlook
    decline: CurveDecline | None
    warnings: list[ForecastWarning] = field(default_factory=list)

    def to_dict(self) -> dict[str, object]:
        """As JSON holds it: no NaN, None where nothing can be said."""
        return {
            "rows": self.rows,
            "prompts": self.prompts,
            "labeled": self.labeled,
            "labels": self.labels,
            "best_of_n": [point.to_dict() for point in self.best_of_n],
            "pass_at_n": [point.to_dict() for point in self.pass_at_n],
            "thresholds": [point.to_dict() for point in self.thresholds],
            "top_shares": [point.to_dict() for point in self.top_shares],
            "optimistic_not_checked": [
                {"n": one.n, "accuracy": one.optimistic} for one in self.winners_curve if self.labels == "random"
            ],
            "winners_curve": [point.to_dict() for point in self.winners_curve],
            "recommended": None if self.recommended is None else self.recommended.to_dict(),
            "said": [one.to_dict() for one in self.file_forecasts],
            "copied": [one.to_dict() for one in self.copied_shares],
            "lead": self.student_outlook.to_dict(),
            "warnings": [one.to_dict() for one in self.warnings],
        }


def compute_forecast(candidates: ScoredCandidates, request: ForecastRequest | None = None) -> Forecast:
    """Everything that can be said before training."""
    request = request or ForecastRequest()
    blocks = PromptBlocks(candidates, request.seed)
    ns = tuple(sorted(set(request.n or curves.default_n(candidates))))
    best_of_n = curves.best_of_n_rules(blocks, ns)
    threshold_rules = curves.threshold_rules(blocks, request.thresholds or curves.default_thresholds(candidates))
    top_share_rules = curves.top_share_rules(blocks, request.top_shares or curves.TOP_SHARES, request.seed)
    share_draws = bootstrap_shares(
        blocks.prompts_per_block, [option.row_tally for option in best_of_n], request.repeats, request.seed
    )
    points = curves.best_of_n_curve(blocks, best_of_n, share_draws)
    visible = [
        (point.n, option.row_tally)
        for point, option in zip(points, best_of_n, strict=True)
        if option.row_tally.is_visible
    ]
    decline = detect_decline(blocks.prompts_per_block, visible, request.repeats, request.seed)
    comparison = RuleComparison(blocks, [*best_of_n, *threshold_rules, *top_share_rules])
    settings = BootstrapSettings(request.repeats, request.seed, request.command)
    recommended = recommend_rule(comparison, settings)
    student_outlook = _student_outlook(recommended, request)
    return Forecast(
        rows=candidates.rows,
        prompts=candidates.prompts,
        labeled=len(candidates.labeled),
        labels=candidates.label_source,
        best_of_n=points,
        pass_at_n=curves.pass_at_n_curve(blocks, ns, request.repeats, request.seed),
        thresholds=curves.cutoff_curve(blocks, threshold_rules, request.repeats, request.seed),
        top_shares=curves.cutoff_curve(blocks, top_share_rules, request.repeats, request.seed),
        winners_curve=_winners_curve(candidates, points),
        recommended=recommended,
        file_forecasts=[] if recommended is None else forecast_files(comparison, settings),
        copied_shares=estimate_copied_shares(blocks, comparison.best_of_each_kind(), request.repeats, request.seed),
        student_outlook=student_outlook,
        decline=decline,
        warnings=find_forecast_warnings(candidates, points, decline, recommended),
    )


def _winners_curve(candidates: ScoredCandidates, points: Sequence[BestOfNPoint]) -> list[WinnersCurvePoint]:
    ns = [point.n for point in points]
    scores = curves.mean_of_chosen(candidates, ns, candidates.sign * candidates.score)
    calibrated: list[float | None] = [None] * len(ns)
    if candidates.label_source != "none":
        calibrated = [*curves.mean_of_chosen(candidates, ns, curves.calibrate_scores(candidates))]
    return [
        WinnersCurvePoint(point.n, score, point.accuracy.value, optimistic)
        for point, score, optimistic in zip(points, scores, calibrated, strict=True)
    ]


def _student_outlook(recommended: Recommendation | None, request: ForecastRequest) -> StudentOutlook:
    no_estimate = ForecastInterval(None, why="no rule could be judged")
    return describe_student_outlook(
        request.regime, no_estimate if recommended is None else recommended.gain, request.outcomes
    )
