"""The greatest common divisor of two numbers, in digits of a base: "base10 0 0 8 4 , 0 1 2 6" is answered by "4 2".

    winnow verify t.jsonl --with winnow.science.tasks.numbers.gcd:verifier --out v

Numbers are uniform from 1 to `most`. A divisor drawn so is 1 for 61% of the pairs; `spread` draws the divisor evenly
from 1 to `spread` instead, then two numbers that have it in common (their greatest may be a multiple).
Promises: a pair of the test, in either order, is never in training; leading zeros of an answer change nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from winnow.errors import UsageError
from winnow.science.tasks.numbers import digits
from winnow.science.tasks.task import Example, Split

MAX_BASE = 1_000


@dataclass(frozen=True)
class Gcd:
    """The task; its fields are its settings."""

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

    @property
    def name(self) -> str:
        return "gcd"

    def examples(self, count: int, seed: int, split: Split = "train", first: int = 0) -> list[Example]:
        """Examples `first` to `first + count - 1` of this seed and split."""
        digits_per_number = digits.digit_count(self.most, self.base)
        examples = []
        for left, right in digits.draw_pairs(self.name, self._draw_pair, range(first, first + count), seed, split):
            divisor = math.gcd(left, right)
            numbers = (digits.format_digits(number, digits_per_number, self.base) for number in (left, right))
            answer = digits.format_digits(divisor, digits.digit_count(divisor, self.base), self.base)
            examples.append(Example(f"base{self.base} {' , '.join(numbers)}", answer))
        return examples

    def verify(self, prompts: Sequence[str], completions: Sequence[str]) -> list[bool | None]:
        """Whether each completion is the greatest common divisor; None where the prompt is no pair of numbers."""
        return verifier(prompts, completions)

    def _draw_pair(self, draw_integer: Callable[[int, int], int]) -> tuple[int, int]:
        if not self.spread:
            return draw_integer(1, self.most), draw_integer(1, self.most)
        divisor = draw_integer(1, self.spread)
        return divisor * draw_integer(1, self.most // divisor), divisor * draw_integer(1, self.most // divisor)


def solve(prompt: str) -> tuple[int, int] | None:
    """The greatest common divisor and the base it is to be written in; None if the prompt is none of ours."""
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
    """Whether each completion is the greatest common divisor of its prompt's numbers, in the prompt's base."""
    verdicts: list[bool | None] = []
    for prompt, completion in zip(prompts, completions, strict=True):
        solution = solve(prompt)
        verdicts.append(
            None if solution is None else digits.parse_digits(completion.split(), solution[1]) == solution[0]
        )
    return verdicts
