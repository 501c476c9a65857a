"""A scripted answerer that stands in for a small language model where none is installed.

Some prompts it nearly always gets right, some nearly always wrong; each prompt has a favorite mistake, so one wrong
answer is common. A few answers are malformed. Wrong answers are often longer, which deceives a judge that likes length.
Judges are in judges.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from winnow.errors import UsageError
from winnow.science.tasks.mistakes import MISTAKES, WorkedSolution, carry_amount, correct_solution, mistaken_solution
from winnow.science.tasks.seeded_random import (
    hash_fraction,
    random_choice,
    random_integer,
    random_stream,
    weighted_choice,
)
from winnow.science.tasks.templates import TEMPLATES
from winnow.science.tasks.word_problems import Problem, spell_number

BASE_ACCURACY = {"add": 0.79, "subtract": 0.74, "multiply": 0.68, "two-step": 0.58, "large": 0.65}
CARRY_COST = 0.08
LUCK_RANGE = 0.5
LOWEST_CHANCE, HIGHEST_CHANCE = 0.05, 0.98

MISTAKE_WEIGHTS = {
    "carry forgotten": 5.0,
    "second step dropped": 4.0,
    "wrong operation": 3.0,
    "off by ten": 2.0,
    "digits swapped": 1.5,
    "copied an operand": 1.0,
    "off by one": 1.0,
}
FAVORITE_SHARE = 0.5

MALFORMED_SHARE = 0.04
MALFORMED = {"no answer line": 4.0, "answer unknown": 2.0, "cut off": 3.0, "empty": 1.0}

IN_WORDS_SHARE, SEPARATOR_SHARE = 0.02, 0.5

WORDINESS_RIGHT = {"bare": 0.14, "terse": 0.30, "plain": 0.33, "steps": 0.15, "checked": 0.05, "rationalized": 0.03}
WORDINESS_WRONG = {"bare": 0.16, "terse": 0.29, "plain": 0.15, "steps": 0.05, "checked": 0.05, "rationalized": 0.30}

WORDINGS = {
    "bare": ("",),
    "terse": ("{work}.", "So {work}.", "We get {work}."),
    "plain": (
        "The numbers given are {numbers}. With them {work}.",
        "From the text we take {numbers}. That gives us {work}.",
        "What is asked follows from {numbers}: {work}.",
    ),
    "steps": (
        "Step 1: find what is given, that is {numbers}. Step 2: put it together, so {work}.",
        "First I write down the numbers of the story: {numbers}. Then I compute: {work}. That is what was asked.",
    ),
    "checked": (
        "The numbers given are {numbers}. We get {work}. Check: going over it again leads to {value} once more.",
        "From {numbers} we get {work}. To verify this I did it a second time, and it is {value} again.",
    ),
    "rationalized": (
        "Let me think about this carefully, because such a story is easy to misread. {musing} {second} "
        "Putting {numbers} together, {work}. I checked this and {value} makes sense, so we can be confident.",
        "This one looks simple, but it deserves a closer look before we answer. {musing} {second} "
        "With that in mind, {work}. The size of the result is plausible too, so {value} it must be.",
    ),
}
MUSINGS = (
    "It helps to picture the scene first and to ask what really changes in it.",
    "Another reading seems possible at first sight, yet it would not fit the wording.",
    "What matters is how the numbers belong together, not the order in which they are told.",
    "Someone in a hurry would surely stop too early here.",
    "The question at the end tells us exactly what to look for.",
)


@dataclass(frozen=True)
class ScriptedAnswer:
    """The text, whether it is right, and the name of the mistake if it is not."""

    text: str
    right: bool
    mistake: str | None


def scripted_answers(problem: Problem, n: int, seed: int) -> list[ScriptedAnswer]:
    """Draw n answers to the problem; a larger n gives the same answers first."""
    if n < 0:
        raise UsageError("n", f"is {n}, but must be 0 or more", "Ask for 0 or more answers")
    rng = random_stream("scripted answerer", seed, problem.id, problem.prompt)
    mistakes = {name: solution for name in MISTAKES if (solution := mistaken_solution(problem, name)) is not None}
    weights, chance = _mistake_weights(problem, mistakes), chance_right(problem)
    answers = []
    for _ in range(n):
        mistake = None if rng.random() < chance else weighted_choice(rng, weights)
        work = correct_solution(problem) if mistake is None else mistakes[mistake]
        answers.append(_draw_answer(rng, problem, work, mistake))
    return answers


def chance_right(problem: Problem) -> float:
    """Return the probability that a well-formed answer is right.

    It depends on the kind of problem, falls with every carry, and has a random part that is fixed for the prompt.
    """
    carries = sum(carry_amount(step) != 0 for step in problem.steps)
    luck = LUCK_RANGE * (2 * hash_fraction("luck of the prompt", problem.prompt) - 1)
    chance = BASE_ACCURACY[TEMPLATES[problem.template].kind] - CARRY_COST * carries + luck
    return min(HIGHEST_CHANCE, max(LOWEST_CHANCE, chance))


def _mistake_weights(problem: Problem, mistakes: Iterable[str]) -> dict[str, float]:
    """The weights of the possible mistakes, with an extra share for the favorite mistake of the prompt."""
    weights = {name: MISTAKE_WEIGHTS[name] for name in mistakes}
    favorite = weighted_choice(random_stream("favorite mistake", problem.prompt), weights)
    weights[favorite] += sum(weights.values()) * FAVORITE_SHARE / (1 - FAVORITE_SHARE)
    return weights


def _draw_answer(rng: Random, problem: Problem, work: WorkedSolution, mistake: str | None) -> ScriptedAnswer:
    style = weighted_choice(rng, WORDINESS_RIGHT if mistake is None else WORDINESS_WRONG)
    if rng.random() < MALFORMED_SHARE:
        fault = weighted_choice(rng, MALFORMED)
        reasoning = _reasoning_text(rng, problem, work, "terse" if style == "bare" else style)
        return ScriptedAnswer(_malform(rng, reasoning, fault), False, fault)
    reasoning = _reasoning_text(rng, problem, work, style)
    text = f"{reasoning}{random_choice(rng, (' ', chr(10)))}A: {_format_number(rng, work.value)}".strip()
    return ScriptedAnswer(text, mistake is None, mistake)


def _reasoning_text(rng: Random, problem: Problem, work: WorkedSolution, style: str) -> str:
    first = random_integer(rng, 0, len(MUSINGS) - 1)
    second = (first + random_integer(rng, 1, len(MUSINGS) - 1)) % len(MUSINGS)
    text = random_choice(rng, WORDINGS[style]).format(
        work=", then ".join(work.equations),
        numbers=f"{', '.join(map(str, problem.operands[:-1]))} and {problem.operands[-1]}",
        value=work.value,
        musing=MUSINGS[first],
        second=MUSINGS[second],
    )
    return text[:1].upper() + text[1:]


def _format_number(rng: Random, value: int) -> str:
    if rng.random() < IN_WORDS_SHARE:
        return spell_number(value)
    return f"{value:,}" if rng.random() < SEPARATOR_SHARE else str(value)


def _malform(rng: Random, reasoning: str, fault: str) -> str:
    if fault == "empty":
        return ""
    if fault == "answer unknown":
        return f"{reasoning} A: unknown"
    if fault == "cut off":
        return reasoning[: int(len(reasoning) * (0.4 + 0.5 * rng.random()))]
    return reasoning
