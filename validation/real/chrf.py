"""chrF, a reference metric of translations: the F-score of shared character n-grams (Popovic 2015), n from 1 to 6.

As commonly computed: white space does not count, precision and recall are averaged over the lengths that both texts
have, and recall weighs twice as much. From 0 to 100. It knows nothing of meaning.
"""

from __future__ import annotations

from collections import Counter

LONGEST = 6
BETA = 2


def chrf(text: str, reference: str) -> float:
    """How far a text shares its characters with a reference."""
    one, other = "".join(text.split()), "".join(reference.split())
    precision = recall = 0.0
    lengths = range(1, min(LONGEST, len(one), len(other)) + 1)
    for n in lengths:
        ours, theirs = _grams(one, n), _grams(other, n)
        shared = (ours & theirs).total()
        precision += shared / ours.total() / len(lengths)
        recall += shared / theirs.total() / len(lengths)
    both = BETA**2 * precision + recall
    return 100 * (1 + BETA**2) * precision * recall / both if both else 0.0


def _grams(text: str, n: int) -> Counter[str]:
    return Counter(text[i : i + n] for i in range(len(text) - n + 1))
