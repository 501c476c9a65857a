"""Vocabularies: the tokens of pieces of text.

A piece is a character; or a word between spaces; or, in prose, a word with the space before it, a digit or a sign. In
the input of an encoder-decoder over words, parts joined by `|` (`+|123|E-1`) share one position, whose embedding is the
sum of theirs. The vocabulary does not depend on the order of rows. Pieces it lacks are UNKNOWN in a prompt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from winnow.models.tiny.config import ModelConfig, TokenizerKind

PROSE_PATTERN = re.compile(r" ?[^\W\d_]+|.", re.DOTALL)
PADDING, BEGIN, UNKNOWN, END = 0, 1, 2, 3
FIRST_OUTPUT = END
"""Tokens from here on can be generated; those before occur in inputs only."""
SPECIAL_COUNT = 4


@dataclass(frozen=True)
class Vocabulary:
    """The pieces of text that have a token."""

    tokenizer: TokenizerKind
    entries: tuple[str, ...]
    _token_of_piece: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        tokens = {piece: SPECIAL_COUNT + index for index, piece in enumerate(self.entries)}
        object.__setattr__(self, "_token_of_piece", tokens)

    def __len__(self) -> int:
        return SPECIAL_COUNT + len(self.entries)

    def split(self, text: str) -> list[str]:
        """Split a text into pieces."""
        return split_text(self.tokenizer, text)

    def encode(self, text: str) -> list[int]:
        """Return one token per piece."""
        return [self._token_of_piece.get(piece, UNKNOWN) for piece in self.split(text)]

    def encode_positions(self, text: str) -> list[tuple[int, ...]]:
        """Return the tokens of each position of an input, whose words may have parts."""
        if self.tokenizer != "words":
            return [(token,) for token in self.encode(text)]
        return [tuple(self._token_of_piece.get(part, UNKNOWN) for part in split_parts(word)) for word in text.split()]

    def decode(self, tokens: Iterable[int]) -> str:
        """Join the pieces of tokens; special tokens are skipped."""
        pieces = [self.entries[token - SPECIAL_COUNT] for token in tokens if token >= SPECIAL_COUNT]
        return (" " if self.tokenizer == "words" else "").join(pieces)


def split_text(tokenizer: TokenizerKind, text: str) -> list[str]:
    """Split a text into pieces; the tokenizer `words` loses the number of spaces between them."""
    if tokenizer == "prose":
        return PROSE_PATTERN.findall(text)
    return text.split() if tokenizer == "words" else list(text)


def split_parts(word: str) -> list[str]:
    """Split a word of an input at `|`, unless a `|` is at an end or next to another."""
    pieces = word.split("|")
    return pieces if all(pieces) else [word]


def build_vocabulary(model_config: ModelConfig, prompts: Sequence[str], texts: Sequence[str]) -> Vocabulary:
    """Collect every piece of these rows."""
    input_pieces = {piece for prompt in prompts for piece in split_text(model_config.tokenizer, prompt)}
    if (model_config.kind, model_config.tokenizer) == ("encoder-decoder", "words"):
        input_pieces = {part for word in input_pieces for part in split_parts(word)}
    output_pieces = {piece for text in texts for piece in split_text(model_config.tokenizer, text)}
    return Vocabulary(model_config.tokenizer, tuple(sorted(input_pieces | output_pieces)))
