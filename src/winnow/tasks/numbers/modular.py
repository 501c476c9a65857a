"""Arithmetic with remainders, digit by digit: "3 4 + 8 9 mod 9 7" is answered by "2 6".

    winnow verify t.jsonl --with winnow.tasks.numbers.modular:verifier --out v

Operands are uniform from 0 to below the modulus; all numbers are written in as many digits as the modulus has.
Promises: a pair of the test, in either order and whichever the operation, is never in training; leading zeros of an
answer change nothing, and an answer that is not below the modulus is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from winnow.data.errors import UsageError, nearest, shown
from winnow.tasks.numbers import digits
from winnow.tasks.task import Example, Split

OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "x": lambda left, right: left * right,
}
PROMPT = re.compile(r"\s*((?:[0-9] ){1,9})([-+x]) ((?:[0-9] ){1,9})mod ((?:[0-9] ?){1,9})\s*")


@dataclass(frozen=True)
class Modular:
    """The task; its fields are its settings."""

    modulus: int = 97
    operation: str = "+"

    def __post_init__(self) -> None:
        if not 2 <= self.modulus < 10**9:
            raise UsageError("modulus", f"is {self.modulus}, but must lie between 2 and a billion")
        if self.operation not in OPERATIONS:
            raise UsageError("operation", f"{shown(self.operation)} is none", nearest(self.operation, OPERATIONS))

    @property
    def name(self) -> str:
        return "modular"

    def examples(self, count: int, seed: int, split: Split = "train", first: int = 0) -> list[Example]:
        """Examples `first` to `first + count - 1` of this seed and split."""
        long = digits.width(self.modulus)
        modulus = digits.written(self.modulus, long)
        made = []
        for pair in digits.pairs(self.name, self._draw, range(first, first + count), seed, split):
            left, right = (digits.written(number, long) for number in pair)
            answer = OPERATIONS[self.operation](*pair) % self.modulus
            made.append(Example(f"{left} {self.operation} {right} mod {modulus}", digits.written(answer, long)))
        return made

    def right(self, prompts: Sequence[str], completions: Sequence[str]) -> list[bool | None]:
        """Whether each completion is the remainder; None where the prompt asks for none."""
        return verifier(prompts, completions)

    def _draw(self, between: Callable[[int, int], int]) -> tuple[int, int]:
        return between(0, self.modulus - 1), between(0, self.modulus - 1)


def solve(prompt: str) -> int | None:
    """The remainder a prompt asks for; None if it is none of ours."""
    found = PROMPT.fullmatch(prompt)
    if found is None:
        return None
    left, right, modulus = (int(found[group].replace(" ", "")) for group in (1, 3, 4))
    return OPERATIONS[found[2]](left, right) % modulus if modulus else None


def verifier(prompts: Sequence[str], completions: Sequence[str], **columns: object) -> list[bool | None]:
    """Whether each completion is the remainder its prompt asks for."""
    verdicts: list[bool | None] = []
    for prompt, completion in zip(prompts, completions, strict=True):
        wanted = solve(prompt)
        verdicts.append(None if wanted is None else digits.read(completion.split()) == wanted)
    return verdicts
