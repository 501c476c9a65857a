"""The wordings of the word problems, and the parser that turns a prompt back into its numbers.

Every prompt matches exactly one wording, so `solve` finds the answer from the text alone. word_problems.py fills the
wordings with random numbers.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

OPERATIONS: dict[str, Callable[[int, int], int]] = {"+": operator.add, "-": operator.sub, "x": operator.mul}


class ArithmeticStep(NamedTuple):
    """One computation of a problem, such as 37 + 48."""

    left: int
    sign: str
    right: int

    @property
    def result(self) -> int:
        return OPERATIONS[self.sign](self.left, self.right)

    def __str__(self) -> str:
        return f"{self.left} {self.sign} {self.right} = {self.result}"


@dataclass(frozen=True)
class Template:
    """One wording of a kind of problem; its operands occur in the text in the order of computation."""

    name: str
    kind: str
    signs: str
    ranges: tuple[tuple[int, int], ...]
    wording: str
    pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", re.compile(_wording_pattern(self.wording)))

    def steps(self, operands: tuple[int, ...]) -> tuple[ArithmeticStep, ...]:
        """Return the computations that lead from the operands to the answer."""
        computed: list[ArithmeticStep] = []
        left = operands[0]
        for sign, right in zip(self.signs, operands[1:], strict=True):
            computed.append(ArithmeticStep(left, sign, right))
            left = computed[-1].result
        return tuple(computed)


def _wording_pattern(wording: str) -> str:
    """The wording as a regular expression; a blank that occurs twice must be filled with the same text."""
    shapes = {**dict.fromkeys("abc", "[0-9]{1,9}"), "name": "[A-Z][a-z]+", "friend": "[A-Z][a-z]+"}
    parts, seen = [], set()
    for literal_or_blank in re.split(r"(\{\w+\})", wording):
        blank = literal_or_blank[1:-1] if literal_or_blank.startswith("{") else ""
        if not blank:
            parts.append(re.escape(literal_or_blank))
        elif blank in seen:
            parts.append(f"(?P={blank})")
        else:
            seen.add(blank)
            parts.append(f"(?P<{blank}>{shapes.get(blank, '[A-Za-z]+')})")
    return "".join(parts)


SMALL, FEW, EACH, EXTRA, LARGE = (10, 99), (2, 9), (3, 20), (2, 30), (100, 999)
_WORDINGS: dict[tuple[str, str, tuple[tuple[int, int], ...]], dict[str, str]] = {
    ("add", "+", (SMALL, SMALL)): {
        "buys": "{name} has {a} {things}. {She} buys {b} more. How many {things} does {she} have now?",
        "finds": "{name} puts {a} {things} in a bag and then finds {b} more. How many {things} is that together?",
        "shelves": "There are {a} {things} on one shelf and {b} on the other. How many {things} are there in all?",
    },
    ("subtract", "-", (SMALL, SMALL)): {
        "gives": "{name} has {a} {things}. {She} gives {b} of them to {friend}. How many {things} does {she} keep?",
        "more_than": "{name} has {a} {things} and {friend} has {b}. How many more {things} does {name} have?",
        "sells": "A shop has {a} {things} and sells {b} of them. How many {things} remain?",
    },
    ("multiply", "x", (FEW, EACH)): {
        "boxes": "{name} packs {a} boxes with {b} {things} in each. How many {things} does {she} pack?",
        "price": "{name} buys {a} bags of {things} at {b} dollars a bag. How many dollars does {she} pay?",
    },
    ("two-step", "+-", (SMALL, SMALL, SMALL)): {
        "buys_gives": "{name} has {a} {things}. {She} buys {b} more and then gives {c} to {friend}. "
        "How many {things} does {she} have now?",
    },
    ("two-step", "--", (SMALL, SMALL, SMALL)): {
        "sells_twice": "A shop has {a} {things}. It sells {b} in the morning and {c} in the afternoon. "
        "How many {things} are left?",
    },
    ("two-step", "x+", (FEW, EACH, EXTRA)): {
        "boxes_extra": "{name} fills {a} boxes with {b} {things} each and has {c} left over. "
        "How many {things} are there in all?",
    },
    ("two-step", "x-", (FEW, EACH, EXTRA)): {
        "boxes_lost": "{name} fills {a} boxes with {b} {things} each and then loses {c} {things}. "
        "How many {things} does {she} still have?",
    },
    ("large", "+", (LARGE, LARGE)): {
        "two_months": "A farm sold {a} {things} in May and {b} in June. "
        "How many {things} did it sell in the two months?",
    },
    ("large", "-", (LARGE, LARGE)): {
        "train": "A train carries {a} people. At the next stop {b} of them get off. How many people stay on?",
    },
}
TEMPLATES = {
    name: Template(name, kind, signs, ranges, wording)
    for (kind, signs, ranges), wordings in _WORDINGS.items()
    for name, wording in wordings.items()
}
KINDS = tuple(dict.fromkeys(template.kind for template in TEMPLATES.values()))


def parse_prompt(prompt: str) -> tuple[Template, tuple[int, ...]] | None:
    """Return the template and the operands of a prompt; None if it is not a word problem."""
    for template in TEMPLATES.values():
        if match := template.pattern.fullmatch(prompt.strip()):
            return template, tuple(int(match[blank]) for blank in "abc"[: len(template.ranges)])
    return None


def solve(prompt: str) -> int | None:
    """Return the right answer to a prompt; None if it is not a word problem."""
    parsed = parse_prompt(prompt)
    return parsed[0].steps(parsed[1])[-1].result if parsed else None
