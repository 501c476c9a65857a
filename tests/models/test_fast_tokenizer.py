"""Offsets are exact, and what is put in a token's place decodes there: any Unicode text, three kinds of tokenizers."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.stages.edit.fixture_models import TOKENIZERS, strange, texts
from winnow.models.fast_tokenizer import EXACT, MISALIGNED, NO_TEXT, SPACE_AND_TEXT, TEXT, WITHOUT_SPACE, FastTokenizer
from winnow.stages.edit.editor import candidates_that_fit

TEXTS = 10_000
PRINTABLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
REST = [one for one in range(256) if one not in PRINTABLE]
BYTES = {chr(one): one for one in PRINTABLE} | {chr(256 + n): one for n, one in enumerate(REST)}


def bytes_of(token: str) -> str | None:
    """What a byte-level token writes, by the published table of bytes; None for part of a character."""
    try:
        return bytes(BYTES[one] for one in token).decode()
    except UnicodeDecodeError:
        return None


SAID: dict[str, Callable[[str], str | None]] = {
    "byte-level": bytes_of,
    "word-piece": lambda token: token.removeprefix("##"),
    "unigram": lambda token: token.replace("▁", " "),
}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_tokens_stand_where_they_are_said_to_in_ten_thousand_texts(name: str) -> None:
    made = TOKENIZERS[name]()
    vocabulary, draws = FastTokenizer(made), random.Random(3)
    says = [SAID[name](made.id_to_token(one)) for one in range(len(vocabulary))]
    given = [strange(draws) for _ in range(TEXTS)]
    placed = elsewhere = 0
    for text, encoded in zip(given, vocabulary.encode(given), strict=True):
        standing = vocabulary.align_tokens(text, encoded)
        at = 0
        for token, start, end, how in zip(encoded.ids, encoded.starts, encoded.ends, standing, strict=True):
            if how == MISALIGNED:
                elsewhere += 1
                continue
            said = says[token]
            assert text[start:end] == said if how == EXACT else text[start:end] == (said or "").removeprefix(" ")
            assert start >= at
            at, placed = int(end), placed + 1
    assert placed > TEXTS and elsewhere > TEXTS / 10


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_replacement_that_fits_decodes_in_place(name: str) -> None:
    made = TOKENIZERS[name]()
    vocabulary, draws = FastTokenizer(made), random.Random(4)
    chance = np.random.default_rng(4)
    given = [strange(draws) for _ in range(1000)] + texts(300, seed=4) + ["cats and do ##gs", "a . b"]
    checked = 0
    for text, encoded in zip(given, vocabulary.encode(given), strict=True):
        ids, standing = encoded.ids, vocabulary.align_tokens(text, encoded)
        if made.decode(ids.tolist(), skip_special_tokens=True) != text:
            continue
        for at in np.flatnonzero(standing != MISALIGNED)[:6].tolist():
            candidates = chance.integers(0, len(vocabulary), (1, 12))
            fits = candidates_that_fit(vocabulary, candidates, standing[at : at + 1])[0]
            for token in candidates[0][fits].tolist():
                to = vocabulary.token_texts[token][int(standing[at] == WITHOUT_SPACE) :]
                spliced = text[: encoded.starts[at]] + to + text[encoded.ends[at] :]
                other = [*ids[:at].tolist(), token, *ids[at + 1 :].tolist()]
                if name == "unigram" and at == 0:
                    continue  # its decoder drops the space at the beginning of a text, wherever it came from
                assert made.decode(other, skip_special_tokens=True) == spliced
                checked += 1
    assert checked > 500


@pytest.mark.parametrize("name", TOKENIZERS)
def test_marks_unknown_tokens_and_parts_of_characters_write_nothing(name: str) -> None:
    made = TOKENIZERS[name]()
    vocabulary = FastTokenizer(made)
    for token in ("<|end|>", "[UNK]", "[CLS]", "<unk>", "<s>"):
        number = made.token_to_id(token)
        assert number is None or vocabulary.token_kinds[number] == NO_TEXT
    assert (vocabulary.token_kinds == TEXT).any() and (vocabulary.token_kinds == SPACE_AND_TEXT).any()
    if name == "byte-level":
        partial = [one for one in range(len(vocabulary)) if bytes_of(made.id_to_token(one)) is None]
        assert len(partial) >= 100
        assert (vocabulary.token_kinds[partial] == NO_TEXT).all()


def test_a_tokenizer_without_a_decoder_stands_nowhere_but_at_the_beginning_of_words(tmp_path: Any) -> None:
    made = TOKENIZERS["byte-level"]()
    made.decoder = None
    vocabulary = FastTokenizer(made)
    text = "the captain walks"
    encoded = next(vocabulary.encode([text]))
    assert (vocabulary.align_tokens(text, encoded) == EXACT).sum() == 0


def test_a_tokenizer_that_cuts_off_or_pads_is_told_not_to() -> None:
    made = TOKENIZERS["byte-level"]()
    made.enable_truncation(4)
    made.enable_padding(length=64)
    text = "the captain walks slowly to the river bank in the morning"
    encoded = next(FastTokenizer(made).encode([text]))
    assert "".join(text[a:b] for a, b in zip(encoded.starts, encoded.ends, strict=True)) == text
