"""A verifier for the game of 24: `winnow verify TABLE --with benchmarks.real.game24_checker:right`.

An answer is right if its last line is an expression that uses each number of the puzzle once and equals 24 in exact
fractions. The expression is parsed and never executed: anything but numbers, + - * / and brackets is wrong.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

TARGET = 24
OPERATIONS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def right(prompts: Sequence[str], completions: Sequence[str], **columns: Sequence[Any]) -> list[bool]:
    """Return whether each answer solves its puzzle, which is the column `puzzle` or else the prompt."""
    puzzles = columns.get("puzzle", prompts)
    return [solves(text or "", puzzle) for text, puzzle in zip(completions, puzzles, strict=True)]


def solves(text: str, puzzle: str) -> bool:
    """Whether the last line of an answer makes 24 from the numbers of the puzzle."""
    last = text.strip().split("\n")[-1].lower()
    expression = last.replace("answer: ", "").split("=")[0].strip()
    if sorted(re.findall(r"\d+", expression)) != sorted(re.findall(r"\d+", puzzle)):
        return False
    try:
        return value(ast.parse(expression, mode="eval").body) == TARGET
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return False


def value(node: ast.expr) -> Fraction:
    """Evaluate an expression; raise ValueError if it is not arithmetic."""
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
        return OPERATIONS[type(node.op)](value(node.left), value(node.right))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -value(node.operand)
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return Fraction(node.value)
    raise ValueError("not arithmetic")
