"""What training gave: measured shares with intervals, students against each other, and a record of forecasts."""

from __future__ import annotations

from winnow.stats.outcomes.record import Past, Record
from winnow.stats.outcomes.shares import apart, measured, ranking

__all__ = ["Past", "Record", "apart", "measured", "ranking"]
