"""The mistakes people and models make in word problems, each as the working that shows it.

Promises: `working(problem, mistake)` is a wrong answer with the working that leads there, or None where the mistake
cannot be made (nothing to carry, one step only) or would end at the right answer or below zero.
It does not say how often a mistake is made nor how it is worded; that is answerer.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from winnow.tasks.draws import share
from winnow.tasks.templates import Step, compute
from winnow.tasks.word_problems import Problem


@dataclass(frozen=True)
class Working:
    """What is written down: equations in order (a slip makes one false), and the number given as the answer."""

    equations: tuple[str, ...]
    value: int


def right_working(problem: Problem) -> Working:
    """The equations of the problem and its answer."""
    return Working(tuple(str(step) for step in problem.steps), problem.answer)


def working(problem: Problem, mistake: str) -> Working | None:
    """The working of this mistake on this problem, or None where it cannot be made."""
    made = MISTAKES[mistake](problem)
    return made if made is not None and made.value >= 0 and made.value != problem.answer else None


def _carried_on(first: Step, written: int, later: tuple[Step, ...]) -> Working:
    """The first step ends in the number written instead of its result; later steps go on from there."""
    equations, value = [f"{first.left} {first.sign} {first.right} = {written}"], written
    for step in later:
        result = compute(value, step.sign, step.right)
        equations.append(f"{value} {step.sign} {step.right} = {result}")
        value = result
    return Working(tuple(equations), value)


def carry(step: Step) -> int:
    """What is lost from the result when the carry out of the ones is forgotten; below 0 for a borrow."""
    left, right = step.left % 10, step.right % 10
    if step.sign == "x":
        return step.left * right // 10 * 10
    if step.sign == "+":
        return 10 if left + right > 9 else 0
    return -10 if left < right else 0


def _carry_forgotten(problem: Problem) -> Working | None:
    first = problem.steps[0]
    lost = carry(first)
    return _carried_on(first, first.result - lost, problem.steps[1:]) if lost else None


def _wrong_operation(problem: Problem) -> Working | None:
    *before, last = problem.steps
    sign = "+" if last.sign != "+" else "-"
    high, low = max(last.left, last.right), min(last.left, last.right)
    wrong = Step(last.left, sign, last.right) if sign == "+" else Step(high, sign, low)
    return Working((*map(str, before), str(wrong)), wrong.result)


def _copied_operand(problem: Problem) -> Working | None:
    value = problem.operands[int(_fixed(problem, "copied") * len(problem.operands))]
    return Working((f"the number we need is {value}",), value)


def _off_by(distance: int) -> Callable[[Problem], Working | None]:
    def made(problem: Problem) -> Working | None:
        *before, last = problem.steps
        written = last.result + (distance if _fixed(problem, "off by", distance) < 0.5 else -distance)
        return Working((*map(str, before), f"{last.left} {last.sign} {last.right} = {written}"), written)

    return made


def _digits_swapped(problem: Problem) -> Working | None:
    """The equation is right; the answer is copied from it with its last two digits the wrong way round."""
    hundreds, tens, ones = problem.answer // 100, problem.answer // 10 % 10, problem.answer % 10
    if problem.answer < 10:
        return None
    return Working(right_working(problem).equations, hundreds * 100 + ones * 10 + tens)


def _second_step_dropped(problem: Problem) -> Working | None:
    first, *later = problem.steps
    return Working((str(first),), first.result) if later else None


def _fixed(problem: Problem, *purpose: object) -> float:
    """The same number in [0, 1) whenever this prompt is answered: people make the same slip again."""
    return share("mistake", *purpose, problem.prompt)


MISTAKES: dict[str, Callable[[Problem], Working | None]] = {
    "carry forgotten": _carry_forgotten,
    "wrong operation": _wrong_operation,
    "copied an operand": _copied_operand,
    "off by ten": _off_by(10),
    "off by one": _off_by(1),
    "digits swapped": _digits_swapped,
    "second step dropped": _second_step_dropped,
}
