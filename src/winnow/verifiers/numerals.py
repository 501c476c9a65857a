"""Numbers as people and models write them, read exactly as fractions.

Reads 18, 18., -1,234.50, $5, 1.5e3, 1.5 x 10^3, 3/4, 1 1/2, fractions in LaTeX, digits of any script and the Unicode
minus. The last numeral of a text must read as one number: '10-20', '1.2.3', '5^2' and, with the decimal mark '.',
'3,14' have no value. Digits in names (x2, v1.5) and powers (cm^2) are skipped. Words, units and expressions are not
read. The time is linear in the length of the text.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

MAX_DIGITS = 4_000  # Python refuses to convert more than 4,300 digits to an integer
MAX_EXPONENT = 400  # larger than that of any float; the exact value of 1e999999999 would fill the memory

_MINUS = "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"
_NARROW_SPACE = "\u202f"
_EQUIVALENTS = dict.fromkeys(map(ord, _MINUS), "-") | dict.fromkeys(map(ord, "\u00a0\u2007\u2009"), _NARROW_SPACE)
_EQUIVALENTS |= {
    ord(variant): ascii_form
    for variant, ascii_form in zip("\uff0b\uff0c\uff0e\uff0f\u2044\u2215\u2019\u066c", "+,.///''", strict=True)
}
_ARABIC_DECIMAL = "\u066b"
_SUPERSCRIPTS = re.compile("[\u207a\u207b]?[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+")
_LATEX_FRACTION = re.compile(r"(\d?)\\[dt]?frac\s*\{\s*(-?\d+)\s*\}\s*\{\s*(\d+)\s*\}")
_LATEX_SPACE = re.compile(r"\\[,!; ]")
_LETTERS = "A-Za-z_\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff"  # scripts that put spaces between words
_CURRENCIES = ("USD", "EUR", "GBP", "INR", "JPY", "CNY", "AUD", "CAD", "CHF", "Rs")
_CURRENCY_CODE = "|".join(f"(?<=\\b{code}[0-9])" for code in _CURRENCIES)
_TIMES_TEN = r"\s{0,3}(?:[x\u00d7*\u00b7]|\\times|\\cdot)\s{0,3}10\s?\^\s?\{?\s?(?P<power>[-+]?\d+)\s?\}?"
_NOT_FINITE = re.compile(r"(?<!\w)(?:NaN|inf|Infinity|∞)(?!\w)")
_SIGN = re.compile(r"(?:^|[^\w)\]}%.+\-])([-+])\\?[$€£¥₹]?$")
_SIGN_FIRST = re.compile(r"^\s*([-+])\s*\\?[$€£¥₹]?\s*$")
_WHOLE_PART = re.compile(r"(?<![\w.,/^:])(\d{1,9}) $")
_LOOKBACK_LENGTH = 24


@dataclass(frozen=True)
class Numeral:
    """The last number of a text: its value, or None with the text that could not be read ('' without a number)."""

    value: Fraction | None
    written: str


class _CharacterTable(dict[int, str]):
    """A table for str.translate that is filled with each character when it first occurs."""

    def __missing__(self, code: int) -> str:
        self[code] = normalized = _normalize_character(chr(code))
        return normalized


def _normalize_character(character: str) -> str:
    kind = unicodedata.category(character)
    if kind == "Nd":
        return str(unicodedata.decimal(character))
    if kind == "No" and "\u2044" in (decomposed := unicodedata.normalize("NFKC", character)):
        return " " + decomposed.replace("\u2044", "/")
    return _EQUIVALENTS.get(ord(character), character)


_CHARACTER_TABLE = _CharacterTable()


def normalize_numerals(text: str, decimal: str = ".") -> str:
    """Write every digit, sign, separator and simple fraction of a text in its ASCII form."""
    if not text.isascii():
        text = _SUPERSCRIPTS.sub(lambda match: "^" + unicodedata.normalize("NFKC", match[0]), text)
        text = text.replace(_ARABIC_DECIMAL, decimal).translate(_CHARACTER_TABLE)
    if "\\" in text:
        text = _LATEX_FRACTION.sub(lambda match: f"{match[1]}{' ' if match[1] else ''}{match[2]}/{match[3]}", text)
        text = _LATEX_SPACE.sub("", text)
    return text.replace("{,}", ",")


def last_number(text: str, decimal: str = ".") -> Numeral:
    """Read the last number of a text.

    Args:
        text: Any text.
        decimal: The decimal mark, '.' or ','.
    """
    text = normalize_numerals(text, decimal)
    chunk = None
    for chunk in _chunk_pattern(decimal).finditer(text):  # noqa: B007  # the last match is used
        pass
    if chunk is None:
        return Numeral(None, "")
    after = _NOT_FINITE.search(text, chunk.end())
    if after:
        return Numeral(None, after[0])
    return _parse_signed(text[max(0, chunk.start() - _LOOKBACK_LENGTH) : chunk.start()], chunk, decimal)


@cache
def _chunk_pattern(decimal: str) -> re.Pattern[str]:
    """Match digits with everything attached to them, which may turn out not to be one number."""
    spaces = f"{_NARROW_SPACE}'" + (" " if decimal == "," else "")
    glue = rf"[.,:/*+\u00d7\u00b7_\-]|[{spaces}](?=[0-9]{{3}}(?![0-9]))|\^\{{?[-+]?|[eE][-+]?"
    # The pattern starts with the digit and looks behind it afterwards, so that the search jumps from digit to digit.
    not_in_name = rf"(?:(?<![{_LETTERS}0-9^][0-9])|{_CURRENCY_CODE})(?<![0-9][.,][0-9])"
    power = r"(?<![\^_]\{[0-9])(?<!\^[-+][0-9])(?<!\^\{[-+][0-9])"
    return re.compile(rf"[0-9]{not_in_name}{power}[0-9]*(?:(?:{glue})[0-9]+)*(?:{_TIMES_TEN})?")


@cache
def _number_pattern(decimal: str) -> re.Pattern[str]:
    thousands = ".' " if decimal == "," else ",'"
    grouped = rf"\d{{1,3}}(?:(?P<mark>[{thousands}_{_NARROW_SPACE}])\d{{3}})(?:(?P=mark)\d{{3}})*"
    indian = r"\d{1,2}(?:,\d{2})+,\d{3}"
    whole = rf"\d+|{grouped}" + (f"|{indian}" if decimal == "." else "")
    return re.compile(
        rf"(?P<whole>{whole})(?:{re.escape(decimal)}(?P<part>\d+))?(?:[eE](?P<exponent>[-+]?\d+)|{_TIMES_TEN})?"
    )


def _parse_signed(before: str, chunk: re.Match[str], decimal: str) -> Numeral:
    """Read a chunk with the text before it: a sign, a leading decimal mark, the whole part of 1 1/2."""
    written, whole, is_text_start = chunk[0], "", len(before) == chunk.start()
    if before.endswith(decimal) and not re.search(rf"[\w.,]{re.escape(decimal)}$", before):
        before, written = before[:-1], f"0{decimal}{written}"
    if "/" in written and (mixed := _WHOLE_PART.search(before)):
        before, whole = before[: mixed.start()], mixed[1]
    value = _parse_value(written, decimal)
    if whole and value is not None and value < 1:
        value += int(whole)
        written = f"{whole} {written}"
    sign = _SIGN.search(before) or (_SIGN_FIRST.search(before) if is_text_start else None)
    if sign and sign[1] == "-":
        return Numeral(None if value is None else -value, f"-{written}")
    return Numeral(value, written)


def _parse_value(written: str, decimal: str) -> Fraction | None:
    if len(written) > MAX_DIGITS:
        return None
    numerator, slash, denominator = written.partition("/")
    if slash:
        simple = numerator.isdecimal() and denominator.isdecimal() and int(denominator) != 0
        return Fraction(int(numerator), int(denominator)) if simple else None
    match = _number_pattern(decimal).fullmatch(written)
    if match is None:
        return None
    decimals = match["part"] or ""
    exponent = match["exponent"] or match["power"] or "0"
    if len(exponent) > 5 or abs(int(exponent)) > MAX_EXPONENT:
        return None
    digits = int("".join(filter(str.isdecimal, match["whole"])) + decimals)
    return digits * Fraction(10) ** (int(exponent) - len(decimals))
