"""outcome: what training gave, recorded beside the forecast that was made before it, and laid beside what it said.

Promises: an outcome is recorded only of a forecast that is as winnow wrote it; the same one twice is recorded once; of
several for one file the last counts, and the earlier stay in the file. It reads no model and no clock: what a student
scored is the user's word.
"""

from __future__ import annotations

import math
import numbers
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from winnow.errors import UsageError, format_value, suggest_name
from winnow.stages.forecast.forecast_file import (
    FORECAST_NAME,
    PILOT_FILES,
    OutcomeLine,
    StoredForecast,
    append_outcome,
    latest_outcomes,
    read_forecast,
)
from winnow.stages.forecast.track_record import rank_against_control
from winnow.stages.results import TextReport
from winnow.statistics.intervals import IntervalEstimate
from winnow.statistics.outcomes import measure_share, subtract_shares


@dataclass(frozen=True)
class OutcomeInput:
    """What training gave: a share right on n held-out prompts, by the student of which file."""

    score: float
    n: int
    file: str = "recommended"
    baseline: float | None = None
    """What the model scored on the same prompts before training."""
    note: str | None = None

    def __post_init__(self) -> None:
        for option, value in (("--score", self.score), ("--baseline", self.baseline)):
            if value is not None and not (_is_number(value) and 0 <= value <= 1):
                step = (
                    f"Give it as a share: {value / 100:g}" if _is_number(value) and 1 < value <= 100 else "Give a share"
                )
                raise UsageError(option, f"{format_value(value)} is no share right, which lies between 0 and 1", step)
        if not isinstance(self.n, numbers.Integral) or isinstance(self.n, bool) or self.n < 1:
            problem = f"{format_value(self.n)} is no number of held-out prompts"
            raise UsageError("--n", problem, "Give how many prompts the student was measured on: --n 500")
        if self.file not in PILOT_FILES:
            raise UsageError(
                "--file", f"{format_value(self.file)} is no file of a pilot", suggest_name(self.file, PILOT_FILES)
            )


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True, repr=False)
class OutcomeReport(TextReport):
    """A recorded outcome beside what was forecast."""

    forecast: StoredForecast
    outcome: OutcomeInput
    is_new: bool
    """False where the very same outcome was recorded before."""
    outcomes: dict[str, OutcomeLine]

    def student_score(self, file: str) -> IntervalEstimate | None:
        """What the student of a file got."""
        outcome = self.outcomes.get(file)
        return None if outcome is None else measure_share(outcome.score, outcome.n)

    def compared_file(self) -> str | None:
        """The file that is set against the control: this one, or of a control the best that has an outcome."""
        files = [self.outcome.file] if self.outcome.file != "control" else ["recommended", "runner-up"]
        return next((file for file in files if file in self.outcomes and "control" in self.outcomes), None)

    def control_difference(self) -> IntervalEstimate | None:
        """How much better than the control's student."""
        file = self.compared_file()
        score, control_score = (
            (None, None) if file is None else (self.student_score(file), self.student_score("control"))
        )
        return None if score is None or control_score is None else subtract_shares(score, control_score)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        outcome, file, difference = self.outcome, self.compared_file(), self.control_difference()
        over_baseline = (
            None
            if outcome.baseline is None
            else subtract_shares(measure_share(outcome.score, outcome.n), self.baseline_score()).to_dict()
        )
        return {
            "forecast": str(self.forecast.path),
            "file": outcome.file,
            "score": measure_share(outcome.score, outcome.n).to_dict(),
            "n": int(outcome.n),
            "regime": self.forecast.regime,
            "said": {**self.forecast.predictions[outcome.file], "raw": self.forecast.raw},
            "difference": None if difference is None else {"of": file, "over": "control", **difference.to_dict()},
            "ranking": None if file is None else rank_against_control(self.forecast, file, self.outcomes),
            "baseline": outcome.baseline,
            "over_baseline": over_baseline,
            "note": outcome.note,
            "outcomes": str(self.forecast.outcomes_path()),
            "already_done": not self.is_new,
        }

    def baseline_score(self) -> IntervalEstimate:
        """What was scored before training."""
        return measure_share(float(self.outcome.baseline or 0.0), self.outcome.n)

    def describe(self) -> str:
        """What a person reads."""
        return "\n".join(_report_lines(self))


def record_outcome(forecast: Path, outcome: OutcomeInput) -> OutcomeReport:
    """Record what training gave."""
    stored_forecast = read_forecast(forecast)
    if outcome.file not in stored_forecast.predictions:
        known = ", ".join(stored_forecast.predictions) or "none, because no rule was recommended"
        problem = f"the forecast says nothing of a file {format_value(outcome.file)}"
        raise UsageError("--file", problem, f"Files it speaks of: {known}")
    baseline = None if outcome.baseline is None else float(outcome.baseline)
    line = OutcomeLine(
        stored_forecast.path.name,
        stored_forecast.seal,
        outcome.file,
        float(outcome.score),
        int(outcome.n),
        baseline,
        outcome.note or None,
    )
    is_new = append_outcome(stored_forecast, line)
    return OutcomeReport(stored_forecast, outcome, is_new, latest_outcomes(stored_forecast))


def _report_lines(report: OutcomeReport) -> Iterator[str]:
    recorded, forecast = report.outcome, report.forecast
    score, predicted, raw = measure_share(recorded.score, recorded.n), forecast.predictions[recorded.file], forecast.raw
    status = "recorded" if report.is_new else "already recorded"
    yield f"{status}: {recorded.file} · {_format_share(score.to_dict())} right of {recorded.n:,} held-out prompts"
    yield f"  said of its rows ({forecast.regime}): {_describe_prediction(predicted)}"
    yield f"  said of the raw rows: {_describe_prediction(raw)}"
    share = predicted["sampling"]["value"]
    if share is not None:
        yield f"  the student ended {100 * (recorded.score - share):+.1f} points from the share right said of its rows"
    if recorded.baseline is not None:
        yield f"  over the {recorded.baseline:.1%} before training: {_format_points(subtract_shares(score, report.baseline_score()))}"
    yield from _control_lines(report)


def _describe_prediction(predicted: dict[str, Any]) -> str:
    """What a student that samples copies, and what one copies that decodes greedily."""
    sampling, greedy = (_format_share(predicted.get(name, {})) for name in ("sampling", "greedy"))
    return f"{sampling} right; commonest answer of a prompt right: {greedy}"


def _control_lines(report: OutcomeReport) -> Iterator[str]:
    file, difference = report.compared_file(), report.control_difference()
    if file is None or difference is None:
        other_file = "recommended" if report.outcome.file == "control" else "control"
        path = report.forecast.path
        location = path.parent if path.name == FORECAST_NAME else path
        line = f"winnow outcome {shlex.quote(str(location))} --file {other_file} --score S --n K"
        yield f"  whether the order held needs the {other_file}'s student too: {line}"
        return
    predicted = IntervalEstimate(**report.forecast.predictions[file]["over_control"])
    yield f"  {file} over control: {_format_points(difference)}; said of their rows: {_format_points(predicted)}"
    ranking = rank_against_control(report.forecast, file, report.outcomes)
    explanations = {
        "held": "the better rows made the better student",
        "not held": "the student did not follow its rows",
        "undecided": "the forecast or the outcome is not sure of a difference; more held-out prompts tell more",
    }
    yield f"  the forecast's ranking: {ranking} ({explanations[str(ranking)]})"


def _format_share(figure: dict[str, Any]) -> str:
    if figure.get("value") is None:
        return "not said"
    if figure.get("low") is None:
        return f"{figure['value']:.1%}"
    return f"{figure['value']:.1%} ({figure['low']:.1%} to {figure['high']:.1%})"


def _format_points(figure: IntervalEstimate) -> str:
    if figure.value is None:
        return "not said"
    interval = "" if figure.low is None else f" ({100 * figure.low:+.1f} to {100 * (figure.high or 0.0):+.1f})"
    return f"{100 * figure.value:+.1f} points{interval}"
