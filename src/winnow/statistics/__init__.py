"""Estimators, intervals and tests on arrays; reads no files and knows no tables."""
