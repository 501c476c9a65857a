"""Word problems for models that read words: each digit is a word, and the answer stands after "A:" as everywhere.

    "Ann has 3 7 apples. She buys 4 8 more. How many apples does she have now?" is answered by "A: 8 5"

    winnow verify t.jsonl --with winnow.science.tasks.numbers.digit_word_problems:verifier --out v

Promises: the problems are those of word_problems.py, in the same order and with its held-out pairs; no prompt comes
twice for a seed and split.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from winnow.errors import UsageError, format_value, suggest_name
from winnow.science.tasks.numbers import digits
from winnow.science.tasks.task import Example, Split, check_request
from winnow.science.tasks.templates import KINDS, TEMPLATES, solve
from winnow.science.tasks.word_problems import MAX_PROBLEMS, Problem, generate_problems

ANSWER_MARK = "A:"
BETWEEN_DIGITS = re.compile(r"(?<=[0-9])(?=[0-9])")
DIGIT_SPACE = re.compile(r"(?<=[0-9]) (?=[0-9])")


@dataclass(frozen=True)
class WordProblems:
    """The task; `kinds` and `wordings` as templates.py names them, every wording of the kinds unless some are named.

    With `below` the answer is smaller than that: sums below a hundred are what the smallest models learn quickly.
    """

    kinds: tuple[str, ...] = KINDS
    wordings: tuple[str, ...] = ()
    below: int | None = None

    def __post_init__(self) -> None:
        for wording in self.wordings:
            if wording not in TEMPLATES or TEMPLATES[wording].kind not in self.kinds:
                known = [name for name, template in TEMPLATES.items() if template.kind in self.kinds]
                raise UsageError(
                    "wordings", f"these kinds have no {format_value(wording)}", suggest_name(wording, known)
                )
        if self.below is not None and self.below < 50:
            raise UsageError("below", f"is {self.below}, but must be at least 50", "Allow larger answers")

    @property
    def name(self) -> str:
        return "word-problems"

    def examples(self, count: int, seed: int, split: Split = "train", first: int = 0) -> list[Example]:
        """Examples `first` to `first + count - 1` of this seed and split."""
        check_request(count, split, first)
        drawn_problems = self._first_problems(first + count, seed, split)[first:]
        return [
            Example(space_digits(problem.prompt), f"{ANSWER_MARK} {space_digits(str(problem.answer))}")
            for problem in drawn_problems
        ]

    def _first_problems(self, count: int, seed: int, split: Split) -> list[Problem]:
        """The first problems of these wordings: asking for more gives the same ones first, so more are asked for."""
        requested = count
        while True:
            drawn_problems = generate_problems(requested, seed, split, self.kinds)
            chosen = [problem for problem in drawn_problems if self._is_wanted(problem)]
            if len(chosen) >= count:
                return chosen[:count]
            requested = min(2 * requested, MAX_PROBLEMS) if requested < MAX_PROBLEMS else requested + 1

    def _is_wanted(self, problem: Problem) -> bool:
        has_wording = not self.wordings or problem.template in self.wordings
        return has_wording and (self.below is None or problem.answer < self.below)

    def verify(self, prompts: Sequence[str], completions: Sequence[str]) -> list[bool | None]:
        """Whether each completion is the answer; None where the prompt is no word problem of ours."""
        return verifier(prompts, completions)


def space_digits(text: str) -> str:
    """The text with a space between digits."""
    return BETWEEN_DIGITS.sub(" ", text)


def verifier(prompts: Sequence[str], completions: Sequence[str], **columns: object) -> list[bool | None]:
    """Whether each completion is "A:" and, in digits, the answer to its prompt."""
    verdicts: list[bool | None] = []
    for prompt, completion in zip(prompts, completions, strict=True):
        answer = solve(DIGIT_SPACE.sub("", prompt))
        mark, *answer_tokens = completion.split() or [""]
        verdicts.append(
            None if answer is None else mark == ANSWER_MARK and digits.parse_digits(answer_tokens) == answer
        )
    return verdicts
