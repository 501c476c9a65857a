"""From the comparison of answers with references to verdicts on candidates, for all verifiers of answers.

The extraction applies to the reference too, where it finds something, so '#### 18' and 18 both work. A candidate passes
if any of its references matches, fails if any could be compared, and is an error otherwise. A text in which the
extraction finds nothing fails; without a text or a reference the verifier abstains.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import MAX_VALUE_LENGTH, UsageError
from winnow.verifiers.extraction import Extraction
from winnow.verifiers.verdicts import Batch, Verdict, Verdicts

PASS, FAIL, ERROR, ABSTAIN = range(4)  # with several references the lowest code counts
_NAMES = pa.array([Verdict.PASS, Verdict.FAIL, Verdict.ERROR, Verdict.ABSTAIN], pa.string())
_ABSTAIN_REASONS = ["no text", "no reference"]

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]
RowIndices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ComparisonResult:
    """The result of comparing some answers with as many references; a score of NaN means none."""

    code: Codes
    reason: pa.StringArray
    score: Floats | None = None

    def scores(self) -> Floats:
        return np.full(len(self.code), np.nan) if self.score is None else self.score


Comparison = Callable[[pa.StringArray, pa.StringArray], ComparisonResult]
"""Compares answers, which are null where nothing was extracted, with references."""


def judge_pairs(batch: Batch, extraction: Extraction, compare: Comparison) -> Verdicts:
    """Judge a batch by comparing each extracted answer with its references."""
    rows, references = _references(batch.references)
    has_text = to_mask(pc.is_valid(batch.texts))
    if not has_text.all():
        references = references.filter(pa.array(has_text[rows]))
        rows = rows[has_text[rows]]
    answers = extraction(batch.texts).take(pa.array(rows))
    result = compare(answers, pc.coalesce(extraction(references), references))
    not_extracted = (result.code == FAIL) & to_mask(pc.is_null(answers))
    reasons = pc.if_else(pa.array(not_extracted), f"nothing found by '{extraction.spec}'", result.reason)
    best = _first_best(rows, result.code)
    code = np.full(len(batch), ABSTAIN, np.int8)
    code[rows[best]] = result.code[best]
    score = np.full(len(batch), np.nan)
    score[rows[best]] = result.scores()[best]
    reason_indices = np.where(has_text, len(reasons) + 1, len(reasons))
    reason_indices[rows[best]] = best
    all_reasons = pa.concat_arrays([reasons, pa.array(_ABSTAIN_REASONS, pa.string())])
    return Verdicts(
        _NAMES.take(pa.array(code)),
        pa.array(score, mask=~np.isfinite(score)),
        all_reasons.take(pa.array(reason_indices)),
    )


def _references(references: pa.Array | None) -> tuple[RowIndices, pa.StringArray]:
    """Return every reference that is not null, and the row it belongs to."""
    if references is None:
        return np.empty(0, np.int64), pa.array([], pa.string())
    if isinstance(references, pa.ChunkedArray):
        references = references.combine_chunks()
    rows, kind = np.arange(len(references)), references.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        rows = np.asarray(pc.list_parent_indices(references), np.int64)
        references = pc.list_flatten(references)
    if pa.types.is_nested(references.type) or pa.types.is_interval(references.type):
        raise UsageError("reference", f"holds {references.type}", "A reference must be a text or a list of texts")
    is_present = to_mask(pc.is_valid(references))
    return rows[is_present], pc.cast(references, pa.string()).filter(pa.array(is_present))


def _first_best(rows: RowIndices, code: Codes) -> RowIndices:
    """Find, for each row, the first of its pairs with the lowest code."""
    if len(rows) < 2 or (np.diff(rows) > 0).all():
        return np.arange(len(rows))
    order = np.lexsort((code, rows))
    first = np.concatenate([[True], np.diff(rows[order]) > 0])
    return np.asarray(order[first], np.int64)


def compare_by_mask(
    where: Mask, compare: tuple[Comparison, Comparison], answers: pa.StringArray, references: pa.StringArray
) -> ComparisonResult:
    """Use the first comparison for the rows in the mask and the second for the others."""
    if where.all() or not where.any():
        return compare[0 if where.any() else 1](answers, references)
    masks = (where, ~where)
    parts = [
        comparison(answers.filter(pa.array(rows)), references.filter(pa.array(rows)))
        for comparison, rows in zip(compare, masks, strict=True)
    ]
    original_order = np.argsort(np.concatenate([np.flatnonzero(rows) for rows in masks]), kind="stable")
    result = concat_results(parts)
    reason = result.reason.take(pa.array(original_order))
    return ComparisonResult(result.code[original_order], reason, result.scores()[original_order])


def concat_results(parts: list[ComparisonResult]) -> ComparisonResult:
    """Concatenate the results of consecutive rows."""
    if not parts:
        return ComparisonResult(np.empty(0, np.int8), pa.array([], pa.string()))
    code, score = (np.concatenate(values) for values in zip(*((p.code, p.scores()) for p in parts), strict=True))
    return ComparisonResult(code, pa.concat_arrays([part.reason for part in parts]), score)


def shorten(texts: pa.StringArray) -> pa.StringArray:
    """Shorten texts to one line without control characters, for a reason."""
    trimmed = pc.utf8_trim_whitespace(texts)
    truncated = pc.utf8_slice_codeunits(trimmed, 0, MAX_VALUE_LENGTH - 3)
    long = pc.greater(pc.utf8_length(trimmed), MAX_VALUE_LENGTH)
    shown = pc.if_else(long, pc.binary_join_element_wise(truncated, "...", ""), trimmed)
    return pc.replace_substring_regex(shown, r"[\pC\p{Zl}\p{Zp}]", "?")


def mismatch_reasons(got: pa.StringArray, want: pa.StringArray, failed: Mask) -> pa.StringArray:
    """Write 'got 17, want 18' where the comparison failed, and null elsewhere."""
    reasons = pc.binary_join_element_wise("got ", got, ", want ", want, "")
    return pc.if_else(pa.array(failed), reasons, pa.scalar(None, pa.string()))


def to_mask(booleans: Any) -> Mask:
    """Convert an Arrow column of booleans to numpy; null becomes false."""
    return np.asarray(pc.fill_null(booleans, False).to_numpy(zero_copy_only=False), np.bool_)
