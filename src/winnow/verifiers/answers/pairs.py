"""From a comparison of two columns of text to verdicts on candidates.

A verifier of answers only says how one answer compares with one reference. Here is what all of them share:
the same extract is applied to the reference where it finds something (so '#### 18' and 18 both serve), any
reference of a list may match, a candidate without text or without reference is abstained from.

Promises: one verdict per candidate in its order; pass if any reference matches, else fail if any could be
compared, else error; a text in which the extract finds nothing fails. It compares nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.data.errors import LONGEST_SHOWN, UsageError
from winnow.verifiers.extract import Extraction
from winnow.verifiers.verdicts import Batch, Verdict, Verdicts

PASS, FAIL, ERROR, ABSTAIN = range(4)  # ordered: of several references the lowest code counts
_NAMES = pa.array([Verdict.PASS, Verdict.FAIL, Verdict.ERROR, Verdict.ABSTAIN], pa.string())
_OVERHEAD = ["no text", "no reference"]

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Outcome:
    """How some answers compare with as many references."""

    code: Codes
    reason: pa.StringArray
    score: Floats | None = None  # NaN: none

    def scores(self) -> Floats:
        return np.full(len(self.code), np.nan) if self.score is None else self.score


Compare = Callable[[pa.StringArray, pa.StringArray], Outcome]  # an answer is null where the extract found nothing


def judge_pairs(batch: Batch, extract: Extraction, compare: Compare) -> Verdicts:
    """The verdicts of a batch, by comparing each extracted answer with its references."""
    rows, wants = _references(batch.references)
    has_text = mask(pc.is_valid(batch.texts))
    if not has_text.all():
        wants = wants.filter(pa.array(has_text[rows]))
        rows = rows[has_text[rows]]
    answers = extract(batch.texts).take(pa.array(rows))
    outcome = compare(answers, pc.coalesce(extract(wants), wants))
    lost = (outcome.code == FAIL) & mask(pc.is_null(answers))
    reasons = pc.if_else(pa.array(lost), f"nothing found by '{extract.spec}'", outcome.reason)
    best = _first_best(rows, outcome.code)
    code = np.full(len(batch), ABSTAIN, np.int8)
    code[rows[best]] = outcome.code[best]
    score = np.full(len(batch), np.nan)
    score[rows[best]] = outcome.scores()[best]
    chosen = np.where(has_text, len(reasons) + 1, len(reasons))
    chosen[rows[best]] = best
    all_reasons = pa.concat_arrays([reasons, pa.array(_OVERHEAD, pa.string())])
    return Verdicts(_NAMES.take(pa.array(code)), numbers_or_null(score), all_reasons.take(pa.array(chosen)))


def _references(references: pa.Array | None) -> tuple[Rows, pa.StringArray]:
    """Every reference with the row it belongs to; nulls left out."""
    if references is None:
        return np.empty(0, np.int64), pa.array([], pa.string())
    if isinstance(references, pa.ChunkedArray):
        references = references.combine_chunks()
    kind = references.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        rows = np.asarray(pc.list_parent_indices(references), np.int64)
        return _texts_only(rows, pc.list_flatten(references))
    return _texts_only(np.arange(len(references)), references)


def _texts_only(rows: Rows, values: pa.Array) -> tuple[Rows, pa.StringArray]:
    there = mask(pc.is_valid(values))
    if pa.types.is_nested(values.type) or pa.types.is_interval(values.type):
        raise UsageError("reference", f"holds {values.type}", "A reference is a text or a list of texts")
    texts = pc.cast(values, pa.string())
    return (rows, texts) if there.all() else (rows[there], texts.filter(pa.array(there)))


def _first_best(rows: Rows, code: Codes) -> Rows:
    """Of the pairs of each row the first with the lowest code."""
    if len(rows) < 2 or (np.diff(rows) > 0).all():
        return np.arange(len(rows))
    order = np.lexsort((code, rows))
    first = np.concatenate([[True], np.diff(rows[order]) > 0])
    return np.asarray(order[first], np.int64)


def by_mask(where: Mask, compare: tuple[Compare, Compare], answers: pa.StringArray, wants: pa.StringArray) -> Outcome:
    """The first comparison where the mask says so, the second elsewhere, in the order of the rows."""
    if where.all() or not where.any():
        return compare[0 if where.any() else 1](answers, wants)
    masks = (where, ~where)
    parts = [
        judged(answers.filter(pa.array(rows)), wants.filter(pa.array(rows)))
        for judged, rows in zip(compare, masks, strict=True)
    ]
    back = np.argsort(np.concatenate([np.flatnonzero(rows) for rows in masks]), kind="stable")
    whole = joined(parts)
    return Outcome(whole.code[back], whole.reason.take(pa.array(back)), whole.scores()[back])


def joined(parts: list[Outcome]) -> Outcome:
    """The outcomes of consecutive rows as one."""
    if not parts:
        return Outcome(np.empty(0, np.int8), pa.array([], pa.string()))
    codes, scores = [part.code for part in parts], [part.scores() for part in parts]
    return Outcome(np.concatenate(codes), pa.concat_arrays([part.reason for part in parts]), np.concatenate(scores))


def short(texts: pa.StringArray) -> pa.StringArray:
    """Texts cut for a reason: one line, nothing that a terminal could obey."""
    trimmed = pc.utf8_trim_whitespace(texts)
    cut = pc.utf8_slice_codeunits(trimmed, 0, LONGEST_SHOWN - 3)
    long = pc.greater(pc.utf8_length(trimmed), LONGEST_SHOWN)
    shown = pc.if_else(long, pc.binary_join_element_wise(cut, "...", ""), trimmed)
    return pc.replace_substring_regex(shown, r"[\pC\p{Zl}\p{Zp}]", "?")


def got_and_want(got: pa.StringArray, want: pa.StringArray, failed: Mask) -> pa.StringArray:
    """'got 17, want 18' where the comparison failed, null elsewhere."""
    words = pc.binary_join_element_wise("got ", got, ", want ", want, "")
    return pc.if_else(pa.array(failed), words, pa.scalar(None, pa.string()))


def mask(booleans: Any) -> Mask:
    """An Arrow column of true and false as numpy; null is false."""
    return np.asarray(pc.fill_null(booleans, False).to_numpy(zero_copy_only=False), np.bool_)


def numbers_or_null(values: Floats) -> pa.DoubleArray:
    return pa.array(values, pa.float64(), mask=~np.isfinite(values))
