"""Sums below a hundred as word problems, and a judge of known quality.

Promises
- `small_sums` are problems of one wording of word_problems.py, so a pair of numbers of the test split never stands in
  training; asking for more gives the same ones first.
- `careless_judge` passes a right answer nine times in ten and a wrong one three times in ten, always the same way for
  the same prompt and answer: a verifier with phi .9 and psi .3, whatever it judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from winnow.tasks.draws import share
from winnow.tasks.judges import right_answer
from winnow.tasks.word_problems import Problem, Split, problems

WORDING, BELOW = "buys", 100
DRAWN_FOR_ONE = 8
"""About how many problems are drawn for one that is small and of this wording."""
PASSES_RIGHT, PASSES_WRONG = 0.9, 0.3


def small_sums(n: int, seed: int, split: Split = "train") -> list[Problem]:
    """n different problems: two numbers of two digits whose sum has two digits."""
    drawn = DRAWN_FOR_ONE * n
    while len(found := list(islice(_small(drawn, seed, split), n))) < n:
        drawn *= 2
    return found


def _small(drawn: int, seed: int, split: Split) -> list[Problem]:
    every = problems(drawn, seed, split, ("add",))
    return [one for one in every if one.template == WORDING and one.answer < BELOW]


def careless_judge(prompts: Sequence[str], completions: Sequence[str], **columns: object) -> list[bool | None]:
    """Whether a judge that is often mistaken likes each completion; None where the prompt is not one of ours."""
    return [
        None if right is None else share("careless judge", prompt, text) < (PASSES_RIGHT if right else PASSES_WRONG)
        for prompt, text, right in zip(prompts, completions, right_answer(prompts, completions), strict=True)
    ]
