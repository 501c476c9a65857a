"""Verifiers: comparisons of an answer with a reference, functions of the user, and what all of them share."""
