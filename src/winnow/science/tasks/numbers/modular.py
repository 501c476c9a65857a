"""Arithmetic with remainders, digit by digit: "3 4 + 8 9 mod 9 7" is answered by "2 6".

    winnow verify t.jsonl --with winnow.science.tasks.numbers.modular:verifier --out v

Operands are uniform from 0 to below the modulus; all numbers are written in as many digits as the modulus has.
A pair of the test split, in either order and for any operation, never occurs in training. Leading zeros of an answer
are allowed; an answer that is not below the modulus is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from winnow.errors import UsageError, format_value, suggest_name
from winnow.science.tasks.numbers import digits
from winnow.science.tasks.task import Example, Split, verify_solutions
from winnow.science.tasks.templates import OPERATIONS

PROMPT = re.compile(r"\s*((?:[0-9] ){1,9})([-+x]) ((?:[0-9] ){1,9})mod ((?:[0-9] ?){1,9})\s*")


@dataclass(frozen=True)
class Modular:
    """The task of modular arithmetic; its fields are its settings."""

    name: ClassVar[str] = "modular"

    modulus: int = 97
    operation: str = "+"

    def __post_init__(self) -> None:
        if not 2 <= self.modulus < 10**9:
            raise UsageError("modulus", f"is {self.modulus}, but must lie between 2 and a billion")
        if self.operation not in OPERATIONS:
            problem = f"{format_value(self.operation)} is not an operation"
            raise UsageError("operation", problem, suggest_name(self.operation, OPERATIONS))

    def examples(self, count: int, seed: int, split: Split = "train", first: int = 0) -> list[Example]:
        digits_per_number = digits.digit_count(self.modulus)
        modulus = digits.format_digits(self.modulus, digits_per_number)
        examples = []
        for pair in digits.draw_pairs(self.name, self._draw_pair, range(first, first + count), seed, split):
            left, right = (digits.format_digits(number, digits_per_number) for number in pair)
            answer = digits.format_digits(OPERATIONS[self.operation](*pair) % self.modulus, digits_per_number)
            examples.append(Example(f"{left} {self.operation} {right} mod {modulus}", answer))
        return examples

    def verify(self, prompts: Sequence[str], completions: Sequence[str]) -> list[bool | None]:
        return verifier(prompts, completions)

    def _draw_pair(self, draw_integer: Callable[[int, int], int]) -> tuple[int, int]:
        return draw_integer(0, self.modulus - 1), draw_integer(0, self.modulus - 1)


def solve(prompt: str) -> int | None:
    """Return the remainder that the prompt asks for; None if the prompt is not of this task."""
    match = PROMPT.fullmatch(prompt)
    if match is None:
        return None
    left, right, modulus = (int(match[group].replace(" ", "")) for group in (1, 3, 4))
    return OPERATIONS[match[2]](left, right) % modulus if modulus else None


def verifier(prompts: Sequence[str], completions: Sequence[str], **columns: object) -> list[bool | None]:
    """Verify that each completion is the remainder its prompt asks for."""
    return verify_solutions(
        prompts, completions, solve, lambda text, remainder: digits.parse_digits(text.split()) == remainder
    )
