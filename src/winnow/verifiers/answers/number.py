"""Is the answer the same number as the reference?

`number` reads the last number of the extracted text and compares it with the reference's. With `vector=TAU`
the whole text is a list of numbers, compared as the eigenvalue papers do: sum|got - want| / sum|want| < TAU.

    marker     'A:' reads what follows the last 'A:'; short for extract=after:A:
    extract    where the answer stands (winnow.verifiers.extraction)
    decimal    '.' or ','; with ',' thousands are written 1.000 or 1 000
    relative   right within this share of the reference, bound included
    absolute   right within this distance of the reference, bound included
    vector     the bound of the relative distance of two lists, bound excluded

Promises: values are compared as exact rationals, so 18 is 18.0, 2**53 + 1 is not 2**53 and a bound means what
its decimal digits say. No number, or more than one glued together, fails. A reference without a number is an
error. What the quick path decides is what the careful path would: it only takes numbers of at most 15
characters, which floats tell apart, and hands over whatever lies near a bound.
It reads no words, units or expressions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
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
from winnow.verifiers.extraction import Extraction, parse_extraction
from winnow.verifiers.numerals import Numeral, last_number
from winnow.verifiers.verdicts import Batch, Verdicts

_FLOAT_SAFE_LENGTH = 15  # any two different decimals of 15 digits are different floats, equal ones the same float
_BOUND_MARGIN = 1e-9


@dataclass(frozen=True)
class Number:
    """The verifier `number`; its fields are its options."""

    name: ClassVar[str] = "number"
    version: ClassVar[int] = 1
    needs_reference: ClassVar[bool] = True

    marker: str = ""
    extract: str = "none"
    decimal: str = "."
    relative: float = 0.0
    absolute: float = 0.0
    vector: float | None = None

    def __post_init__(self) -> None:
        if self.decimal not in (".", ","):
            raise UsageError("number.decimal", f"{format_value(self.decimal)} is neither '.' nor ','")
        for name, bound in (("relative", self.relative), ("absolute", self.absolute), ("vector", self.vector)):
            if bound is not None and not (math.isfinite(bound) and bound >= 0):
                raise UsageError(f"number.{name}", f"{bound} is not a finite number of at least 0")
        if self.vector is not None and (self.relative or self.absolute):
            raise UsageError("number.vector", "has a bound of its own", "Leave out relative and absolute")
        if self.vector == 0:
            raise UsageError("number.vector", "nothing is under a bound of 0", "Give a bound above 0, as 0.05")
        if self.marker and self.extract != "none":
            raise UsageError("number.marker", "is a short form of extract", f"Write extract=after:{self.marker}")
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
        if self.vector is not None:
            return judge_pairs(batch, self._extraction, VectorComparison(self.vector, self.decimal).compare)
        return judge_pairs(batch, self._extraction, self._compare)

    def _compare(self, answers: pa.StringArray, references: pa.StringArray) -> ComparisonResult:
        float_safe = self._float_safe_mask(answers) & self._float_safe_mask(references)
        return compare_by_mask(float_safe, (self._compare_floats, self._compare_exactly), answers, references)

    def _float_safe_mask(self, texts: pa.StringArray) -> Mask:
        """Where the text is one plain number that a float holds without doubt."""
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

    def _compare_exactly(self, answers: pa.StringArray, references: pa.StringArray) -> ComparisonResult:
        read = self._reader()
        pairs = [(read(a), read(w)) for a, w in zip(answers.to_pylist(), references.to_pylist(), strict=True)]
        code = np.array([self._result_code(got, want) for got, want in pairs], np.int8)
        got, want = (shorten(pa.array([pair[side].written for pair in pairs], pa.string())) for side in (0, 1))
        reasons = mismatch_reasons(got, want, code == FAIL)
        is_unreadable = np.array([got.value is None for got, _ in pairs], np.bool_)
        reasons = pc.if_else(pa.array((code == FAIL) & is_unreadable), _unreadable_reasons(got, "answer"), reasons)
        return ComparisonResult(
            code, pc.if_else(pa.array(code == ERROR), _unreadable_reasons(want, "reference"), reasons)
        )

    def _reader(self) -> Callable[[str | None], Numeral]:
        """Reads each different text once: the candidates of a prompt share their reference."""
        seen: dict[str | None, Numeral] = {None: Numeral(None, "")}

        def read(text: str | None) -> Numeral:
            known = seen.get(text)
            if known is None:
                known = seen[text] = last_number(text or "", self.decimal)
            return known

        return read

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
