"""Random draws that stay the same for ever.

Promises: `stream(parts)` depends on its parts alone, and what `pick`, `between` and `weighted` draw from it is the
same on every platform and Python version. Python promises that only for `Random(text)` seeding and
for `Random.random()`, so nothing else of `random` is used: `choice`, `randrange` and `shuffle` have changed before.
It is not for secrets, and its bias of 2**-53 per draw is left alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from random import Random
from typing import TypeVar

Item = TypeVar("Item")


def random_stream(*parts: object) -> Random:
    """An independent source of draws for these parts, such as a purpose, a seed and a row id."""
    return Random("\x1f".join(str(part) for part in parts))


def hash_fraction(*parts: object) -> float:
    """A fixed number in [0, 1) for these parts: the same whoever asks, whenever."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def random_integer(rng: Random, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    return low + int(rng.random() * (high - low + 1))


def random_choice(rng: Random, items: Sequence[Item]) -> Item:
    """One of the items, each with the same chance."""
    return items[int(rng.random() * len(items))]


def weighted_choice(rng: Random, weights: Mapping[Item, float]) -> Item:
    """One of the keys, with chances in proportion to the weights (above 0 in total)."""
    left = rng.random() * sum(weights.values())
    chosen = None
    for item, weight in weights.items():
        if weight <= 0:
            continue
        chosen = item
        left -= weight
        if left < 0:
            break
    if chosen is None:
        raise ValueError("no weight is above 0")
    return chosen


def sample_positions(rng: Random, count: int, size: int) -> list[int]:
    """`count` different positions below `size`, in increasing order, every set of them equally likely."""
    places = list(range(size))
    for i in range(count):
        j = random_integer(rng, i, size - 1)
        places[i], places[j] = places[j], places[i]
    return sorted(places[:count])
