"""The greatest common divisor of two numbers, in digits of a base: "base10 0 0 8 4 , 0 1 2 6" is answered by "4 2".

    winnow verify t.jsonl --with winnow.science.tasks.numbers.gcd:verifier --out v

A pair of the test split, in either order, never occurs in training. Leading zeros of an answer are allowed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from winnow.errors import UsageError
from winnow.science.tasks.numbers import digits
from winnow.science.tasks.task import Example, Split, verify_solutions

MAX_BASE = 1_000


@dataclass(frozen=True)
class Gcd:
    """The task of greatest common divisors; its fields are its settings.

    Numbers are uniform from 1 to `most`, so 61% of the pairs have divisor 1. With `spread` set, a divisor is drawn
    uniformly from 1 to `spread`, then two of its multiples (their greatest common divisor may be larger).
    """

    name: ClassVar[str] = "gcd"

    most: int = 9_999
    base: int = 10
    spread: int = 0

    def __post_init__(self) -> None:
        if not 2 <= self.base <= MAX_BASE:
            raise UsageError("base", f"is {self.base}, but must lie between 2 and {MAX_BASE}")
        if not 10 <= self.most <= 10**9:
            raise UsageError("most", f"is {self.most}, but must lie between 10 and a billion")
        if not 0 <= self.spread <= self.most // 10:
            raise UsageError("spread", f"is {self.spread}, but must lie between 0 and a tenth of most")

    def examples(self, count: int, seed: int, split: Split = "train", first: int = 0) -> list[Example]:
        digits_per_number = digits.digit_count(self.most, self.base)
        examples = []
        for left, right in digits.draw_pairs(self.name, self._draw_pair, range(first, first + count), seed, split):
            divisor = math.gcd(left, right)
            numbers = (digits.format_digits(number, digits_per_number, self.base) for number in (left, right))
            answer = digits.format_digits(divisor, digits.digit_count(divisor, self.base), self.base)
            examples.append(Example(f"base{self.base} {' , '.join(numbers)}", answer))
        return examples

    def verify(self, prompts: Sequence[str], completions: Sequence[str]) -> list[bool | None]:
        return verifier(prompts, completions)

    def _draw_pair(self, draw_integer: Callable[[int, int], int]) -> tuple[int, int]:
        if not self.spread:
            return draw_integer(1, self.most), draw_integer(1, self.most)
        divisor = draw_integer(1, self.spread)
        return divisor * draw_integer(1, self.most // divisor), divisor * draw_integer(1, self.most // divisor)


def solve(prompt: str) -> tuple[int, int] | None:
    """Return the greatest common divisor and the base of the prompt; None if the prompt is not of this task."""
    first, *tokens = prompt.split() or [""]
    mark = first.removeprefix("base")
    if first == mark or not (mark.isascii() and mark.isdigit() and len(mark) <= 4) or tokens.count(",") != 1:
        return None
    base, comma = int(mark), tokens.index(",")
    if not 2 <= base <= MAX_BASE:
        return None
    left, right = digits.parse_digits(tokens[:comma], base), digits.parse_digits(tokens[comma + 1 :], base)
    return None if not left or not right else (math.gcd(left, right), base)


def verifier(prompts: Sequence[str], completions: Sequence[str], **columns: object) -> list[bool | None]:
    """Verify that each completion is the greatest common divisor, in the base of its prompt."""
    return verify_solutions(
        prompts,
        completions,
        solve,
        lambda text, solution: digits.parse_digits(text.split(), solution[1]) == solution[0],
    )
