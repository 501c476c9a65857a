"""The forecast: the share right that each selection rule would give, before anything is trained, and the rule to use.

Values are exact with all labels and unbiased with labels drawn by a plan; with labels drawn at random there is no value
for an n that they cannot estimate. The same input gives the same output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from winnow.statistics.forecasts import curves
from winnow.statistics.forecasts.candidates import ScoredCandidates
from winnow.statistics.forecasts.curves import CurvePoint, PassAtNPoint
from winnow.statistics.forecasts.forecast_warnings import CurveDecline, detect_decline, find_forecast_warnings
from winnow.statistics.forecasts.recommendation import (
    FileForecast,
    Recommendation,
    RuleComparison,
    forecast_files,
    recommend_rule,
)
from winnow.statistics.forecasts.share_estimates import REPEATS, ForecastInterval, PromptBlocks
from winnow.statistics.forecasts.students import (
    CopiedShares,
    Regime,
    StudentOutlook,
    describe_student_outlook,
    estimate_copied_shares,
)
from winnow.statistics.intervals import EstimateWarning
from winnow.storage.canonical_json import to_plain

CURVES = ("best_of_n", "pass_at_n", "thresholds", "top_shares")


@dataclass(frozen=True)
class ForecastRequest:
    """What to forecast; None stands for the default."""

    n: Sequence[int] | None = None
    thresholds: Sequence[float] | None = None
    top_shares: Sequence[float] | None = None
    regime: Regime = "self"
    outcomes: Sequence[tuple[float, float]] = ()
    """Recorded students of the same regime: the forecast share right of their rows, and their score."""
    command: str = "winnow select TABLE --score SCORE"  # the command that the recommended rule is added to
    seed: int = 0
    repeats: int = REPEATS


@dataclass(frozen=True)
class WinnersCurvePoint:
    """What the scores alone suggest about the best of n; it is not checked against labels."""

    n: int
    score: float  # the mean score of the chosen candidates; it never gets worse with n
    accuracy: float | None
    optimistic: float | None  # the share right that labels show at such scores


@dataclass(frozen=True)
class Forecast:
    """All curves, the recommended rule, and the warnings."""

    rows: int
    prompts: int
    labeled: int
    labels: str
    best_of_n: list[CurvePoint]
    pass_at_n: list[PassAtNPoint]
    thresholds: list[CurvePoint]
    top_shares: list[CurvePoint]
    winners_curve: list[WinnersCurvePoint]
    recommended: Recommendation | None
    file_forecasts: list[FileForecast]
    copied_shares: list[CopiedShares]
    student_outlook: StudentOutlook
    decline: CurveDecline | None
    warnings: list[EstimateWarning] = field(default_factory=list)

    def to_dict(self) -> dict[str, object]:
        """Return the JSON document; None where there is no value."""
        return {
            "rows": self.rows,
            "prompts": self.prompts,
            "labeled": self.labeled,
            "labels": self.labels,
            **{name: [point.to_dict() for point in getattr(self, name)] for name in CURVES},
            "optimistic_not_checked": [
                {"n": point.n, "accuracy": point.optimistic} for point in self.winners_curve if self.labels == "random"
            ],
            "winners_curve": to_plain(self.winners_curve),
            "recommended": None if self.recommended is None else self.recommended.to_dict(),
            "said": [file.to_dict() for file in self.file_forecasts],
            "copied": [shares.to_dict() for shares in self.copied_shares],
            "lead": self.student_outlook.to_dict(),
            "warnings": to_plain(self.warnings),
        }


def compute_forecast(candidates: ScoredCandidates, request: ForecastRequest | None = None) -> Forecast:
    """Compute all curves, the recommendation, the outlook for students and the warnings."""
    request = request or ForecastRequest()
    blocks = PromptBlocks(candidates, request.seed, request.repeats)
    ns = tuple(sorted(set(request.n or curves.default_n(candidates))))
    best_of_n = curves.best_of_n_rules(blocks, ns)
    threshold_rules = curves.threshold_rules(blocks, request.thresholds or curves.default_thresholds(candidates))
    top_share_rules = curves.top_share_rules(blocks, request.top_shares or curves.TOP_SHARES, request.seed)
    points = curves.estimate_curve(blocks, best_of_n)
    visible = [(int(rule.at), rule.row_tally) for rule in best_of_n if rule.row_tally.is_visible]
    decline = detect_decline(blocks, visible)
    comparison = RuleComparison(blocks, [*best_of_n, *threshold_rules, *top_share_rules])
    recommended = recommend_rule(comparison, request.command)
    gain = ForecastInterval(None, why="no rule could be judged") if recommended is None else recommended.gain
    return Forecast(
        rows=candidates.rows,
        prompts=candidates.prompts,
        labeled=len(candidates.labeled),
        labels=candidates.label_source,
        best_of_n=points,
        pass_at_n=curves.pass_at_n_curve(blocks, ns),
        thresholds=curves.estimate_curve(blocks, threshold_rules),
        top_shares=curves.estimate_curve(blocks, top_share_rules),
        winners_curve=_winners_curve(candidates, points),
        recommended=recommended,
        file_forecasts=[] if recommended is None else forecast_files(comparison, request.command),
        copied_shares=estimate_copied_shares(blocks, comparison.best_of_each_kind()),
        student_outlook=describe_student_outlook(request.regime, gain, request.outcomes),
        decline=decline,
        warnings=find_forecast_warnings(candidates, points, decline, recommended),
    )


def _winners_curve(candidates: ScoredCandidates, points: Sequence[CurvePoint]) -> list[WinnersCurvePoint]:
    ns = [int(point.at) for point in points]
    scores = curves.mean_of_chosen(candidates, ns, candidates.sign * candidates.score)
    calibrated: Sequence[float | None] = [None] * len(ns)
    if candidates.label_source != "none":
        calibrated = curves.mean_of_chosen(candidates, ns, curves.calibrate_scores(candidates))
    return [
        WinnersCurvePoint(n, score, point.accuracy.value, optimistic)
        for n, point, score, optimistic in zip(ns, points, scores, calibrated, strict=True)
    ]
