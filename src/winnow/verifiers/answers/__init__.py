"""Verifiers that compare an answer with a reference: exact text, numbers, lists of numbers."""
