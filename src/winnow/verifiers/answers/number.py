"""The verifier `number`: is the answer the same number, or list of numbers, as the reference?

Values are compared as exact fractions, so 18 equals 18.0, 2**53 + 1 differs from 2**53, and a bound means what its
decimal digits say. The fast path uses floats only for numbers of at most 15 characters that are not near a bound. An
answer without a number fails; a reference without a number is an error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import UsageError, format_value
from winnow.verifiers.answers.pairs import (
    ERROR,
    FAIL,
    PASS,
    ComparisonResult,
    Mask,
    compare_by_mask,
    judge_pairs,
    mismatch_reasons,
    shorten,
    to_mask,
)
from winnow.verifiers.answers.vectors import VectorComparison
from winnow.verifiers.extraction import EXTRACT_DESCRIPTION, Extraction, parse_extraction
from winnow.verifiers.numerals import Numeral, last_number
from winnow.verifiers.options import option
from winnow.verifiers.verdicts import Batch, Verdicts

_FLOAT_SAFE_LENGTH = 15  # different decimals of 15 digits are different floats
_BOUND_MARGIN = 1e-9


@dataclass(frozen=True)
class Number:
    """Compares the last number of the answer with that of the reference, or two lists of numbers."""

    name: ClassVar[str] = "number"
    version: ClassVar[int] = 1
    needs_reference: ClassVar[bool] = True
    reads_columns: ClassVar[bool] = False

    marker: str = option("", "The text that precedes the answer, such as 'A:'; short for extract=after:MARK.")
    extract: str = option("none", EXTRACT_DESCRIPTION)
    decimal: str = option(".", "The decimal mark, '.' or ','; with ',' thousands are written 1.000 or 1 000.")
    relative: float = option(0.0, "The largest accepted difference, as a share of the reference.")
    absolute: float = option(0.0, "The largest accepted difference.")
    vector: float | None = option(None, "Compare lists: accept sum|got - want| / sum|want| below this bound.")

    def __post_init__(self) -> None:
        if self.decimal not in (".", ","):
            raise UsageError("number.decimal", f"{format_value(self.decimal)} is neither '.' nor ','")
        for name, bound in (("relative", self.relative), ("absolute", self.absolute), ("vector", self.vector)):
            if bound is not None and not (math.isfinite(bound) and bound >= 0):
                raise UsageError(f"number.{name}", f"{bound} is not a finite number of at least 0")
        if self.vector is not None and (self.relative or self.absolute):
            raise UsageError("number.vector", "excludes the bounds relative and absolute", "Leave out one of them")
        if self.vector == 0:
            raise UsageError("number.vector", "no distance is below a bound of 0", "Set a bound above 0, such as 0.05")
        if self.marker and self.extract != "none":
            raise UsageError("number.marker", "cannot be combined with extract", f"Write extract=after:{self.marker}")
        _ = self._extraction

    @cached_property
    def _extraction(self) -> Extraction:
        return parse_extraction(f"after:{self.marker}" if self.marker else self.extract, "number.extract")

    def config(self) -> dict[str, object]:
        return {
            "extract": self._extraction.spec,
            "decimal": self.decimal,
            "relative": float(self.relative),
            "absolute": float(self.absolute),
            "vector": None if self.vector is None else float(self.vector),
        }

    def judge(self, batch: Batch) -> Verdicts:
        compare = self.compare if self.vector is None else VectorComparison(self.vector, self.decimal).compare
        return judge_pairs(batch, self._extraction, compare)

    def compare(self, answers: pa.StringArray, references: pa.StringArray) -> ComparisonResult:
        """Compare extracted answers with references: with floats where that is safe, else exactly."""
        float_safe = self._float_safe_mask(answers) & self._float_safe_mask(references)
        return compare_by_mask(float_safe, (self._compare_floats, self.compare_exactly), answers, references)

    def _float_safe_mask(self, texts: pa.StringArray) -> Mask:
        """Mask the texts that are one plain number of so few digits that a float represents it uniquely."""
        trimmed = pc.utf8_trim_whitespace(texts)
        digits = r"^-?[0-9]+(?:\.[0-9]+)?$" if self.decimal == "." else "^-?[0-9]+$"
        is_plain = to_mask(pc.match_substring_regex(trimmed, digits))
        return is_plain & to_mask(pc.less_equal(pc.binary_length(trimmed), _FLOAT_SAFE_LENGTH))

    def _compare_floats(self, answers: pa.StringArray, references: pa.StringArray) -> ComparisonResult:
        got, want = (pc.utf8_trim_whitespace(texts) for texts in (answers, references))
        a, w = (np.asarray(pc.cast(texts, pa.float64())) for texts in (got, want))
        right = a == w
        if self.relative or self.absolute:
            off, bound = np.abs(a - w), np.maximum(self.relative * np.abs(w), self.absolute)
            right |= off < bound
            near = np.flatnonzero(np.abs(off - bound) <= _BOUND_MARGIN * (np.abs(a) + np.abs(w) + bound))
            pairs = zip(*(texts.take(pa.array(near)).to_pylist() for texts in (answers, references)), strict=True)
            right[near] = [self._is_equal(*map(Fraction, pair)) for pair in pairs]
        code = np.where(right, PASS, FAIL).astype(np.int8)
        return ComparisonResult(code, mismatch_reasons(got, want, ~right))

    def compare_exactly(self, answers: pa.StringArray, references: pa.StringArray) -> ComparisonResult:
        """Compare extracted answers with references as fractions."""
        read = cache(lambda text: last_number(text or "", self.decimal))  # candidates of a prompt share their reference
        pairs = [(read(a), read(w)) for a, w in zip(answers.to_pylist(), references.to_pylist(), strict=True)]
        code = np.array([self._result_code(got, want) for got, want in pairs], np.int8)
        got, want = (shorten(pa.array([pair[side].written for pair in pairs], pa.string())) for side in (0, 1))
        reasons = mismatch_reasons(got, want, code == FAIL)
        is_unreadable = np.array([got.value is None for got, _ in pairs], np.bool_)
        reasons = pc.if_else(pa.array((code == FAIL) & is_unreadable), _unreadable_reasons(got, "answer"), reasons)
        return ComparisonResult(
            code, pc.if_else(pa.array(code == ERROR), _unreadable_reasons(want, "reference"), reasons)
        )

    def _result_code(self, got: Numeral, want: Numeral) -> int:
        if want.value is None:
            return ERROR
        return PASS if got.value is not None and self._is_equal(got.value, want.value) else FAIL

    def _is_equal(self, got: Fraction, want: Fraction) -> bool:
        if got == want or not (self.relative or self.absolute):
            return got == want
        return abs(got - want) <= max(Fraction(repr(self.relative)) * abs(want), Fraction(repr(self.absolute)))


def _unreadable_reasons(written: pa.StringArray, side: str) -> pa.StringArray:
    reasons = pc.binary_join_element_wise("'", written, f"' in the {side} is not one number", "")
    return pc.if_else(pc.equal(written, ""), f"no number in the {side}", reasons)
