"""Edits of a text, as character offsets of the source and replacements.

Edits are in order and do not overlap, and an edit that replaces a text by itself is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TextEdit:
    """Replaces by `to` the characters [start, end) of the source, to which the prior gave the probability `p`."""

    start: int
    end: int
    to: str
    p: float


def apply_edits(source: str, edits: Sequence[TextEdit]) -> str:
    """Return the edited text."""
    pieces, position = [], 0
    for edit in edits:
        pieces += [source[position : edit.start], edit.to]
        position = edit.end
    return "".join([*pieces, source[position:]])


def compose_edits(source: str, first: Sequence[TextEdit], second: Sequence[TextEdit]) -> list[TextEdit]:
    """Combine the edits `first` of the source with the edits `second` of the result into edits of the source."""
    if not first or not second:
        return list(first or second)
    text, edits, shift = apply_edits(source, first), [], 0
    spans = [*_edited_spans(first), *(_EditSpan(e.start, e.end, e.p, 0, e.to) for e in second)]
    for group in _group_overlapping(spans):
        start, end = group[0].start, max(span.end for span in group)
        inner = [TextEdit(span.start - start, span.end - start, span.to, 0.0) for span in group if span.to is not None]
        to, growth = apply_edits(text[start:end], inner), sum(span.growth for span in group)
        edit = TextEdit(start - shift, end - shift - growth, to, min(span.p for span in group))
        shift += growth
        if source[edit.start : edit.end] != to:
            edits.append(edit)
    return edits


@dataclass(frozen=True)
class _EditSpan:
    """A span of the text between the two rounds: a result of the first (`growth`), or replaced by the second (`to`)."""

    start: int
    end: int
    p: float
    growth: int
    to: str | None


def _edited_spans(edits: Sequence[TextEdit]) -> list[_EditSpan]:
    """Return the spans of the replacements in the edited text."""
    spans, shift = [], 0
    for edit in edits:
        start, growth = edit.start + shift, len(edit.to) - (edit.end - edit.start)
        spans.append(_EditSpan(start, start + len(edit.to), edit.p, growth, None))
        shift += growth
    return spans


def _group_overlapping(spans: list[_EditSpan]) -> list[list[_EditSpan]]:
    groups: list[list[_EditSpan]] = []
    end = -1
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        if span.start < end:
            groups[-1].append(span)
        else:
            groups.append([span])
        end = max(end, span.end)
    return groups
