"""Comparison of lists of numbers: sum|got - want| / sum|want| < tau, the rule of the eigenvalue papers.

A list is numbers between white space, commas or semicolons, bare or in one pair of brackets; with the decimal mark ','
a comma separates nothing. The bound is strict and exact: what floats cannot decide is decided with decimals. The score
is minus the relative distance. A reference of zeros is matched by zeros only. Lists are not sorted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, localcontext
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.verifiers.answers.pairs import (
    ERROR,
    FAIL,
    PASS,
    Codes,
    ComparisonResult,
    Floats,
    Mask,
    RowIndices,
    compare_by_mask,
    concat_results,
    to_mask,
)
from winnow.verifiers.numerals import normalize_numerals

_PLAIN_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
_PLAIN_LIST = rf"^{_PLAIN_NUMBER}(?: {_PLAIN_NUMBER})*$"
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?", re.ASCII)
_MAX_NUMBER_LENGTH = 300  # in characters, so that plain digits do not overflow a float
_BATCH_ROWS = 16_384  # so that the arrays of a batch fit into the cache of the processor
_EXACT = Context(prec=5_000, traps=[Inexact])  # holds every digit between the largest and the smallest number
_BOUND_MARGIN = 1e-12  # far above the relative rounding error of a sum of floats
_MALFORMED = -1


@dataclass(frozen=True)
class VectorComparison:
    """Compares lists of numbers under a bound on their relative distance."""

    tau: float
    decimal: str = "."

    def compare(self, answers: pa.StringArray, references: pa.StringArray) -> ComparisonResult:
        if self.decimal == ",":
            return self.compare_any(answers, references)
        batches = range(0, len(answers), _BATCH_ROWS)
        return concat_results(
            [self._compare_batch(*(t.slice(start, _BATCH_ROWS) for t in (answers, references))) for start in batches]
        )

    def _compare_batch(self, answers: pa.StringArray, references: pa.StringArray) -> ComparisonResult:
        paths = self.compare_plain, self.compare_any
        try:
            return compare_by_mask(may_be_plain(answers) & may_be_plain(references), paths, answers, references)
        except pa.ArrowInvalid:  # some text holds a '1.2.3', a '-' or two spaces
            return compare_by_mask(is_plain(answers) & is_plain(references), paths, answers, references)

    def compare_plain(self, answers: pa.StringArray, references: pa.StringArray) -> ComparisonResult:
        """Compare plain lists, split and parsed by Arrow, and summed position by position."""
        (got, start_a, a), (want, start_w, w) = _parse_lists(answers), _parse_lists(references)
        sums = np.zeros((3, len(got)))
        for length in np.flatnonzero(np.bincount(got[got == want])):
            rows = np.flatnonzero((got == length) & (want == length))
            off, got_size, want_size = np.zeros((3, len(rows)))
            first_a, first_w = start_a[rows], start_w[rows]
            for index in range(length):
                x, y = a[first_a + index], w[first_w + index]
                off += np.abs(x - y)
                got_size += np.abs(x)
                want_size += np.abs(y)
            sums[:, rows] = off, got_size, want_size
        return self._decide(np.stack([got, want]), sums, answers, references)

    def compare_any(self, answers: pa.StringArray, references: pa.StringArray) -> ComparisonResult:
        """Compare any texts one by one; the scores equal those of `compare_plain` to the last bit."""
        counts, sums = np.zeros((2, len(answers)), np.int64), np.zeros((3, len(answers)))
        for row, (answer, want) in enumerate(zip(answers.to_pylist(), references.to_pylist(), strict=True)):
            a, w = (self._numbers(text) for text in (answer, want))
            counts[:, row] = [_MALFORMED if numbers is None else len(numbers) for numbers in (a, w)]
            if a is not None and w is not None and len(a) == len(w):
                sums[:, row] = _sums(map(float, a), map(float, w))
        return self._decide(counts, sums, answers, references)

    def _decide(
        self, counts: RowIndices, sums: Floats, answers: pa.StringArray, references: pa.StringArray
    ) -> ComparisonResult:
        """Decide on pairs by the lengths of both lists, and the sums of distances and sizes where the lengths agree."""
        (got, want), (off, got_size, want_size) = counts, sums
        same_length = (got == want) & (want != _MALFORMED)
        with np.errstate(all="ignore"):
            bound = self.tau * want_size
            right = same_length & (off < bound)
            is_far = np.abs(off - bound) > _BOUND_MARGIN * (got_size + want_size)  # false too where a sum overflowed
            ratio = np.where(same_length, np.where(off == 0, 0.0, off / want_size), np.nan)
        for row in np.flatnonzero(same_length & ~is_far).tolist():
            right[row] = self._is_within_bound(answers[row].as_py(), references[row].as_py())
        code = np.where(right, PASS, np.where(want == _MALFORMED, ERROR, FAIL)).astype(np.int8)
        score = np.where(np.isfinite(ratio), 0.0 - ratio, np.nan)
        return ComparisonResult(code, self._reasons(counts, code, ratio), score)

    def _is_within_bound(self, answer: str, want: str) -> bool:
        with localcontext(_EXACT):
            a, w = (list(map(Decimal, self._numbers(text) or [])) for text in (answer, want))
            off, size = sum(abs(x - y) for x, y in zip(a, w, strict=True)), sum(map(abs, w))
            return off < Decimal(repr(self.tau)) * size or off == 0 == size

    def _numbers(self, text: str | None) -> list[str] | None:
        """Split a list into texts that float and Decimal read; None if it is not a list of finite numbers."""
        body = normalize_numerals(text or "", self.decimal).strip()
        if body[:1] + body[-1:] in ("[]", "()"):
            body = body[1:-1].strip()
        if self.decimal == ",":
            body = body.replace(".", "?").replace(",", ".")
        numbers = re.split(r"\s*[,;]\s*|\s+", body)
        is_valid = all(
            len(number) <= _MAX_NUMBER_LENGTH and _NUMBER.fullmatch(number) and math.isfinite(float(number))
            for number in numbers
        )
        return numbers if is_valid else None

    def _reasons(self, all_counts: RowIndices, code: Codes, ratio: Floats) -> pa.StringArray:
        rows = np.flatnonzero(code != PASS)
        got, want = all_counts[:, rows]
        hundredths = np.rint(np.minimum(np.nan_to_num(ratio[rows], posinf=1), 1) * 10_000).astype(np.int64)
        reasons = _distance_reasons(self.tau).take(pa.array(hundredths))
        if (got != want).any():
            counts = [pc.cast(pa.array(count), pa.string()) for count in (got, want)]
            lengths = pc.binary_join_element_wise("got ", counts[0], " numbers, want ", counts[1], "")
            reasons = pc.if_else(pa.array(got != want), lengths, reasons)
        for count, side in ((got, "answer"), (want, "reference")):
            reasons = pc.if_else(pa.array(count == _MALFORMED), f"no list of numbers in the {side}", reasons)
        return pc.replace_with_mask(pa.nulls(len(code), pa.string()), pa.array(code != PASS), reasons)


@cache
def _distance_reasons(tau: float) -> pa.StringArray:
    """Make the reason for each hundredth of a percent once, because making them row by row is slow."""
    limit = f"limit {100 * tau:.10g}%"
    reasons = [f"off by {hundredth / 100:g}%, {limit}" for hundredth in range(10_000)]
    return pa.array([*reasons, f"off by 100% or more, {limit}"])


def _sums(a: Iterable[float], w: Iterable[float]) -> tuple[float, float, float]:
    """Sum in the order of `compare_plain`; the sum() of Python 3.12 rounds differently."""
    off = got_size = want_size = 0.0
    for x, y in zip(a, w, strict=True):
        off, got_size, want_size = off + abs(x - y), got_size + abs(x), want_size + abs(y)
    return off, got_size, want_size


def may_be_plain(texts: pa.StringArray) -> Mask:
    """Mask the texts made of the characters of plain lists, four times as fast as `is_plain`."""
    remainder = pc.ascii_trim(pc.utf8_trim_whitespace(texts), "-.0123456789 ")
    return to_mask(pc.equal(remainder, "")) & to_mask(pc.less_equal(pc.binary_length(texts), _MAX_NUMBER_LENGTH))


def is_plain(texts: pa.StringArray) -> Mask:
    """Mask the texts that are plain decimals with one space between them."""
    plain_list = to_mask(pc.match_substring_regex(pc.utf8_trim_whitespace(texts), _PLAIN_LIST))
    return plain_list & may_be_plain(texts)


def _parse_lists(texts: pa.StringArray) -> tuple[RowIndices, RowIndices, Floats]:
    """Return how many numbers each text has, where they start, and all numbers; equal neighbors are parsed once."""
    runs = pc.run_end_encode(pc.utf8_trim_whitespace(texts))  # candidates of a prompt share their reference
    times = np.diff(runs.run_ends, prepend=0)
    lists = pc.split_pattern(runs.values, " ")
    counts = np.asarray(pc.list_value_length(lists), np.int64)
    numbers = np.asarray(pc.cast(pc.list_flatten(lists), pa.float64()))
    return np.repeat(counts, times), np.repeat(np.cumsum(counts) - counts, times), numbers
