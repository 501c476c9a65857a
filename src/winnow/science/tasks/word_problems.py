"""Word problems: "Ann has 37 apples. She buys 48 more. How many apples does she have now?"

A pair of numbers that a step of a test problem computes with, in either order, never occurs in training: the sha256 of
the unordered pair decides the split, whatever the seed. The wordings are in templates.py, scripted answers in
scripted_answerer.py, verifiers in judges.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from random import Random

from winnow.errors import UsageError, format_value, suggest_name
from winnow.science.tasks.seeded_random import random_choice, random_integer, random_stream
from winnow.science.tasks.task import Split, check_split, is_pair_held_out
from winnow.science.tasks.templates import KINDS, OPERATIONS, TEMPLATES, ArithmeticStep, Template

MAX_PROBLEMS = 100_000
TRIES_PER_OPERAND = 60
MAX_MISSES = 1_000

PRONOUNS = {
    **dict.fromkeys(("Ann", "Cleo", "Dora", "Eva", "Fay", "Hana", "Ida", "Kim", "Lea", "Mia", "Nora", "Zoe"), "she"),
    **dict.fromkeys(("Ben", "Carl", "Dan", "Emil", "Finn", "Gus", "Hugo", "Ivan", "Jon", "Leo", "Max", "Tom"), "he"),
}
NAMES = tuple(PRONOUNS)
# fmt: off
THINGS = (
    "apples", "beads", "books", "buttons", "cards", "coins", "eggs", "marbles", "nuts", "pears", "pens", "shells",
    "stamps", "stickers",
)
# fmt: on


@dataclass(frozen=True)
class Problem:
    """A prompt, its right answer, and its operands in the order of the prompt."""

    id: str
    prompt: str
    answer: int
    operands: tuple[int, ...]
    template: str

    @property
    def steps(self) -> tuple[ArithmeticStep, ...]:
        return TEMPLATES[self.template].steps(self.operands)


def generate_problems(n: int, seed: int, split: Split = "train", kinds: Collection[str] = KINDS) -> list[Problem]:
    """Return n different problems of these kinds; a larger n gives the same problems first."""
    templates = _select_templates(n, split, kinds)
    rng = random_stream("word problems", seed, split)
    problems: dict[str, Problem] = {}
    misses = 0
    while len(problems) < n:
        misses += 1
        if misses > MAX_MISSES:
            raise UsageError("n", f"is {n}, but only {len(problems)} different problems were found", "Ask for fewer")
        template = random_choice(rng, templates)
        operands = _draw_operands(rng, template, split == "test")
        if operands is None:
            continue
        prompt = _fill_wording(rng, template.wording, operands)
        if prompt not in problems:
            name = f"{'t' if split == 'test' else 'p'}{len(problems) + 1:04d}"
            problems[prompt] = Problem(name, prompt, template.steps(operands)[-1].result, operands, template.name)
            misses = 0
    return list(problems.values())


def _select_templates(n: int, split: str, kinds: Collection[str]) -> list[Template]:
    if not 0 <= n <= MAX_PROBLEMS:
        raise UsageError("n", f"is {n}, but must lie between 0 and {MAX_PROBLEMS}", "Ask for fewer problems")
    check_split(split)
    for kind in (kinds,) if isinstance(kinds, str) else kinds:
        if kind not in KINDS:
            raise UsageError("kinds", f"no kind of problem is called {format_value(kind)}", suggest_name(kind, KINDS))
    chosen = [template for template in TEMPLATES.values() if template.kind in kinds]
    if not chosen:
        raise UsageError("kinds", "is empty", f"Name at least one of {', '.join(KINDS)}")
    return chosen


def _draw_operands(rng: Random, template: Template, held_out: bool) -> tuple[int, ...] | None:
    """Operands whose steps all have positive results and lie in the split; None if too many draws fail."""
    value = random_integer(rng, *template.ranges[0])
    operands = [value]
    for sign, (low, high) in zip(template.signs, template.ranges[1:], strict=True):
        for _ in range(TRIES_PER_OPERAND):
            right = random_integer(rng, low, high)
            result = OPERATIONS[sign](value, right)
            if result >= 1 and is_pair_held_out(value, right) is held_out:
                break
        else:
            return None
        operands.append(right)
        value = result
    return tuple(operands)


def _fill_wording(rng: Random, wording: str, operands: tuple[int, ...]) -> str:
    name, friend = random_choice(rng, NAMES), random_choice(rng, NAMES)
    if friend == name:
        friend = NAMES[(NAMES.index(name) + 1) % len(NAMES)]
    she = PRONOUNS[name]
    numbers = dict(zip("abc", operands, strict=False))
    return wording.format(
        name=name, friend=friend, She=she.capitalize(), she=she, things=random_choice(rng, THINGS), **numbers
    )


# fmt: off
ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
# fmt: on


def spell_number(number: int) -> str:
    """Spell a number from 0 to 9999 in words, such as two hundred eighty-five."""
    for size, word in ((1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = f" {spell_number(number % size)}" if number % size else ""
            return f"{ONES[number // size]} {word}{rest}"
    if number < 20:
        return ONES[number]
    return TENS[number // 10 - 2] + (f"-{ONES[number % 10]}" if number % 10 else "")


@cache
def _numbers_by_spelling() -> dict[str, int]:
    return {spell_number(number): number for number in range(10_000)}


STATED_NUMBER = re.compile(r"-?[0-9]{1,3}(?:,[0-9]{3}){1,3}|-?[0-9]{1,9}")


def parse_stated_answer(text: str) -> int | None:
    """Return the number after the last "A:" of a text, in digits (with commas or not) or words; None without one."""
    _, mark, stated = text.rpartition("A:")
    stated = stated.strip().removesuffix(".").lower()
    if mark and STATED_NUMBER.fullmatch(stated):
        return int(stated.replace(",", ""))
    return _numbers_by_spelling().get(stated) if mark else None
