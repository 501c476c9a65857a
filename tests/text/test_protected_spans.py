"""Protected spans are found, in linear time in any text."""

from __future__ import annotations

import pytest

from winnow.errors import UsageError
from winnow.text.protected_spans import PROTECTED_KINDS, Protection

FOUND = {
    "code": [
        ("see `x = 1` here", ["`x = 1`"]),
        ("a\n```py\nprint(1)\n```\nb", ["```py\nprint(1)\n```"]),
        ("a\n~~~\nnever closed", ["~~~\nnever closed"]),
        ("it's 5 o`clock", []),
    ],
    "numbers": [
        ("on 3.14 or 1,000% of x2", ["3.14", "1,000%", "x2"]),
        ("2024-05-06 at 10:30, ٣٤ too", ["2024-05-06", "10:30", "٣٤"]),
        ("no digits here.", []),
    ],
    "names": [
        ("we met Ada Lovelace and O'Brien in Éire", ["Ada", "Lovelace", "O'Brien", "Éire"]),
        ("eBay and Jean-Luc, not us", ["eBay", "Jean-Luc"]),
    ],
    "urls": [
        ("go to https://a.org/x?y=1 or www.b.com now", ["https://a.org/x?y=1", "www.b.com"]),
        ("mail me.too@host.org please", ["me.too@host.org"]),
    ],
    "chat": [
        ("<|im_start|>user\nhi<|im_end|>", ["<|im_start|>", "<|im_end|>"]),
        ("[INST] do it [/INST] <think>hm</think>", ["[INST]", "[/INST]", "<think>", "</think>"]),
        ("User: hello\nAssistant: yes", ["User:", "Assistant:"]),
        ("a < b > c", []),
    ],
}


def spans(protection: Protection, text: str) -> list[str]:
    found: list[str] = []
    word = ""
    for character, kept in zip(text, protection.mask(text), strict=True):
        word += character if kept else ""
        if not kept and word:
            found, word = [*found, word], ""
    return [*found, word] if word else found


@pytest.mark.parametrize("kind", FOUND)
def test_each_kind_is_masked_exactly(kind: str) -> None:
    for text, expected in FOUND[kind]:
        assert spans(Protection([kind]), text) == expected


def test_a_pattern_of_the_user_is_protected_too() -> None:
    assert spans(Protection([], ["secret \\w+"]), "a secret plan here") == ["secret plan"]


def test_an_unknown_kind_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="Did you mean 'numbers'"):
        Protection(["number"])
    with pytest.raises(UsageError, match="is not a regular expression"):
        Protection([], ["(open"])


@pytest.mark.parametrize(
    "unit", ["a", "a.", "1", "1.", "\n", " ", "`", "<", "@", "A'", "a-", "://", "```\n", "<|", "é"]
)
def test_a_long_text_is_masked_in_linear_time(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    Protection(tuple(PROTECTED_KINDS)).mask(text)  # a quadratic pattern would take hours
