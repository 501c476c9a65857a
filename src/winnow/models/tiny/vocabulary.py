"""Vocabularies, which give pieces of text a token, and rows of tokens.

A piece is a character; or a word between spaces; or, in prose, a word with the space before it, a digit or a sign. In
the input of an encoder-decoder over words, parts joined by `|` (`+|123|E-1`) share one position, whose embedding is the
sum of theirs. The vocabulary does not depend on the order of rows. Pieces it lacks are UNKNOWN in a prompt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from winnow.errors import UsageError, format_value
from winnow.models.tiny_config import ModelConfig, TokenizerKind

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

    @cached_property
    def _token_of_piece(self) -> dict[str, int]:
        return {piece: SPECIAL_COUNT + index for index, piece in enumerate(self.entries)}

    def __len__(self) -> int:
        return SPECIAL_COUNT + len(self.entries)

    def split(self, text: str) -> list[str]:
        """Split a text into pieces; the tokenizer `words` loses the number of spaces between them."""
        if self.tokenizer == "prose":
            return PROSE_PATTERN.findall(text)
        return text.split() if self.tokenizer == "words" else list(text)

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


def split_parts(word: str) -> list[str]:
    """Split a word of an input at `|`, unless a `|` is at an end or next to another."""
    pieces = word.split("|")
    return pieces if all(pieces) else [word]


def build_vocabulary(model_config: ModelConfig, prompts: Sequence[str], texts: Sequence[str]) -> Vocabulary:
    """Collect every piece of these rows."""
    split = Vocabulary(model_config.tokenizer, ()).split
    input_pieces = {piece for prompt in prompts for piece in split(prompt)}
    if (model_config.kind, model_config.tokenizer) == ("encoder-decoder", "words"):
        input_pieces = {part for word in input_pieces for part in split_parts(word)}
    output_pieces = {piece for text in texts for piece in split(text)}
    return Vocabulary(model_config.tokenizer, tuple(sorted(input_pieces | output_pieces)))


@dataclass(frozen=True)
class EncodedRow:
    """A prompt, as input of the encoder or as prefix of the decoder, and the target tokens."""

    encoder_input: list[tuple[int, ...]]
    prefix: list[int]
    target: list[int]

    @property
    def lengths(self) -> tuple[int, int]:
        """The lengths of both inputs; rows of equal lengths need no padding."""
        return len(self.encoder_input), len(self.prefix) + len(self.target)


def encode_row(model_config: ModelConfig, vocabulary: Vocabulary, prompt: str, text: str | None = None) -> EncodedRow:
    """Encode a prompt and its text; without a text the target is empty. A row longer than the context is refused."""
    has_encoder = model_config.kind == "encoder-decoder"
    encoder_input = vocabulary.encode_positions(prompt) if has_encoder else []
    prefix = [BEGIN] if has_encoder else [*vocabulary.encode(prompt), BEGIN]
    row = EncodedRow(encoder_input, prefix, [] if text is None else [*vocabulary.encode(text), END])
    # The last token of the target is never an input, so a row with its text may be one longer.
    positions = max(len(encoder_input), len(prefix) + len(row.target) - (text is not None))
    if positions > model_config.context:
        row_size = f"the row of the prompt {format_value(prompt)} has {positions} positions"
        problem = f"{row_size}, and the model has {model_config.context}"
        raise UsageError("context", problem, "Configure the model with a larger context")
    if has_encoder and not encoder_input:
        raise UsageError("prompt", "is empty, but an encoder needs at least one token", "Leave this row out")
    return row
