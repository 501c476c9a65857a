"""What the worker process returns for a pair of an answer and a reference."""

from __future__ import annotations

from enum import IntEnum


class ComparisonCode(IntEnum):
    """The result of one comparison; `VETOED` pairs are equal to math-verify and not in the strict comparison."""

    MISMATCH = 0
    MATCH = 1
    NOT_AN_ANSWER = 2
    NOT_A_REFERENCE = 3
    VETOED = 4
