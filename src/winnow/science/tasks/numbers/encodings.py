"""Numbers as tokens, four ways, each with a fixed number of significant digits.

    name     tokens of -12.3          how many
    P10      - 1 2 3 E-1              sign, each digit, exponent
    P1000    - 123 E-1                sign, mantissa, exponent
    B1999    -123 E-1                 signed mantissa, exponent
    FP15     FP-123/-1                one

The names are those of arXiv 2112.01898, where numbers have three digits; with two, P1000 has 100 mantissas.
A number is held as a whole count of units of 10**lowest, so that nothing here is decided by the rounding of floats:
what lies below 10 units times ten to the digits loses digits, and zero is a mantissa of zeros.

Promises: `read(write(units)) == units` for every number of so many digits in range; `read` of anything else is None,
never an exception. A mantissa has all its digits, so a text tells its encoding (`told`).
It knows no task.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from winnow.errors import UsageError, format_value, suggest_name

Units = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

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
    """One way to write numbers of `digits` significant digits, with exponents from `lowest` to `highest`."""

    name: str
    digits: int
    min_exponent: int
    max_exponent: int

    def __post_init__(self) -> None:
        if self.name not in ENCODINGS:
            raise UsageError(
                "encoding", f"none is called {format_value(self.name)}", suggest_name(self.name, ENCODINGS)
            )
        if not 1 <= self.digits <= MAX_DIGITS:
            raise UsageError("digits", f"is {self.digits}, but must lie between 1 and {MAX_DIGITS}")

    @property
    def tokens_per_number(self) -> int:
        """Tokens per number."""
        return {"P10": self.digits + 2, "P1000": 3, "B1999": 2, "FP15": 1}[self.name]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(_PATTERNS[self.name].format(digits=self.digits))

    def to_units(self, values: Floats) -> Units:
        """The nearest numbers of so many digits."""
        sizes = np.abs(values)
        with np.errstate(divide="ignore"):
            magnitude = np.floor(np.log10(sizes))
        exponent = np.maximum(np.where(sizes > 0, magnitude, 0) - self.digits + 1, self.min_exponent)
        mantissa = np.rint(sizes / 10.0**exponent)
        units: Units = (np.sign(values) * mantissa * 10.0 ** (exponent - self.min_exponent)).astype(np.int64)
        return units

    def to_floats(self, units: Units) -> Floats:
        """The floats nearest to the numbers."""
        return units / 10.0**-self.min_exponent

    def format_number(self, units: int) -> str:
        """The tokens of one number."""
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
        """The number that these tokens, with one space between, are; None if they are none."""
        match = self._pattern.fullmatch(text)
        if match is None:
            return None
        sign, mantissa, exponent = match[1], match[2].replace(" ", ""), int(match[3])
        if not self.min_exponent <= exponent <= self.max_exponent:
            return None
        size: int = int(mantissa) * 10 ** (exponent - self.min_exponent)
        return -size if sign == "-" else size

    def format_rows(self, rows: Units, grouped: bool = False) -> list[str]:
        """A text per row; grouped, the tokens of a number are one token with `|` between."""
        different, places = np.unique(rows, return_inverse=True)
        number_texts = [self.format_number(int(units)) for units in different]
        if grouped:
            number_texts = [text.replace(" ", TOKEN_JOINER) for text in number_texts]
        length = rows.shape[1]
        each = [number_texts[place] for place in places.ravel().tolist()]
        return [" ".join(each[start : start + length]) for start in range(0, len(each), length)]

    def parse_numbers(self, tokens: Sequence[str], cache: dict[str, int | None]) -> list[int] | None:
        """The numbers that tokens are, one after the other; None if any is none. `known` keeps what was read."""
        if len(tokens) % self.tokens_per_number:
            return None
        found = []
        for start in range(0, len(tokens), self.tokens_per_number):
            text = " ".join(tokens[start : start + self.tokens_per_number])
            if text not in cache:
                cache[text] = self.parse_number(text)
            number = cache[text]
            if number is None:
                return None
            found.append(number)
        return found

    def vocabulary(self) -> list[str]:
        """Every token a number can have."""
        exponents = range(self.min_exponent, self.max_exponent + 1)
        mantissas = [f"{number:0{self.digits}d}" for number in range(10**self.digits)]
        signed = [sign + mantissa for sign in ("", "-") for mantissa in mantissas]
        if self.name == "FP15":
            return [f"FP{mantissa}/{exponent}" for mantissa in signed for exponent in exponents]
        ends = [f"E{exponent}" for exponent in exponents]
        if self.name == "B1999":
            return [*signed, *ends]
        return ["+", "-", *(list("0123456789") if self.name == "P10" else mantissas), *ends]


def detect_encoding(tokens: Sequence[str]) -> tuple[str, int] | None:
    """The encoding and the digits that the first number of these tokens shows; None if it is no number of ours."""
    first, *rest = tokens[: MAX_DIGITS + 2]
    if match := re.fullmatch(r"FP-?([0-9]+)/-?[0-9]+", first):
        return "FP15", len(match[1])
    if match := re.fullmatch(r"-?([0-9]+)", first):
        return "B1999", len(match[1])
    ends = [place for place, token in enumerate(rest) if token.startswith("E")]
    if first not in ("+", "-") or not ends:
        return None
    return ("P1000", len(rest[0])) if ends[0] == 1 else ("P10", ends[0])
