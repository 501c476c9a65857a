"""Random draws that are the same on every platform and Python version.

Python promises this only for seeding with text and for `Random.random()`, so nothing else of `random` is used:
`choice`, `randrange` and `shuffle` have changed between versions. Not for secrets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from random import Random
from typing import TypeVar

Item = TypeVar("Item")


def random_stream(*parts: object) -> Random:
    """Return an independent random stream for these parts, such as a purpose, a seed and a row id."""
    return Random("\x1f".join(str(part) for part in parts))


def hash_fraction(*parts: object) -> float:
    """Return a number in [0, 1) that depends on these parts only."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def random_integer(rng: Random, low: int, high: int) -> int:
    """Draw a whole number from low to high, both included."""
    return low + int(rng.random() * (high - low + 1))


def random_choice(rng: Random, items: Sequence[Item]) -> Item:
    """Draw one of the items, all with the same probability."""
    return items[int(rng.random() * len(items))]


def weighted_choice(rng: Random, weights: Mapping[Item, float]) -> Item:
    """Draw one of the keys with probability proportional to its weight; one weight must be above 0."""
    left = rng.random() * sum(weights.values())
    positive = {item: weight for item, weight in weights.items() if weight > 0}
    if not positive:
        raise ValueError("no weight is above 0")
    for item, weight in positive.items():
        left -= weight
        if left < 0:
            return item
    return item


def sample_positions(rng: Random, count: int, size: int) -> list[int]:
    """Draw `count` different positions below `size`, in increasing order; every set is equally likely."""
    positions = list(range(size))
    for i in range(count):
        j = random_integer(rng, i, size - 1)
        positions[i], positions[j] = positions[j], positions[i]
    return sorted(positions[:count])
