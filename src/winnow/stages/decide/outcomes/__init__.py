"""From a forecast to what training gave: the stored forecast, its pilot, the outcomes recorded, and their record."""

from winnow.stages.decide.outcomes.outcome import Given, Outcome, record_outcome
from winnow.stages.decide.outcomes.pilot import Places, look_ahead

__all__ = ["Given", "Outcome", "Places", "look_ahead", "record_outcome"]
