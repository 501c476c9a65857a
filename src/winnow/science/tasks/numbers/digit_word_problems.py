"""Word problems in which each digit is a word of its own, for models that read words.

    "Ann has 3 7 apples. She buys 4 8 more. How many apples does she have now?" is answered by "A: 8 5"

    winnow verify t.jsonl --with winnow.science.tasks.numbers.digit_word_problems:verifier --out v

The problems are those of word_problems.py, in the same order and with the same held-out pairs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from winnow.errors import UsageError, format_value, suggest_name
from winnow.science.tasks.numbers import digits
from winnow.science.tasks.task import Example, Split, check_request, verify_solutions
from winnow.science.tasks.templates import KINDS, TEMPLATES, solve
from winnow.science.tasks.word_problems import MAX_PROBLEMS, Problem, generate_problems

ANSWER_MARK = "A:"
BETWEEN_DIGITS = re.compile(r"(?<=[0-9])(?=[0-9])")
DIGIT_SPACE = re.compile(r"(?<=[0-9]) (?=[0-9])")


@dataclass(frozen=True)
class WordProblems:
    """The word problem task.

    `kinds` and `wordings` are names from templates.py (default: every wording of the kinds). Answers are smaller than
    `below` if it is set; the smallest models learn sums below a hundred quickly.
    """

    name: ClassVar[str] = "word-problems"

    kinds: tuple[str, ...] = KINDS
    wordings: tuple[str, ...] = ()
    below: int | None = None

    def __post_init__(self) -> None:
        for wording in self.wordings:
            if wording not in TEMPLATES or TEMPLATES[wording].kind not in self.kinds:
                known = [name for name, template in TEMPLATES.items() if template.kind in self.kinds]
                problem = f"these kinds have no wording {format_value(wording)}"
                raise UsageError("wordings", problem, suggest_name(wording, known))
        if self.below is not None and self.below < 50:
            raise UsageError("below", f"is {self.below}, but must be at least 50", "Allow larger answers")

    def examples(self, count: int, seed: int, split: Split = "train", first: int = 0) -> list[Example]:
        check_request(count, split, first)
        problems = self._first_problems(first + count, seed, split)[first:]
        return [Example(space_digits(p.prompt), f"{ANSWER_MARK} {space_digits(str(p.answer))}") for p in problems]

    def _first_problems(self, count: int, seed: int, split: Split) -> list[Problem]:
        """Generate more and more problems, of which the first stay the same, until enough match the settings."""
        requested = count
        while True:
            problems = generate_problems(requested, seed, split, self.kinds)
            chosen = [problem for problem in problems if self._is_wanted(problem)]
            if len(chosen) >= count:
                return chosen[:count]
            requested = min(2 * requested, MAX_PROBLEMS) if requested < MAX_PROBLEMS else requested + 1

    def _is_wanted(self, problem: Problem) -> bool:
        has_wording = not self.wordings or problem.template in self.wordings
        return has_wording and (self.below is None or problem.answer < self.below)

    def verify(self, prompts: Sequence[str], completions: Sequence[str]) -> list[bool | None]:
        return verifier(prompts, completions)


def space_digits(text: str) -> str:
    """Return the text with a space between digits."""
    return BETWEEN_DIGITS.sub(" ", text)


def verifier(prompts: Sequence[str], completions: Sequence[str], **columns: object) -> list[bool | None]:
    """Verify that each completion is "A:" and the answer in digits; None where the prompt is not a word problem."""
    return verify_solutions(prompts, completions, lambda prompt: solve(DIGIT_SPACE.sub("", prompt)), _states_answer)


def _states_answer(completion: str, answer: int) -> bool:
    mark, *answer_tokens = completion.split() or [""]
    return mark == ANSWER_MARK and digits.parse_digits(answer_tokens) == answer
