"""The mathematics of `winnow forecast` and of the labels `winnow plan --for forecast` draws: pure functions of arrays.

`read` makes `Candidates` of plain arrays, `forecast` says what each rule would give, `pick` says what to label.
"""

from __future__ import annotations

from winnow.statistics.forecasts.candidates import ScoredCandidates, make_candidates
from winnow.statistics.forecasts.forecast import Forecast, ForecastRequest, compute_forecast
from winnow.statistics.forecasts.forecast_warnings import CurveDecline, ForecastWarning
from winnow.statistics.forecasts.label_sampling import LabelSample, inclusion_chances, sample_labels
from winnow.statistics.forecasts.recommendation import FileForecast, Recommendation
from winnow.statistics.forecasts.students import summarize_differences
from winnow.statistics.forecasts.weights import best_of_n_weights

__all__ = [
    "CurveDecline",
    "FileForecast",
    "Forecast",
    "ForecastRequest",
    "ForecastWarning",
    "LabelSample",
    "Recommendation",
    "ScoredCandidates",
    "best_of_n_weights",
    "compute_forecast",
    "inclusion_chances",
    "make_candidates",
    "sample_labels",
    "summarize_differences",
]
