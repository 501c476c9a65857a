"""The mathematics of `winnow forecast` and of the labels `winnow plan --for forecast` draws: pure functions of arrays.

`read` makes `Candidates` of plain arrays, `forecast` says what each rule would give, `pick` says what to label.
"""

from __future__ import annotations

from winnow.stats.forecasts.candidates import Candidates, read
from winnow.stats.forecasts.cautions import Caution, Fall
from winnow.stats.forecasts.forecast import Asked, Forecast, forecast
from winnow.stats.forecasts.picks import Picks, chances, pick
from winnow.stats.forecasts.recommend import Recommended, Said
from winnow.stats.forecasts.students import spread
from winnow.stats.forecasts.weights import best_of

__all__ = [
    "Asked",
    "Candidates",
    "Caution",
    "Fall",
    "Forecast",
    "Picks",
    "Recommended",
    "Said",
    "best_of",
    "chances",
    "forecast",
    "pick",
    "read",
    "spread",
]
