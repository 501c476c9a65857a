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
        """The text that each token decodes to after a token of letters; empty where that is not text."""
        backend = self._backend
        ids = sorted(backend.get_vocab(with_added_tokens=True).values())
        count = ids[-1] + 1 if ids else 0
        unknown = getattr(backend.model, "unk_token", None)
        no_text = self.special_ids | {None if unknown is None else backend.token_to_id(unknown)}
        decoded = ((i, backend.decode([i], skip_special_tokens=False)) for i in ids if i not in no_text)
        before, letters = next(((i, text) for i, text in decoded if text.isascii() and text.isalpha()), (None, ""))
        if before is None:
            return [""] * count
        texts = backend.decode_batch([[before, token] for token in range(count)], skip_special_tokens=False)
        written = [text[len(letters) :] if text.startswith(letters) else "" for text in texts]
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
        overlapping = np.flatnonzero(encoding.starts[1:] < encoding.ends[:-1])
        for misaligned in (encoding.is_special, overlapping, overlapping + 1):
            alignment[misaligned] = MISALIGNED
        return alignment

    @cached_property
    def special_ids(self) -> frozenset[int]:
        """The special tokens, which are not text."""
        added = self._backend.get_added_tokens_decoder()
        return frozenset(number for number, token in added.items() if token.special)


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
