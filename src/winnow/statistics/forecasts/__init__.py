"""Forecasts of selection rules, and the choice of labels for them: pure functions of arrays."""
