"""A tokenizer as editing needs it: tokens with the characters they stand for, and what each token writes.

Promises: offsets are those of the source, in characters; `writes` says what a token puts into a text behind another
one, and nothing for those that write no whole character or are no text at all (special tokens, unknown). It uses the
fast tokenizers alone, because the others do not say where their tokens stand.
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
"""What a token writes: nothing that could stand in a text, text, or a space and then text."""
MISALIGNED, EXACT, WITHOUT_SPACE = 0, 1, 2
"""How a token stands in a text: not as it would be written, as written, or as written but for the space before it."""
REPLACEMENT_CHARACTER = "\N{REPLACEMENT CHARACTER}"
MAX_ENCODED_CHARACTERS = 1 << 22
"""Characters that are cut into tokens in one call."""


@dataclass(frozen=True)
class TextEncoding:
    """The tokens of a text and where they stand."""

    ids: Integers
    starts: Integers
    ends: Integers
    is_special: Bools
    """Tokens the tokenizer added, which stand for no character."""


class FastTokenizer:
    """A fast tokenizer."""

    def __init__(self, backend: Any) -> None:
        """A `tokenizers.Tokenizer`; it is told never to cut off or pad."""
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend

    def __len__(self) -> int:
        return int(self._backend.get_vocab_size(with_added_tokens=True))

    def encode(self, texts: Sequence[str]) -> Iterator[TextEncoding]:
        """The tokens of each text."""
        for portion in _portion_texts(texts):
            yield from map(_to_encoding, self._backend.encode_batch(portion, add_special_tokens=True))

    @cached_property
    def token_texts(self) -> list[str]:
        """What each token writes behind another token; empty where that is no text."""
        backend, count = self._backend, self._highest_id() + 1
        anchor, anchor_text = self._find_anchor()
        if not anchor_text:
            return [""] * count
        texts = backend.decode_batch([[anchor, token] for token in range(count)], skip_special_tokens=False)
        written = [text[len(anchor_text) :] if text.startswith(anchor_text) else "" for text in texts]
        no_text = self._ids_without_text()
        return [
            "" if number in no_text or REPLACEMENT_CHARACTER in text else text for number, text in enumerate(written)
        ]

    @cached_property
    def token_kinds(self) -> TokenCodes:
        """Of each token whether it writes nothing, text, or a space and then text."""
        kinds = [
            (SPACE_AND_TEXT if text[0] == " " and len(text) > 1 else TEXT) if text else NO_TEXT
            for text in self.token_texts
        ]
        return np.array(kinds, np.int8)

    def align_tokens(self, text: str, encoding: TextEncoding) -> TokenCodes:
        """How each token stands in its text; one that shares a character with a neighbor stands nowhere."""
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
        """Tokens that stand for part of a character, so that another stands for the rest."""
        is_shared = np.zeros(len(encoding.ids), np.bool_)
        overlap = encoding.starts[1:] < encoding.ends[:-1]
        is_shared[1:] |= overlap
        is_shared[:-1] |= overlap
        return is_shared

    def _highest_id(self) -> int:
        return max(self._backend.get_vocab(with_added_tokens=True).values(), default=-1)

    def _find_anchor(self) -> tuple[int, str]:
        """A token that writes plain text, behind which others are looked at."""
        numbers = sorted(self._backend.get_vocab(with_added_tokens=True).values())
        no_text = self._ids_without_text()
        for number in numbers:
            text = "" if number in no_text else self._backend.decode([number], skip_special_tokens=False)
            if text.isascii() and text.isalpha():
                return number, text
        return -1, ""

    @cached_property
    def special_ids(self) -> frozenset[int]:
        """Tokens that are marks and no text."""
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
    """Some texts at a time, so that what is held does not grow with their number."""
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
