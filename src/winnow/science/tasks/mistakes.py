"""Typical mistakes in word problems, each with the equations that lead to the wrong answer.

How often a mistake is made and how it is worded is in scripted_answerer.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from winnow.science.tasks.seeded_random import hash_fraction
from winnow.science.tasks.templates import OPERATIONS, ArithmeticStep
from winnow.science.tasks.word_problems import Problem


@dataclass(frozen=True)
class WorkedSolution:
    """Equations in order, one of them false after a slip, and the number stated as the answer."""

    equations: tuple[str, ...]
    value: int


def correct_solution(problem: Problem) -> WorkedSolution:
    """Return the equations of the problem and its answer."""
    return WorkedSolution(tuple(str(step) for step in problem.steps), problem.answer)


def mistaken_solution(problem: Problem, mistake: str) -> WorkedSolution | None:
    """Return the wrong solution that this mistake leads to.

    None where the mistake cannot be made (nothing to carry, one step only) or would give a right or negative answer.
    """
    solution = MISTAKES[mistake](problem)
    return solution if solution is not None and solution.value >= 0 and solution.value != problem.answer else None


def _continue_solution(first: ArithmeticStep, wrong_result: int, later: tuple[ArithmeticStep, ...]) -> WorkedSolution:
    """A solution whose first step has a wrong result, with which the later steps go on."""
    equations, value = [f"{first.left} {first.sign} {first.right} = {wrong_result}"], wrong_result
    for step in later:
        result = OPERATIONS[step.sign](value, step.right)
        equations.append(f"{value} {step.sign} {step.right} = {result}")
        value = result
    return WorkedSolution(tuple(equations), value)


def carry_amount(step: ArithmeticStep) -> int:
    """Return what the result lacks if the carry out of the ones is forgotten; negative for a borrow."""
    left, right = step.left % 10, step.right % 10
    if step.sign == "x":
        return step.left * right // 10 * 10
    if step.sign == "+":
        return 10 if left + right > 9 else 0
    return -10 if left < right else 0


def _forget_carry(problem: Problem) -> WorkedSolution | None:
    first = problem.steps[0]
    lost = carry_amount(first)
    return _continue_solution(first, first.result - lost, problem.steps[1:]) if lost else None


def _use_wrong_operation(problem: Problem) -> WorkedSolution | None:
    *before, last = problem.steps
    sign = "+" if last.sign != "+" else "-"
    high, low = max(last.left, last.right), min(last.left, last.right)
    wrong = ArithmeticStep(last.left, sign, last.right) if sign == "+" else ArithmeticStep(high, sign, low)
    return WorkedSolution((*map(str, before), str(wrong)), wrong.result)


def _copy_operand(problem: Problem) -> WorkedSolution | None:
    value = problem.operands[int(_prompt_fraction(problem, "copied") * len(problem.operands))]
    return WorkedSolution((f"the number we need is {value}",), value)


def _shift_result(distance: int) -> Callable[[Problem], WorkedSolution | None]:
    def shift(problem: Problem) -> WorkedSolution | None:
        *before, last = problem.steps
        wrong_result = last.result + (distance if _prompt_fraction(problem, "off by", distance) < 0.5 else -distance)
        equation = f"{last.left} {last.sign} {last.right} = {wrong_result}"
        return WorkedSolution((*map(str, before), equation), wrong_result)

    return shift


def _swap_digits(problem: Problem) -> WorkedSolution | None:
    """The equations are right, but the last two digits of the stated answer are swapped."""
    hundreds, tens, ones = problem.answer // 100, problem.answer // 10 % 10, problem.answer % 10
    if problem.answer < 10:
        return None
    return WorkedSolution(correct_solution(problem).equations, hundreds * 100 + ones * 10 + tens)


def _drop_second_step(problem: Problem) -> WorkedSolution | None:
    first, *later = problem.steps
    return WorkedSolution((str(first),), first.result) if later else None


def _prompt_fraction(problem: Problem, *purpose: object) -> float:
    """A number in [0, 1) that is fixed for the prompt, so the same slip is made every time."""
    return hash_fraction("mistake", *purpose, problem.prompt)


MISTAKES: dict[str, Callable[[Problem], WorkedSolution | None]] = {
    "carry forgotten": _forget_carry,
    "wrong operation": _use_wrong_operation,
    "copied an operand": _copy_operand,
    "off by ten": _shift_result(10),
    "off by one": _shift_result(1),
    "digits swapped": _swap_digits,
    "second step dropped": _drop_second_step,
}
