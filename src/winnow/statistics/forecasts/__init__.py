"""Forecasts of selection rules, and the choice of labels for them: pure functions of arrays.

`make_candidates` builds the input, `compute_forecast` evaluates the rules, `sample_labels` chooses rows to label.
"""

from __future__ import annotations

from winnow.statistics.forecasts.candidates import make_candidates
from winnow.statistics.forecasts.forecast import Forecast, ForecastRequest, compute_forecast
from winnow.statistics.forecasts.label_sampling import sample_labels
from winnow.statistics.forecasts.recommendation import FileForecast

__all__ = ["FileForecast", "Forecast", "ForecastRequest", "compute_forecast", "make_candidates", "sample_labels"]
