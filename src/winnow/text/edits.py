"""Edits of a text: which characters were replaced by what, in offsets of the source.

Promises: a source with its edits applied is the edited text; edits are in order and apart; an edit that says what
stood there already is none. Edits of an edited text become edits of its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """The characters [start, end) of the source became `to`; the prior had given what stood there the chance `p`."""

    start: int
    end: int
    to: str
    p: float


def applied(source: str, edits: Sequence[Edit]) -> str:
    """The source with its edits."""
    pieces, at = [], 0
    for edit in edits:
        pieces += [source[at : edit.start], edit.to]
        at = edit.end
    return "".join([*pieces, source[at:]])


def composed(source: str, first: Sequence[Edit], second: Sequence[Edit]) -> list[Edit]:
    """The edits of `first`, and then those that were made of its result, as edits of the source."""
    if not first or not second:
        return list(first or second)
    text, found, grown = applied(source, first), [], 0
    for group in _touching([*_placed(first), *(_Placed(e.start, e.end, e.p, 0, e.to) for e in second)]):
        start, end = group[0].start, max(one.end for one in group)
        inner = [Edit(one.start - start, one.end - start, one.to, 0.0) for one in group if one.to is not None]
        to, growth = applied(text[start:end], inner), sum(one.growth for one in group)
        edit = Edit(start - grown, end - grown - growth, to, min(one.p for one in group))
        grown += growth
        if source[edit.start : edit.end] != to:
            found.append(edit)
    return found


@dataclass(frozen=True)
class _Placed:
    """A stretch of the text between two rounds: one that was made (`growth`), or one that is replaced (`to`)."""

    start: int
    end: int
    p: float
    growth: int
    to: str | None


def _placed(edits: Sequence[Edit]) -> list[_Placed]:
    """Where the replacements stand in the edited text."""
    places, grown = [], 0
    for edit in edits:
        start, growth = edit.start + grown, len(edit.to) - (edit.end - edit.start)
        places.append(_Placed(start, start + len(edit.to), edit.p, growth, None))
        grown += growth
    return places


def _touching(stretches: list[_Placed]) -> list[list[_Placed]]:
    """Stretches in order, those together that overlap."""
    groups: list[list[_Placed]] = []
    end = -1
    for one in sorted(stretches, key=lambda one: (one.start, one.end)):
        if one.start < end:
            groups[-1].append(one)
        else:
            groups.append([one])
        end = max(end, one.end)
    return groups
