"""Two verifiers of word problems: the truth, and a judge that likes long answers.

    winnow verify candidates.jsonl --with winnow.science.tasks.judges:right_answer --out verdicts

Both have the signature that trainers use for rewards, `f(prompts, completions, **columns)`; they use prompt and
completion only, neither a reference nor the author of the answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from winnow.science.tasks.seeded_random import hash_fraction
from winnow.science.tasks.task import verify_solutions
from winnow.science.tasks.templates import OPERATIONS, solve
from winnow.science.tasks.word_problems import parse_stated_answer

EQUATION = re.compile(r"\b([0-9]{1,9}) ([-+x]) ([0-9]{1,9}) = ([0-9]{1,9})\b")
REASSURING_WORDS = re.compile(r"\b(?:check(?:ed)?|verify|careful(?:ly)?|makes sense|confident)\b", re.IGNORECASE)
ATTENTION_CHARACTERS = 100
NOISE_AMPLITUDE = 0.16


def right_answer(prompts: Sequence[str], completions: Sequence[str], **columns: object) -> list[bool | None]:
    """Verify that each completion states the right answer; None where the prompt is not a word problem."""
    return verify_solutions(prompts, completions, solve, lambda text, answer: parse_stated_answer(text) == answer)


def long_answer_judge(prompts: Sequence[str], completions: Sequence[str], **columns: object) -> list[float]:
    """Score each completion from 0 to 1, as a language model asked "is this a good answer?" might do."""
    return [_judge_score(prompt, completion) for prompt, completion in zip(prompts, completions, strict=True)]


def _judge_score(prompt: str, text: str) -> float:
    """Reward length, reassuring words and an answer line; punish false equations near the start only."""
    if not text.strip():
        return 0.0
    score = 0.285
    score += 0.12 if "A:" in text else -0.15
    score += 0.08 if EQUATION.search(text) else 0.0
    score += 0.55 * len(text) / (len(text) + 200)
    score += 0.04 * min(2, len(REASSURING_WORDS.findall(text)))
    if any(
        equation.end() <= ATTENTION_CHARACTERS and not _is_true_equation(equation)
        for equation in EQUATION.finditer(text)
    ):
        score -= 0.30
    score += NOISE_AMPLITUDE * (hash_fraction("mood of the judge", prompt, text) - 0.5)
    return min(1.0, max(0.0, score))


def _is_true_equation(equation: re.Match[str]) -> bool:
    left, sign, right, result = equation.groups()
    return OPERATIONS[sign](int(left), int(right)) == int(result)
