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

from winnow.science.tasks.judges import right_answer
from winnow.science.tasks.seeded_random import hash_fraction
from winnow.science.tasks.word_problems import Problem, Split, generate_problems

WORDING, ANSWER_LIMIT = "buys", 100
DRAWS_PER_PROBLEM = 8
"""About how many problems are drawn for one that is small and of this wording."""
PASS_RATE_RIGHT, PASS_RATE_WRONG = 0.9, 0.3


def small_sum_problems(n: int, seed: int, split: Split = "train") -> list[Problem]:
    """n different problems: two numbers of two digits whose sum has two digits."""
    draw_count = DRAWS_PER_PROBLEM * n
    while len(small := list(islice(_filter_small(draw_count, seed, split), n))) < n:
        draw_count *= 2
    return small


def _filter_small(draw_count: int, seed: int, split: Split) -> list[Problem]:
    every = generate_problems(draw_count, seed, split, ("add",))
    return [problem for problem in every if problem.template == WORDING and problem.answer < ANSWER_LIMIT]


def careless_judge(prompts: Sequence[str], completions: Sequence[str], **columns: object) -> list[bool | None]:
    """Whether a judge that is often mistaken likes each completion; None where the prompt is not one of ours."""
    return [
        None
        if right is None
        else hash_fraction("careless judge", prompt, text) < (PASS_RATE_RIGHT if right else PASS_RATE_WRONG)
        for prompt, text, right in zip(prompts, completions, right_answer(prompts, completions), strict=True)
    ]
