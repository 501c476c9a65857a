"""chrF, a reference metric of translations: the F-score of shared character n-grams (Popovic 2015), n from 1 to 6.

As commonly computed: white space does not count, precision and recall are averaged over the lengths that both texts
have, and recall has twice the weight. The score lies between 0 and 100.
"""

from __future__ import annotations

from collections import Counter

LONGEST = 6
BETA = 2


def chrf(text: str, reference: str) -> float:
    """Return the chrF of a text against a reference, from 0 to 100."""
    characters, reference_characters = "".join(text.split()), "".join(reference.split())
    precision = recall = 0.0
    lengths = range(1, min(LONGEST, len(characters), len(reference_characters)) + 1)
    for n in lengths:
        grams, reference_grams = _grams(characters, n), _grams(reference_characters, n)
        shared = (grams & reference_grams).total()
        precision += shared / grams.total() / len(lengths)
        recall += shared / reference_grams.total() / len(lengths)
    denominator = BETA**2 * precision + recall
    return 100 * (1 + BETA**2) * precision * recall / denominator if denominator else 0.0


def _grams(text: str, n: int) -> Counter[str]:
    return Counter(text[i : i + n] for i in range(len(text) - n + 1))
