"""Forecast against outcome: what 500 labels said of training data beforehand, and what students of it then scored."""
