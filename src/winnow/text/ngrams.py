"""Word n-grams, for telling whether two texts share a passage.

Words are runs of letters and digits, case folded. A text shorter than n words stands for itself as a whole.
"""

from __future__ import annotations

import re

WORD_PATTERN = re.compile(r"\w+")


def normalize_words(text: str) -> str:
    """The words of a text, folded and joined by one space: equal texts up to case, spacing and punctuation."""
    return " ".join(WORD_PATTERN.findall(text.casefold()))


def ngrams(text: str, n: int) -> set[str]:
    """Every run of n words; for a shorter text all its words."""
    words = WORD_PATTERN.findall(text.casefold())
    if len(words) <= n:
        return {" ".join(words)} if words else set()
    return {" ".join(words[i : i + n]) for i in range(len(words) - n + 1)}
