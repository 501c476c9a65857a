"""Word problems for models that read words: each digit is a word, and the answer stands after "A:" as everywhere.

    "Ann has 3 7 apples. She buys 4 8 more. How many apples does she have now?" is answered by "A: 8 5"

    winnow verify t.jsonl --with winnow.tasks.numbers.worded:verifier --out v

Promises: the problems are those of word_problems.py, in the same order and with its held-out pairs; no prompt comes
twice for a seed and split.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from winnow.data.errors import UsageError, nearest, shown
from winnow.tasks.numbers import digits
from winnow.tasks.task import Example, Split, refuse_bad_request
from winnow.tasks.templates import KINDS, TEMPLATES, solve
from winnow.tasks.word_problems import MOST_PROBLEMS, Problem, problems

MARK = "A:"
BETWEEN_DIGITS = re.compile(r"(?<=[0-9])(?=[0-9])")
SPACED = re.compile(r"(?<=[0-9]) (?=[0-9])")


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
                known = [name for name, one in TEMPLATES.items() if one.kind in self.kinds]
                raise UsageError("wordings", f"these kinds have no {shown(wording)}", nearest(wording, known))
        if self.below is not None and self.below < 50:
            raise UsageError("below", f"is {self.below}, but must be at least 50", "Allow larger answers")

    @property
    def name(self) -> str:
        return "word-problems"

    def examples(self, count: int, seed: int, split: Split = "train", first: int = 0) -> list[Example]:
        """Examples `first` to `first + count - 1` of this seed and split."""
        refuse_bad_request(count, split, first)
        made = self._first(first + count, seed, split)[first:]
        return [Example(spaced(problem.prompt), f"{MARK} {spaced(str(problem.answer))}") for problem in made]

    def _first(self, count: int, seed: int, split: Split) -> list[Problem]:
        """The first problems of these wordings: asking for more gives the same ones first, so more are asked for."""
        asked = count
        while True:
            made = problems(asked, seed, split, self.kinds)
            chosen = [one for one in made if self._wanted(one)]
            if len(chosen) >= count:
                return chosen[:count]
            asked = min(2 * asked, MOST_PROBLEMS) if asked < MOST_PROBLEMS else asked + 1

    def _wanted(self, problem: Problem) -> bool:
        worded = not self.wordings or problem.template in self.wordings
        return worded and (self.below is None or problem.answer < self.below)

    def right(self, prompts: Sequence[str], completions: Sequence[str]) -> list[bool | None]:
        """Whether each completion is the answer; None where the prompt is no word problem of ours."""
        return verifier(prompts, completions)


def spaced(text: str) -> str:
    """The text with a space between digits."""
    return BETWEEN_DIGITS.sub(" ", text)


def verifier(prompts: Sequence[str], completions: Sequence[str], **columns: object) -> list[bool | None]:
    """Whether each completion is "A:" and, in digits, the answer to its prompt."""
    verdicts: list[bool | None] = []
    for prompt, completion in zip(prompts, completions, strict=True):
        wanted = solve(SPACED.sub("", prompt))
        mark, *said = completion.split() or [""]
        verdicts.append(None if wanted is None else mark == MARK and digits.read(said) == wanted)
    return verdicts
