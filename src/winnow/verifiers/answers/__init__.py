"""Verifiers that compare an answer with a reference: exact text, numbers and lists of numbers."""
