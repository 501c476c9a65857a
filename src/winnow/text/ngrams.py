"""Word n-grams, to find out whether two texts share a passage. Words are runs of letters and digits, case folded."""

from __future__ import annotations

import re

WORD_PATTERN = re.compile(r"\w+")


def normalize_words(text: str) -> str:
    """Return the words of a text, case folded and joined by one space, without punctuation."""
    return " ".join(WORD_PATTERN.findall(text.casefold()))


def ngrams(text: str, n: int) -> set[str]:
    """Return every run of n words; a text of fewer words is one run."""
    words = WORD_PATTERN.findall(text.casefold())
    if len(words) <= n:
        return {" ".join(words)} if words else set()
    return {" ".join(words[i : i + n]) for i in range(len(words) - n + 1)}
