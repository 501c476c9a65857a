"""Edits describe exactly what was replaced, and two rounds of edits combine into edits of the source."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from winnow.text.edits import TextEdit, apply_edits, compose_edits


def random_edits(text: str, draws: random.Random) -> list[TextEdit]:
    """Some edits of a text: apart, in order, some touching, some deleting."""
    edits, position = [], 0
    while position < len(text):
        start = position + draws.randrange(3)
        end = start + 1 + draws.randrange(3)
        to = "".join(draws.choice("xyz€") for _ in range(draws.randrange(4)))
        if end <= len(text) and text[start:end] != to:
            edits.append(TextEdit(start, end, to, draws.random()))
        position = end
    return edits


def apply_by_character(source: str, edits: list[TextEdit]) -> str:
    """The edited text, character by character."""
    out, skip = "", 0
    by_start = {edit.start: edit for edit in edits}
    for position, character in enumerate(source):
        if position in by_start:
            out, skip = out + by_start[position].to, by_start[position].end
        out += character if position >= skip else ""
    return out


@given(st.text(max_size=20), st.integers(0, 2**32))
def test_applying_edits_gives_the_edited_text(source: str, seed: int) -> None:
    edits = random_edits(source, random.Random(seed))
    assert apply_edits(source, edits) == apply_by_character(source, edits)
    assert apply_edits(source, []) == source


@given(st.text(max_size=20), st.integers(0, 2**32))
def test_edits_of_an_edited_text_become_edits_of_the_source(source: str, seed: int) -> None:
    draws = random.Random(seed)
    first = random_edits(source, draws)
    middle = apply_edits(source, first)
    second = random_edits(middle, draws)
    both = compose_edits(source, first, second)
    assert apply_edits(source, both) == apply_edits(middle, second)
    assert all(left.end <= right.start for left, right in pairwise(both))
    assert all(source[edit.start : edit.end] != edit.to for edit in both)
    chances = {edit.p for edit in (*first, *second)}
    assert {edit.p for edit in both} <= chances


def test_a_replacement_that_is_reverted_is_no_edit() -> None:
    first = [TextEdit(4, 7, "dog", 0.9)]
    assert compose_edits("the cat", first, [TextEdit(4, 7, "cat", 0.95)]) == []
    assert compose_edits("the cat sat", first, [TextEdit(8, 11, "lay", 0.8)]) == [*first, TextEdit(8, 11, "lay", 0.8)]
    assert compose_edits("the cat", first, [TextEdit(6, 7, "t", 0.5)]) == [TextEdit(4, 7, "dot", 0.5)]
