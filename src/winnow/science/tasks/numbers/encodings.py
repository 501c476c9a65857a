"""Four encodings of numbers as tokens, each with a fixed number of significant digits.

    name     tokens of -12.3          how many
    P10      - 1 2 3 E-1              sign, each digit, exponent
    P1000    - 123 E-1                sign, mantissa, exponent
    B1999    -123 E-1                 signed mantissa, exponent
    FP15     FP-123/-1                one

The names are those of arXiv 2112.01898, where numbers have three digits; with two, P1000 has 100 mantissas.
A number is stored as an integer count of units of 10**min_exponent, so no result depends on the rounding of floats. A
number below 10**digits units has fewer significant digits, and zero is a mantissa of zeros. A mantissa always has all
its digits, so the encoding can be detected from a text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from winnow.errors import UsageError, format_value, suggest_name
from winnow.science.theory.arrays import Floats, Ints

ENCODINGS = ("P10", "P1000", "B1999", "FP15")
MAX_DIGITS = 4
TOKEN_JOINER = "|"
_PATTERNS = {
    "P10": r"([+-]) ((?:[0-9] ){{{digits}}})E(0|-?[1-9][0-9]?)",
    "P1000": r"([+-]) ([0-9]{{{digits}}}) E(0|-?[1-9][0-9]?)",
    "B1999": r"(-?)([0-9]{{{digits}}}) E(0|-?[1-9][0-9]?)",
    "FP15": r"FP(-?)([0-9]{{{digits}}})/(0|-?[1-9][0-9]?)",
}


@dataclass(frozen=True)
class NumberEncoding:
    """An encoding of numbers with `digits` significant digits and exponents from min_exponent to max_exponent."""

    name: str
    digits: int
    min_exponent: int
    max_exponent: int

    def __post_init__(self) -> None:
        if self.name not in ENCODINGS:
            problem = f"no encoding is called {format_value(self.name)}"
            raise UsageError("encoding", problem, suggest_name(self.name, ENCODINGS))
        if not 1 <= self.digits <= MAX_DIGITS:
            raise UsageError("digits", f"is {self.digits}, but must lie between 1 and {MAX_DIGITS}")

    @property
    def tokens_per_number(self) -> int:
        return {"P10": self.digits + 2, "P1000": 3, "B1999": 2, "FP15": 1}[self.name]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(_PATTERNS[self.name].format(digits=self.digits))

    def to_units(self, values: Floats) -> Ints:
        """Round floats to numbers of `digits` significant digits."""
        sizes = np.abs(values)
        with np.errstate(divide="ignore"):
            magnitude = np.floor(np.log10(sizes))
        exponent = np.maximum(np.where(sizes > 0, magnitude, 0) - self.digits + 1, self.min_exponent)
        mantissa = np.rint(sizes / 10.0**exponent)
        units: Ints = (np.sign(values) * mantissa * 10.0 ** (exponent - self.min_exponent)).astype(np.int64)
        return units

    def to_floats(self, units: Ints) -> Floats:
        """Return the floats nearest to the numbers."""
        return units / 10.0**-self.min_exponent

    def format_number(self, units: int) -> str:
        """Return the tokens of one number."""
        size = abs(units)
        dropped = max(0, len(str(size)) - self.digits)
        mantissa, exponent = f"{size // 10**dropped:0{self.digits}d}", self.min_exponent + dropped
        minus = "-" if units < 0 else ""
        if self.name == "FP15":
            return f"FP{minus}{mantissa}/{exponent}"
        if self.name == "B1999":
            return f"{minus}{mantissa} E{exponent}"
        return f"{minus or '+'} {' '.join(mantissa) if self.name == 'P10' else mantissa} E{exponent}"

    def parse_number(self, text: str) -> int | None:
        """Return the number that the text, tokens with one space between, stands for; None if it is not a number."""
        match = self._pattern.fullmatch(text)
        if match is None:
            return None
        sign, mantissa, exponent = match[1], match[2].replace(" ", ""), int(match[3])
        if not self.min_exponent <= exponent <= self.max_exponent:
            return None
        size: int = int(mantissa) * 10 ** (exponent - self.min_exponent)
        return -size if sign == "-" else size

    def format_rows(self, rows: Ints, grouped: bool = False) -> list[str]:
        """Return one text per row; if grouped, the tokens of a number are joined by `|` into one token."""
        distinct, inverse = np.unique(rows, return_inverse=True)
        number_texts = [self.format_number(int(units)) for units in distinct]
        if grouped:
            number_texts = [text.replace(" ", TOKEN_JOINER) for text in number_texts]
        indices: Any = inverse.reshape(rows.shape).tolist()
        return [" ".join(number_texts[index] for index in row) for row in indices]

    def parse_numbers(self, tokens: Sequence[str], cache: dict[str, int | None]) -> list[int] | None:
        """Return the numbers that the tokens stand for; None if one is malformed. `cache` maps texts to numbers."""
        if len(tokens) % self.tokens_per_number:
            return None
        numbers = []
        for start in range(0, len(tokens), self.tokens_per_number):
            text = " ".join(tokens[start : start + self.tokens_per_number])
            if text not in cache:
                cache[text] = self.parse_number(text)
            number = cache[text]
            if number is None:
                return None
            numbers.append(number)
        return numbers


def detect_encoding(tokens: Sequence[str]) -> tuple[str, int] | None:
    """Return the name of the encoding and the number of digits of the first number; None if it is not a number."""
    first, *rest = tokens[: MAX_DIGITS + 2]
    if match := re.fullmatch(r"FP-?([0-9]+)/-?[0-9]+", first):
        return "FP15", len(match[1])
    if match := re.fullmatch(r"-?([0-9]+)", first):
        return "B1999", len(match[1])
    ends = [index for index, token in enumerate(rest) if token.startswith("E")]
    if first not in ("+", "-") or not ends:
        return None
    return ("P1000", len(rest[0])) if ends[0] == 1 else ("P10", ends[0])
