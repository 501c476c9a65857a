"""outcome: record what training gave beside the forecast that was made before, and compare the two.

The score is what the user measured: no model is read. The same outcome twice is recorded once; of several for one
training file the last one counts, and the earlier ones stay in the file.
"""

from __future__ import annotations

from winnow.errors import UsageError
from winnow.stages.forecast.forecast_file import OutcomeLine, append_outcome, latest_outcomes, read_forecast
from winnow.stages.outcome.config import OutcomeConfig
from winnow.stages.outcome.report import OutcomeReport
from winnow.storage.locations.location import Location, require_local


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
