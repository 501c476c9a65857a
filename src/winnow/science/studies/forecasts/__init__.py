"""Forecast against outcome: what 500 labels said about training data, and what students of it then scored."""
