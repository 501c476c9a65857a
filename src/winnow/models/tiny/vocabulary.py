"""Which token stands for which piece of text.

A piece is a character; or a word between spaces; or, in prose, a word with the space before it, a digit or a sign.
In the input of an encoder-decoder over words, parts joined by `|` (`+|123|E-1`) share one position, whose embedding is
the sum of theirs; the decoder writes plain tokens.
Promises: learned from rows in an order of its own, so the order of the rows does not matter. What was not learned is
UNKNOWN in a prompt, and cannot be written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from winnow.models.tiny.shape import Pieces, Shape

PROSE = re.compile(r" ?[^\W\d_]+|.", re.DOTALL)
NOTHING, BEGIN, UNKNOWN, END = 0, 1, 2, 3
FIRST_WRITTEN = END
"""The tokens from here on can be written; those before stand in inputs only."""
NAMED = 4


@dataclass(frozen=True)
class Vocabulary:
    """Pieces of text and their numbers."""

    pieces: Pieces
    known: tuple[str, ...]
    _numbers: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_numbers", {piece: NAMED + place for place, piece in enumerate(self.known)})

    def __len__(self) -> int:
        return NAMED + len(self.known)

    def split(self, text: str) -> list[str]:
        """The pieces of a text."""
        return split(self.pieces, text)

    def plain(self, text: str) -> list[int]:
        """One token a piece."""
        return [self._numbers.get(piece, UNKNOWN) for piece in self.split(text)]

    def summed(self, text: str) -> list[tuple[int, ...]]:
        """The tokens of each position of an input whose words may have parts."""
        if self.pieces != "words":
            return [(token,) for token in self.plain(text)]
        return [tuple(self._numbers.get(part, UNKNOWN) for part in parts(word)) for word in text.split()]

    def text(self, tokens: Iterable[int]) -> str:
        """What tokens say; END and what is no piece say nothing."""
        pieces = [self.known[token - NAMED] for token in tokens if token >= NAMED]
        return (" " if self.pieces == "words" else "").join(pieces)


def split(pieces: Pieces, text: str) -> list[str]:
    """The pieces of a text; of words alone, how many spaces stood between them is forgotten."""
    if pieces == "prose":
        return PROSE.findall(text)
    return text.split() if pieces == "words" else list(text)


def parts(word: str) -> list[str]:
    """The parts of a word of an input; a `|` at an end or beside another is a character like others."""
    found = word.split("|")
    return found if all(found) else [word]


def learned(shape: Shape, prompts: Sequence[str], texts: Sequence[str]) -> Vocabulary:
    """Every piece that these rows hold."""
    read = {piece for prompt in prompts for piece in split(shape.pieces, prompt)}
    if (shape.kind, shape.pieces) == ("encoder-decoder", "words"):
        read = {part for word in read for part in parts(word)}
    written = {piece for text in texts for piece in split(shape.pieces, text)}
    return Vocabulary(shape.pieces, tuple(sorted(read | written)))
