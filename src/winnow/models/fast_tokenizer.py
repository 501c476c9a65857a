"""A fast tokenizer as editing needs it: tokens with their character offsets, and the text of each token.

Only fast tokenizers report offsets. Special and unknown tokens, and parts of a character, have no text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
TokenCodes = npt.NDArray[np.int8]

NO_TEXT, TEXT, SPACE_AND_TEXT = 0, 1, 2
"""What a token decodes to: nothing that can be part of a text, text, or a space and then text."""
MISALIGNED, EXACT, WITHOUT_SPACE = 0, 1, 2
"""Whether the characters of a token differ from its text, equal it, or equal it without the space at its start."""
REPLACEMENT_CHARACTER = "\N{REPLACEMENT CHARACTER}"
MAX_ENCODED_CHARACTERS = 1 << 22
"""In characters per call."""


@dataclass(frozen=True)
class TextEncoding:
    """The tokens of a text and their character offsets; special tokens stand for no character."""

    ids: Integers
    starts: Integers
    ends: Integers
    is_special: Bools


class FastTokenizer:
    """A `tokenizers.Tokenizer` without truncation and padding."""

    def __init__(self, backend: Any) -> None:
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend

    def __len__(self) -> int:
        return int(self._backend.get_vocab_size(with_added_tokens=True))

    def encode(self, texts: Sequence[str]) -> Iterator[TextEncoding]:
        """Split each text into tokens."""
        for portion in _portion_texts(texts):
            yield from map(_to_encoding, self._backend.encode_batch(portion, add_special_tokens=True))

    @cached_property
    def token_texts(self) -> list[str]:
        """The text that each token decodes to after another token; empty where that is not text."""
        backend, count = self._backend, self._highest_id() + 1
        anchor, anchor_text = self._find_anchor()
        if not anchor_text:
            return [""] * count
        texts = backend.decode_batch([[anchor, token] for token in range(count)], skip_special_tokens=False)
        written = [text[len(anchor_text) :] if text.startswith(anchor_text) else "" for text in texts]
        no_text = self._ids_without_text()
        return ["" if i in no_text or REPLACEMENT_CHARACTER in text else text for i, text in enumerate(written)]

    @cached_property
    def token_kinds(self) -> TokenCodes:
        """The kind of each token: NO_TEXT, TEXT or SPACE_AND_TEXT."""
        kinds = [
            (SPACE_AND_TEXT if text[0] == " " and len(text) > 1 else TEXT) if text else NO_TEXT
            for text in self.token_texts
        ]
        return np.array(kinds, np.int8)

    def align_tokens(self, text: str, encoding: TextEncoding) -> TokenCodes:
        """Compare each token with its characters; a token that shares a character with a neighbor is misaligned."""
        token_texts = self.token_texts
        starts, ends = encoding.starts.tolist(), encoding.ends.tolist()
        codes = [
            _alignment_code(token_texts[token], text[start:end])
            for token, start, end in zip(encoding.ids.tolist(), starts, ends, strict=True)
        ]
        alignment = np.array(codes, np.int8)
        alignment[encoding.is_special | self._shares_character(encoding)] = MISALIGNED
        return alignment

    def _shares_character(self, encoding: TextEncoding) -> Bools:
        """Mask the tokens that encode only a part of a character."""
        is_shared = np.zeros(len(encoding.ids), np.bool_)
        overlap = encoding.starts[1:] < encoding.ends[:-1]
        is_shared[1:] |= overlap
        is_shared[:-1] |= overlap
        return is_shared

    def _highest_id(self) -> int:
        return max(self._backend.get_vocab(with_added_tokens=True).values(), default=-1)

    def _find_anchor(self) -> tuple[int, str]:
        """Find a token of plain text, after which the other tokens are decoded."""
        numbers = sorted(self._backend.get_vocab(with_added_tokens=True).values())
        no_text = self._ids_without_text()
        for number in numbers:
            text = "" if number in no_text else self._backend.decode([number], skip_special_tokens=False)
            if text.isascii() and text.isalpha():
                return number, text
        return -1, ""

    @cached_property
    def special_ids(self) -> frozenset[int]:
        """The special tokens, which are not text."""
        added = self._backend.get_added_tokens_decoder()
        return frozenset(number for number, token in added.items() if token.special)

    def _ids_without_text(self) -> frozenset[int]:
        unknown = getattr(self._backend.model, "unk_token", None)
        number = None if unknown is None else self._backend.token_to_id(unknown)
        return self.special_ids if number is None else self.special_ids | {number}


def _alignment_code(token_text: str, text: str) -> int:
    if not text or not token_text:
        return MISALIGNED
    if token_text == text:
        return EXACT
    return WITHOUT_SPACE if token_text[0] == " " and token_text[1:] == text else MISALIGNED


def _portion_texts(texts: Sequence[str]) -> Iterator[list[str]]:
    """Group texts, so that memory does not grow with their number."""
    portion: list[str] = []
    characters = 0
    for text in texts:
        portion.append(text)
        characters += len(text)
        if characters >= MAX_ENCODED_CHARACTERS:
            yield portion
            portion, characters = [], 0
    if portion:
        yield portion


def _to_encoding(backend_encoding: Any) -> TextEncoding:
    offsets = np.array(backend_encoding.offsets, np.int64).reshape(-1, 2)
    special = np.array(backend_encoding.special_tokens_mask, np.bool_)
    return TextEncoding(np.array(backend_encoding.ids, np.int64), offsets[:, 0], offsets[:, 1], special)
