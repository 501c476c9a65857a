r"""The values of simple mathematical expressions, to tell answers apart that are surely different.

The reader knows numbers, one-letter variables, + - * / ^, \frac, \sqrt, \pi, \cdot, \times and brackets. What it does
not know, or what math-verify could read in another way (2^10 without braces, 7 1/2, x(3)), it does not read at all.
Equality is never decided here, because two expressions may differ where no point was tried.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

SURE_DIFFERENCE = 1e-5
"""Smaller absolute or relative differences are left to math-verify."""
MAX_LENGTH = 200
MAX_VALUE = 1e100

_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?|\.\d+)|(\\[a-zA-Z]+)|([a-zA-Z])|(.))", re.DOTALL)
_VARIABLES = frozenset("abcfghjkmnpqrstuvwxyz")
_POINTS = tuple(
    {name: offset + step * number for number, name in enumerate(sorted(_VARIABLES))}
    for offset, step in ((0.5413, 0.1371), (2.7183, 0.0897))
)
_PRODUCT_SIGNS = ("*", "\\cdot", "\\times")
_CLOSING = {"(": ")", "{": "}", "[": "]"}


class _Unreadable(Exception):
    """The text is not an expression that is read here, or it has no real value at the point."""


def surely_different(answer: str, reference: str) -> bool:
    """Whether two answers with normalized layout have clearly different values at one of the tried points."""
    sides = [_split_assignment(text) for text in (answer, reference)]
    if sides[0][0] and sides[1][0] and sides[0][0] != sides[1][0]:
        return False
    try:
        values = [[_Reader(text, point).read() for point in _POINTS] for _, text in sides]
    except (_Unreadable, ArithmeticError, RecursionError):
        return False
    return any(_differ(got, want) for got, want in zip(*values, strict=True))


def _differ(got: float, want: float) -> bool:
    return abs(got - want) > SURE_DIFFERENCE * max(1.0, abs(got), abs(want))


def _split_assignment(text: str) -> tuple[str, str]:
    """Split 'x = 3' into the variable and the expression; the variable is '' without one."""
    left, equals, right = text.partition("=")
    variable = left.strip()
    is_assignment = equals and variable in _VARIABLES and variable not in right  # x = x - 1 is an equation
    return (variable, right) if is_assignment else ("", text)


class _Reader:
    """Evaluates one expression at one point by recursive descent."""

    def __init__(self, text: str, point: Mapping[str, float]) -> None:
        if len(text) > MAX_LENGTH:
            raise _Unreadable
        self._tokens = [match[0].strip() for match in _TOKEN.finditer(text.strip())]
        self._position = 0
        self._point = point

    def read(self) -> float:
        value = self._read_sum()
        if self._next() or not abs(value) < MAX_VALUE:
            raise _Unreadable
        return value

    def _next(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _take(self, expected: str = "") -> str:
        token = self._next()
        if not token or (expected and token != expected):
            raise _Unreadable
        self._position += 1
        return token

    def _read_sum(self) -> float:
        sign = -1.0 if self._next() in ("+", "-") and self._take() == "-" else 1.0
        total = sign * self._read_product()
        while self._next() in ("+", "-"):
            sign = -1.0 if self._take() == "-" else 1.0
            total += sign * self._read_product()
        return total

    def _read_product(self) -> float:
        value, previous = self._read_power()
        while True:
            token = self._next()
            if token in _PRODUCT_SIGNS:
                self._take()
                factor, previous = self._read_power()
                value *= factor
            elif token == "/":
                self._take()
                factor, previous = self._read_power()
                value /= factor
                if self._starts_factor():  # 1/2x can be read in two ways
                    raise _Unreadable
            elif self._starts_factor():
                if token[0].isdigit() or token[0] == "." or (token == "\\frac" and previous == "number"):
                    raise _Unreadable  # '7 1/2' and '7\frac{1}{2}' may be mixed numbers, x2 may be a name
                if previous == "variable" and (token == "(" or token in _VARIABLES):
                    raise _Unreadable  # x(3) may be a function, ab a name
                factor, previous = self._read_power()
                value *= factor
            else:
                return value

    def _starts_factor(self) -> bool:
        token = self._next()
        return bool(token) and (
            token[0].isdigit() or token[0] == "." or token in _VARIABLES or token in ("(", "\\frac", "\\sqrt", "\\pi")
        )

    def _read_power(self) -> tuple[float, str]:
        """Read a factor with its exponent; return its value and its kind."""
        value, kind = self._read_factor()
        if self._next() != "^":
            return value, kind
        self._take()
        exponent = self._read_argument()
        if self._next() == "^":
            raise _Unreadable
        result = value**exponent
        if isinstance(result, complex) or not abs(result) < MAX_VALUE:
            raise _Unreadable
        return result, "power"

    def _read_factor(self) -> tuple[float, str]:
        token = self._take()
        if token[0].isdigit() or token[0] == ".":
            return float(token), "number"
        if token in _VARIABLES:
            return self._point[token], "variable"
        if token == "\\pi":
            return math.pi, "constant"
        if token == "(":
            return self._read_until(")"), "brackets"
        if token == "\\frac":
            return self._read_argument() / self._read_argument(), "fraction"
        if token == "\\sqrt":
            return self._read_root(), "root"
        raise _Unreadable

    def _read_root(self) -> float:
        degree = 2.0
        if self._next() == "[":
            self._take()
            degree = self._read_until("]")
        value = self._read_argument()
        if value < 0 or degree == 0:
            raise _Unreadable
        return float(value ** (1 / degree))

    def _read_argument(self) -> float:
        """Read {...}, or a single digit or variable."""
        if self._next() == "{":
            self._take()
            return self._read_until("}")
        token = self._take()
        if len(token) == 1 and token.isdigit() and not self._next()[:1].isdigit():
            return float(token)
        if token in _VARIABLES:
            return self._point[token]
        raise _Unreadable

    def _read_until(self, closing: str) -> float:
        value = self._read_sum()
        self._take(closing)
        return value
