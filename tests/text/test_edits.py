"""Edits say exactly what was replaced, and two rounds of them are edits of the source."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from winnow.text.edits import TextEdit, apply_edits, compose_edits


def edits_of(text: str, draws: random.Random) -> list[TextEdit]:
    """Some edits of a text: apart, in order, some touching, some deleting."""
    found, at = [], 0
    while at < len(text):
        start = at + draws.randrange(3)
        end = start + 1 + draws.randrange(3)
        to = "".join(draws.choice("xyz€") for _ in range(draws.randrange(4)))
        if end <= len(text) and text[start:end] != to:
            found.append(TextEdit(start, end, to, draws.random()))
        at = end
    return found


def walked(source: str, edits: list[TextEdit]) -> str:
    """The edited text, character by character."""
    out, skip = "", 0
    by_start = {edit.start: edit for edit in edits}
    for at, character in enumerate(source):
        if at in by_start:
            out, skip = out + by_start[at].to, by_start[at].end
        out += character if at >= skip else ""
    return out


@given(st.text(max_size=20), st.integers(0, 2**32))
def test_a_source_with_its_edits_is_the_edited_text(source: str, seed: int) -> None:
    edits = edits_of(source, random.Random(seed))
    assert apply_edits(source, edits) == walked(source, edits)
    assert apply_edits(source, []) == source


@given(st.text(max_size=20), st.integers(0, 2**32))
def test_edits_of_an_edited_text_become_edits_of_the_source(source: str, seed: int) -> None:
    draws = random.Random(seed)
    first = edits_of(source, draws)
    middle = apply_edits(source, first)
    second = edits_of(middle, draws)
    both = compose_edits(source, first, second)
    assert apply_edits(source, both) == apply_edits(middle, second)
    assert all(one.end <= other.start for one, other in pairwise(both))
    assert all(source[one.start : one.end] != one.to for one in both)
    chances = {edit.p for edit in (*first, *second)}
    assert {edit.p for edit in both} <= chances


def test_what_a_second_round_takes_back_is_no_edit() -> None:
    first = [TextEdit(4, 7, "dog", 0.9)]
    assert compose_edits("the cat", first, [TextEdit(4, 7, "cat", 0.95)]) == []
    assert compose_edits("the cat sat", first, [TextEdit(8, 11, "lay", 0.8)]) == [*first, TextEdit(8, 11, "lay", 0.8)]
    assert compose_edits("the cat", first, [TextEdit(6, 7, "t", 0.5)]) == [TextEdit(4, 7, "dot", 0.5)]
