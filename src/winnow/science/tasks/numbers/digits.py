"""Whole numbers as digit tokens, and random pairs of numbers for a task."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from winnow.science.tasks.seeded_random import random_integer, random_stream
from winnow.science.tasks.task import Split, check_request, is_pair_held_out


def digit_count(largest: int, base: int = 10) -> int:
    """Return the number of digits of the largest number."""
    digits = 1
    while largest >= base:
        largest, digits = largest // base, digits + 1
    return digits


def format_digits(number: int, digits: int, base: int = 10) -> str:
    """Return the digits separated by spaces, highest first; from base 11 on a digit is a token like 27."""
    tokens = []
    for _ in range(digits):
        number, digit = divmod(number, base)
        tokens.append(str(digit))
    return " ".join(reversed(tokens))


def parse_digits(tokens: Sequence[str], base: int = 10) -> int | None:
    """Return the number that the digit tokens stand for; None if a token is not a digit or there are no tokens."""
    number = 0
    for token in tokens:
        if not (token.isascii() and token.isdigit() and len(token) <= len(str(base))) or int(token) >= base:
            return None
        number = number * base + int(token)
    return number if tokens else None


def draw_pairs(
    purpose: str, draw: Callable[[Callable[[int, int], int]], tuple[int, int]], indices: range, seed: int, split: Split
) -> Iterator[tuple[int, int]]:
    """Yield the pair of each index, drawn from its own random stream until it lies in the split."""
    check_request(len(indices), split, indices.start)
    for index in indices:
        rng = random_stream(purpose, seed, split, index)
        while True:
            left, right = draw(lambda low, high, rng=rng: random_integer(rng, low, high))  # type: ignore[misc]
            if is_pair_held_out(left, right, purpose) is (split == "test"):
                yield left, right
                break
