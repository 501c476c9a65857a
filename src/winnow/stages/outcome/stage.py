"""outcome: records what training gave beside the forecast that was made before, and compares the two.

The score is what the user measured: no model is read. The same outcome twice is recorded once; of several for one
training file the last one counts, and the earlier ones stay in the file.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from winnow.errors import UsageError
from winnow.stages.forecast.forecast_file import (
    FORECAST_NAME,
    OutcomeLine,
    StoredForecast,
    append_outcome,
    latest_outcomes,
    read_forecast,
)
from winnow.stages.forecast.report import format_share
from winnow.stages.forecast.track_record import rank_against_control, subtract_control
from winnow.stages.outcome.config import OutcomeConfig
from winnow.stages.results import TextReport
from winnow.statistics.intervals import IntervalEstimate
from winnow.statistics.outcomes import measure_share, subtract_shares
from winnow.storage.locations.location import Location, require_local

RANKINGS = {
    "held": "the better rows made the better student",
    "not held": "the student did not follow its rows",
    "undecided": "the forecast or the outcome is not sure of a difference; more held-out prompts make it surer",
}


def record_outcome(forecast: str | Location, config: OutcomeConfig) -> OutcomeReport:
    """Record an outcome.

    Args:
        forecast: The folder of a pilot, or the file of a forecast.
        config: What training gave.
    """
    stored = read_forecast(require_local(forecast, "FORECAST", "forecasts and pilots are kept in a local folder"))
    if config.file not in stored.predictions:
        known = ", ".join(stored.predictions) or "none, because no rule was recommended"
        problem = f"the forecast has no file '{config.file}'"
        raise UsageError("--file", problem, f"Its files: {known}")
    outcome = config.model_copy(update={"note": config.note or None})
    line = OutcomeLine(forecast=stored.path.name, seal=stored.seal, **outcome.model_dump())
    is_new = append_outcome(stored, line)
    return OutcomeReport(stored, config, is_new, latest_outcomes(stored))


@dataclass(frozen=True, repr=False)
class OutcomeReport(TextReport):
    """A recorded outcome, its forecast, and the last outcome of each training file of the pilot."""

    forecast: StoredForecast
    outcome: OutcomeConfig
    is_new: bool
    outcomes: dict[str, OutcomeLine]

    def score(self) -> IntervalEstimate:
        """What the student scored, with its interval."""
        return measure_share(self.outcome.score, self.outcome.n)

    def compared_file(self) -> str | None:
        """The file to compare with the control: the recorded one, or for a control the best one with an outcome."""
        files = [self.outcome.file] if self.outcome.file != "control" else ["recommended", "runner-up"]
        return next((file for file in files if file in self.outcomes and "control" in self.outcomes), None)

    def control_difference(self) -> IntervalEstimate | None:
        """The score of the compared file minus that of the control; None while one of them has no outcome."""
        file = self.compared_file()
        return None if file is None else subtract_control(file, self.outcomes)

    def over_baseline(self) -> IntervalEstimate | None:
        """The score minus the one before training."""
        baseline = self.outcome.baseline
        return None if baseline is None else subtract_shares(self.score(), measure_share(baseline, self.outcome.n))

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of the command."""
        outcome, file, difference = self.outcome, self.compared_file(), self.control_difference()
        over_baseline = self.over_baseline()
        return {
            "forecast": str(self.forecast.path),
            "file": outcome.file,
            "score": self.score().to_dict(),
            "n": outcome.n,
            "regime": self.forecast.regime,
            "said": {**self.forecast.predictions[outcome.file], "raw": self.forecast.raw},
            "difference": None if difference is None else {"of": file, "over": "control", **difference.to_dict()},
            "ranking": None if file is None else rank_against_control(self.forecast, file, self.outcomes),
            "baseline": outcome.baseline,
            "over_baseline": None if over_baseline is None else over_baseline.to_dict(),
            "note": outcome.note,
            "outcomes": str(self.forecast.outcomes_path()),
            "already_done": not self.is_new,
        }

    def describe(self) -> str:
        """Describe the outcome and its comparison with the forecast for a person."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        recorded, forecast = self.outcome, self.forecast
        predicted, over_baseline = forecast.predictions[recorded.file], self.over_baseline()
        status = "recorded" if self.is_new else "already recorded"
        yield f"{status}: {recorded.file} · {format_share(self.score())} right of {recorded.n:,} held-out prompts"
        yield f"  forecast of its rows ({forecast.regime}): {_describe_prediction(predicted)}"
        yield f"  forecast of the raw rows: {_describe_prediction(forecast.raw)}"
        share = predicted["sampling"]["value"]
        if share is not None:
            yield f"  the student is {100 * (recorded.score - share):+.1f} points from the share right of its rows"
        if over_baseline is not None:
            yield f"  over the {recorded.baseline:.1%} before training: {_format_points(over_baseline)}"
        yield from self._control_lines()
        yield f"in {forecast.outcomes_path()}"

    def _control_lines(self) -> Iterator[str]:
        file, difference = self.compared_file(), self.control_difference()
        if file is None or difference is None:
            missing = "recommended" if self.outcome.file == "control" else "control"
            path = self.forecast.path
            place = shlex.quote(str(path.parent if path.name == FORECAST_NAME else path))
            yield f"  to see whether the ranking held, record the student of the {missing} too:"
            yield f"  winnow outcome {place} --file {missing} --score S --n K"
            return
        predicted = IntervalEstimate(**self.forecast.predictions[file]["over_control"])
        ranking = rank_against_control(self.forecast, file, self.outcomes)
        yield f"  {file} over control: {_format_points(difference)}; forecast: {_format_points(predicted)}"
        yield f"  the forecast's ranking: {ranking} ({RANKINGS[str(ranking)]})"


def _describe_prediction(predicted: dict[str, Any]) -> str:
    """What a student learns that copies by sampling, and one that copies the commonest answer."""
    sampling, greedy = (format_share(IntervalEstimate(**predicted.get(name, {}))) for name in ("sampling", "greedy"))
    return f"{sampling} right; commonest answer of a prompt right: {greedy}"


def _format_points(figure: IntervalEstimate) -> str:
    if figure.value is None:
        return "not known"
    interval = "" if figure.low is None else f" ({100 * figure.low:+.1f} to {100 * (figure.high or 0.0):+.1f})"
    return f"{100 * figure.value:+.1f} points{interval}"
