"""Whole numbers as digit tokens, as many as the largest needs, and pairs of them drawn for a task.

Promises: whether a pair is held out follows from its two numbers alone, in either order, for a purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from winnow.science.tasks.seeded_random import hash_fraction, random_integer, random_stream
from winnow.science.tasks.task import HELD_OUT_SHARE, Split, check_request


def digit_count(largest: int, base: int = 10) -> int:
    """How many digits the largest number has."""
    digits = 1
    while largest >= base:
        largest, digits = largest // base, digits + 1
    return digits


def format_digits(number: int, digits: int, base: int = 10) -> str:
    """So many digits with spaces between, the highest first; from base 11 on a digit is a token like 27."""
    tokens = []
    for _ in range(digits):
        number, digit = divmod(number, base)
        tokens.append(str(digit))
    return " ".join(reversed(tokens))


def parse_digits(tokens: Sequence[str], base: int = 10) -> int | None:
    """The number that digit tokens are; None if one is none, or there are none."""
    number = 0
    for token in tokens:
        if not (token.isascii() and token.isdigit() and len(token) <= len(str(base))) or int(token) >= base:
            return None
        number = number * base + int(token)
    return number if tokens else None


def is_pair_held_out(purpose: str, left: int, right: int) -> bool:
    """Whether the pair belongs to the test split; the order of the two does not matter."""
    return hash_fraction("held-out pair", purpose, min(left, right), max(left, right)) < HELD_OUT_SHARE


def draw_pairs(
    purpose: str, draw: Callable[[Callable[[int, int], int]], tuple[int, int]], indices: range, seed: int, split: Split
) -> Iterator[tuple[int, int]]:
    """The pair of each index, drawn by `draw` from a source of its own until it lies in the split."""
    check_request(len(indices), split, indices.start)
    for index in indices:
        rng = random_stream(purpose, seed, split, index)
        while True:
            left, right = draw(lambda low, high, rng=rng: random_integer(rng, low, high))  # type: ignore[misc]
            if is_pair_held_out(purpose, left, right) is (split == "test"):
                yield left, right
                break
