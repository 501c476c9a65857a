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
Kinds = npt.NDArray[np.int8]

NOTHING, GLUED, SPACED = 0, 1, 2
"""What a token writes: nothing that could stand in a text, text, or a space and then text."""
ELSEWHERE, WHOLE, BARE = 0, 1, 2
"""How a token stands in a text: not as it would be written, as written, or as written but for the space before it."""
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
ENCODED_AT_ONCE = 1 << 22
"""Characters that are cut into tokens in one call."""


@dataclass(frozen=True)
class Encoded:
    """The tokens of a text and where they stand."""

    ids: Integers
    starts: Integers
    ends: Integers
    special: Bools
    """Tokens the tokenizer added, which stand for no character."""


class Vocabulary:
    """A fast tokenizer."""

    def __init__(self, backend: Any) -> None:
        """A `tokenizers.Tokenizer`; it is told never to cut off or pad."""
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend

    def __len__(self) -> int:
        return int(self._backend.get_vocab_size(with_added_tokens=True))

    def encode(self, texts: Sequence[str]) -> Iterator[Encoded]:
        """The tokens of each text."""
        for some in _portions(texts):
            yield from map(_encoded, self._backend.encode_batch(some, add_special_tokens=True))

    @cached_property
    def writes(self) -> list[str]:
        """What each token writes behind another token; empty where that is no text."""
        backend, count = self._backend, self._highest() + 1
        anchor, before = self._anchor()
        if not before:
            return [""] * count
        texts = backend.decode_batch([[anchor, one] for one in range(count)], skip_special_tokens=False)
        found = [text[len(before) :] if text.startswith(before) else "" for text in texts]
        no_text = self._no_text()
        return ["" if number in no_text or REPLACEMENT in text else text for number, text in enumerate(found)]

    @cached_property
    def kinds(self) -> Kinds:
        """Of each token whether it writes nothing, text, or a space and then text."""
        found = [(SPACED if text[0] == " " and len(text) > 1 else GLUED) if text else NOTHING for text in self.writes]
        return np.array(found, np.int8)

    def standing(self, text: str, encoded: Encoded) -> Kinds:
        """How each token stands in its text; one that shares a character with a neighbor stands nowhere."""
        writes = self.writes
        starts, ends = encoded.starts.tolist(), encoded.ends.tolist()
        found = [
            _standing(writes[one], text[start:end])
            for one, start, end in zip(encoded.ids.tolist(), starts, ends, strict=True)
        ]
        placed = np.array(found, np.int8)
        placed[encoded.special | self._shared(encoded)] = ELSEWHERE
        return placed

    def _shared(self, encoded: Encoded) -> Bools:
        """Tokens that stand for part of a character, so that another stands for the rest."""
        shared = np.zeros(len(encoded.ids), np.bool_)
        overlap = encoded.starts[1:] < encoded.ends[:-1]
        shared[1:] |= overlap
        shared[:-1] |= overlap
        return shared

    def _highest(self) -> int:
        return max(self._backend.get_vocab(with_added_tokens=True).values(), default=-1)

    def _anchor(self) -> tuple[int, str]:
        """A token that writes plain text, behind which others are looked at."""
        numbers = sorted(self._backend.get_vocab(with_added_tokens=True).values())
        no_text = self._no_text()
        for number in numbers:
            text = "" if number in no_text else self._backend.decode([number], skip_special_tokens=False)
            if text.isascii() and text.isalpha():
                return number, text
        return -1, ""

    @cached_property
    def special(self) -> frozenset[int]:
        """Tokens that are marks and no text."""
        added = self._backend.get_added_tokens_decoder()
        return frozenset(number for number, token in added.items() if token.special)

    def _no_text(self) -> frozenset[int]:
        unknown = getattr(self._backend.model, "unk_token", None)
        number = None if unknown is None else self._backend.token_to_id(unknown)
        return self.special if number is None else self.special | {number}


def _standing(writes: str, text: str) -> int:
    if not text or not writes:
        return ELSEWHERE
    if writes == text:
        return WHOLE
    return BARE if writes[0] == " " and writes[1:] == text else ELSEWHERE


def _portions(texts: Sequence[str]) -> Iterator[list[str]]:
    """Some texts at a time, so that what is held does not grow with their number."""
    some: list[str] = []
    held = 0
    for text in texts:
        some.append(text)
        held += len(text)
        if held >= ENCODED_AT_ONCE:
            yield some
            some, held = [], 0
    if some:
        yield some


def _encoded(found: Any) -> Encoded:
    places = np.array(found.offsets, np.int64).reshape(-1, 2)
    special = np.array(found.special_tokens_mask, np.bool_)
    return Encoded(np.array(found.ids, np.int64), places[:, 0], places[:, 1], special)
