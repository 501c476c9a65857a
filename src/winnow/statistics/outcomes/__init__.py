"""What training gave: measured shares with intervals, students against each other, and a record of forecasts."""

from __future__ import annotations

from winnow.statistics.outcomes.student_shares import compare_with_forecast, measure_share, subtract_shares
from winnow.statistics.outcomes.track_record import PastForecast, TrackRecord

__all__ = ["PastForecast", "TrackRecord", "compare_with_forecast", "measure_share", "subtract_shares"]
