"""Comparisons by math-verify, for a worker process that may hang, crash or run out of memory.

Only this module imports math-verify, and only worker processes import this module. A comparison that raises becomes an
error of its row.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from math_verify import parse, verify

from winnow.verifiers.maths.comparison_code import ComparisonCode
from winnow.verifiers.maths.strict import find_veto

logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that its own time limits are off


def compare_answers(answers: Sequence[str], references: Sequence[str], strict: Sequence[bool]) -> list[float]:
    """Compare each answer with its reference; all are extracted answers without surrounding text."""
    return [float(compare_answer(*row)) for row in zip(answers, references, strict, strict=True)]


def compare_answer(answer: str, reference: str, strict: bool) -> ComparisonCode:
    """Compare one answer with its reference."""
    gold, candidate = _parse(reference), _parse(answer)
    if not _has_expression(gold):
        return ComparisonCode.NOT_A_REFERENCE
    if not _has_expression(candidate):
        return ComparisonCode.NOT_AN_ANSWER
    # The limits of the worker process replace the time limits of math-verify, which need signals.
    if not verify(gold, candidate, timeout_seconds=None, raise_on_error=True):
        return ComparisonCode.MISMATCH
    if strict and find_veto(answer, reference, candidate[0], gold[0]):
        return ComparisonCode.VETOED
    return ComparisonCode.MATCH


@lru_cache(maxsize=1024)
def _parse(text: str) -> list[Any]:
    return list(parse("\\boxed{" + text + "}", parsing_timeout=None, raise_on_error=True))


def _has_expression(parsed: Sequence[Any]) -> bool:
    return any(not isinstance(item, str) for item in parsed)
