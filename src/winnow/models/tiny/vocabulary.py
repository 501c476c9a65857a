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

from winnow.models.tiny.config import ModelConfig, TokenizerKind

PROSE_PATTERN = re.compile(r" ?[^\W\d_]+|.", re.DOTALL)
PADDING, BEGIN, UNKNOWN, END = 0, 1, 2, 3
FIRST_OUTPUT = END
"""The tokens from here on can be written; those before stand in inputs only."""
SPECIAL_COUNT = 4


@dataclass(frozen=True)
class Vocabulary:
    """Pieces of text and their numbers."""

    tokenizer: TokenizerKind
    entries: tuple[str, ...]
    _token_of_piece: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_numbers", {piece: SPECIAL_COUNT + place for place, piece in enumerate(self.entries)})

    def __len__(self) -> int:
        return SPECIAL_COUNT + len(self.entries)

    def split(self, text: str) -> list[str]:
        """The pieces of a text."""
        return split_text(self.tokenizer, text)

    def encode(self, text: str) -> list[int]:
        """One token a piece."""
        return [self._token_of_piece.get(piece, UNKNOWN) for piece in self.split(text)]

    def encode_positions(self, text: str) -> list[tuple[int, ...]]:
        """The tokens of each position of an input whose words may have parts."""
        if self.tokenizer != "words":
            return [(token,) for token in self.encode(text)]
        return [tuple(self._token_of_piece.get(part, UNKNOWN) for part in split_parts(word)) for word in text.split()]

    def decode(self, tokens: Iterable[int]) -> str:
        """What tokens say; END and what is no piece say nothing."""
        pieces = [self.entries[token - SPECIAL_COUNT] for token in tokens if token >= SPECIAL_COUNT]
        return (" " if self.tokenizer == "words" else "").join(pieces)


def split_text(tokenizer: TokenizerKind, text: str) -> list[str]:
    """The pieces of a text; of words alone, how many spaces stood between them is forgotten."""
    if tokenizer == "prose":
        return PROSE_PATTERN.findall(text)
    return text.split() if tokenizer == "words" else list(text)


def split_parts(word: str) -> list[str]:
    """The parts of a word of an input; a `|` at an end or beside another is a character like others."""
    pieces = word.split("|")
    return pieces if all(pieces) else [word]


def build_vocabulary(model_config: ModelConfig, prompts: Sequence[str], texts: Sequence[str]) -> Vocabulary:
    """Every piece that these rows hold."""
    input_pieces = {piece for prompt in prompts for piece in split_text(model_config.tokenizer, prompt)}
    if (model_config.kind, model_config.tokenizer) == ("encoder-decoder", "words"):
        input_pieces = {part for word in input_pieces for part in split_parts(word)}
    output_pieces = {piece for text in texts for piece in split_text(model_config.tokenizer, text)}
    return Vocabulary(model_config.tokenizer, tuple(sorted(input_pieces | output_pieces)))
