"""Edits of a text: which characters were replaced by what, in offsets of the source.

Promises: a source with its edits applied is the edited text; edits are in order and apart; an edit that says what
stood there already is none. Edits of an edited text become edits of its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TextEdit:
    """The characters [start, end) of the source became `to`; the prior had given what stood there the chance `p`."""

    start: int
    end: int
    to: str
    p: float


def apply_edits(source: str, edits: Sequence[TextEdit]) -> str:
    """The source with its edits."""
    pieces, at = [], 0
    for edit in edits:
        pieces += [source[at : edit.start], edit.to]
        at = edit.end
    return "".join([*pieces, source[at:]])


def compose_edits(source: str, first: Sequence[TextEdit], second: Sequence[TextEdit]) -> list[TextEdit]:
    """The edits of `first`, and then those that were made of its result, as edits of the source."""
    if not first or not second:
        return list(first or second)
    text, edits, shift = apply_edits(source, first), [], 0
    for group in _group_overlapping(
        [*_edited_spans(first), *(_EditSpan(e.start, e.end, e.p, 0, e.to) for e in second)]
    ):
        start, end = group[0].start, max(one.end for one in group)
        inner = [TextEdit(one.start - start, one.end - start, one.to, 0.0) for one in group if one.to is not None]
        to, growth = apply_edits(text[start:end], inner), sum(one.growth for one in group)
        edit = TextEdit(start - shift, end - shift - growth, to, min(one.p for one in group))
        shift += growth
        if source[edit.start : edit.end] != to:
            edits.append(edit)
    return edits


@dataclass(frozen=True)
class _EditSpan:
    """A stretch of the text between two rounds: one that was made (`growth`), or one that is replaced (`to`)."""

    start: int
    end: int
    p: float
    growth: int
    to: str | None


def _edited_spans(edits: Sequence[TextEdit]) -> list[_EditSpan]:
    """Where the replacements stand in the edited text."""
    spans, shift = [], 0
    for edit in edits:
        start, growth = edit.start + shift, len(edit.to) - (edit.end - edit.start)
        spans.append(_EditSpan(start, start + len(edit.to), edit.p, growth, None))
        shift += growth
    return spans


def _group_overlapping(spans: list[_EditSpan]) -> list[list[_EditSpan]]:
    """Stretches in order, those together that overlap."""
    groups: list[list[_EditSpan]] = []
    end = -1
    for one in sorted(spans, key=lambda one: (one.start, one.end)):
        if one.start < end:
            groups[-1].append(one)
        else:
            groups.append([one])
        end = max(end, one.end)
    return groups
