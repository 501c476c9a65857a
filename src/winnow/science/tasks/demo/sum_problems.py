"""Sums below a hundred as word problems, so easy that the demo trains a model on the spot, and a careless judge.

The problems come from word_problems.py, so pairs of numbers of the test split never occur in training. The judge is a
verifier with phi = 0.9 and psi = 0.3 that always gives the same verdict for the same prompt and answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from winnow.science.tasks.judges import right_answer
from winnow.science.tasks.seeded_random import hash_fraction
from winnow.science.tasks.task import Split
from winnow.science.tasks.word_problems import Problem, generate_problems

WORDING, ANSWER_LIMIT = "buys", 100
DRAWS_PER_PROBLEM = 8  # about one problem in eight is small and has this wording
PASS_RATE_RIGHT, PASS_RATE_WRONG = 0.9, 0.3


def small_sum_problems(n: int, seed: int, split: Split = "train") -> list[Problem]:
    """Return n different problems of one wording: two-digit numbers whose sum has two digits.

    A larger n gives the same problems first.
    """
    draw_count = DRAWS_PER_PROBLEM * n
    while True:
        problems = generate_problems(draw_count, seed, split, ("add",))
        small = [problem for problem in problems if problem.template == WORDING and problem.answer < ANSWER_LIMIT]
        if len(small) >= n:
            return small[:n]
        draw_count *= 2


def careless_judge(prompts: Sequence[str], completions: Sequence[str], **columns: object) -> list[bool | None]:
    """Pass 90% of right and 30% of wrong completions; abstain (None) where the prompt is not a word problem."""
    return [
        None
        if right is None
        else hash_fraction("careless judge", prompt, text) < (PASS_RATE_RIGHT if right else PASS_RATE_WRONG)
        for prompt, text, right in zip(prompts, completions, right_answer(prompts, completions), strict=True)
    ]
