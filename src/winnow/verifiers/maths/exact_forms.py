r"""Answers in simple forms, compared exactly and without a computer algebra system.

A form is a number (18, 1,234, -\frac{1}{2}, \$5.20, 40\%, 12\text{ cm}), a word (yes, \text{even}, a choice such as
(B)), an assignment (x=3), or a tuple, interval or set of numbers. `compare_forms` decides only where math-verify gives
the same verdict; everything else, such as a percentage against a plain number, is left undecided.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

MAX_DIGITS = 15
"""Longer decimals are not represented exactly by the floats of math-verify, and very long integers cost time."""
ROUNDING = Fraction(2, 10**6)
"""math-verify rounds to six decimal places when one side is a decimal; larger differences are never rounded away."""


@dataclass(frozen=True, slots=True)
class NumberForm:
    """A number; `is_decimal` if it was written with a decimal point, `unit` as the text behind it."""

    value: Fraction
    is_decimal: bool = False
    is_percent: bool = False
    unit: str = ""


@dataclass(frozen=True, slots=True)
class WordForm:
    """A word or a choice letter, in lower case."""

    word: str


@dataclass(frozen=True, slots=True)
class AssignmentForm:
    """A variable with its value."""

    variable: str
    number: NumberForm


class CollectionKind(StrEnum):
    """How the members of a collection belong together."""

    INTERVAL = "interval or pair"
    TUPLE = "tuple"
    SET = "set"


@dataclass(frozen=True, slots=True)
class CollectionForm:
    """At least two numbers between brackets, or separated by commas alone, which makes a set."""

    kind: CollectionKind
    brackets: str
    members: tuple[NumberForm, ...]


Form = NumberForm | WordForm | AssignmentForm | CollectionForm

_LAYOUT = re.compile(r"\\left(?![a-zA-Z])|\\right(?![a-zA-Z])|\\!")
_NUMBER = re.compile(
    r"(?:\\?\$\s*)?(?P<sign>[+-]?)(?:\\?\$\s*)?(?P<whole>(?<!\+)[1-9]\d{0,2}(?:,\d{3})+|\d+)?(?P<decimals>\.\d+)?"
    r"(?:(?P<percent>\s*\\?%)|(?P<unit>\s*\\text\{[a-zA-Z ]*\}(?:\^\d)?))?"
)
_FRACTION = re.compile(
    r"(?P<sign>[+-]?)\\frac(?:\{(?P<top>[+-]?\d+)\}\{(?P<bottom>[+-]?\d+)\}|(?P<top_digit>\d)(?P<bottom_digit>\d))"
    r"(?P<unit>\s*\\text\{[a-zA-Z ]*\}(?:\^\d)?)?"
)
_RATIO = re.compile(r"(?P<top>-?\d+)/(?P<bottom>\d+)")
_ASSIGNMENT = re.compile(r"(?P<variable>[abcfghjkmnpqrstuvwxyzABCFGHJKMNPQRSTUVWXYZ])\s*=(?P<number>[^=,]+)")
_CHOICE = re.compile(r"\(?([A-DF-H])\)?|\\(?:text|textbf|mathrm)\{\s*\(?([A-DF-H])\)?\s*\}")
_WORD = re.compile(r"\\text\{\s*([A-Za-z]{2,}(?: [A-Za-z]+)*)\s*\}|([Yy]es|[Nn]o|[Tt]rue|[Ff]alse)")
_REWRITTEN_WORDS = re.compile("inf|sqrt|percent|pct|\\band\\b|\\bor\\b")
"""math-verify rewrites these inside of words."""
_BRACKETS = re.compile(r"(?P<opening>\\\{|[(\[])?(?P<members>[^()\[\]{}]+(?:\{[^()\[\]]*)?)(?P<closing>\\\}|[)\]])?")
_THOUSANDS = re.compile(r"\d,\d{3}(?!\d)")
_NOT_UNITS = ("and", "or", "percent", "percentage", "pct")


def normalize_layout(text: str) -> str:
    """Remove spaces at the ends and the commands that change only the layout."""
    text = text.strip()
    if "\\" in text:
        text = _LAYOUT.sub("", text).replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").strip()
    return text


def read_form(text: str) -> Form | None:
    """Read an answer whose layout is normalized, or return None if it has none of the simple forms."""
    text = text.replace("{,}", ",")
    form: Form | None = _read_number(text)
    if form is None and "=" in text:
        form = _read_assignment(text)
    if form is None and "," in text:
        form = _read_collection(text)
    return _read_word(text) if form is None else form


def compare_forms(answer: Form, reference: Form) -> bool | None:
    """Whether two forms are equal, or None where math-verify has to decide."""
    if isinstance(answer, AssignmentForm) or isinstance(reference, AssignmentForm):
        return _compare_assignments(answer, reference)
    if isinstance(answer, NumberForm) and isinstance(reference, NumberForm):
        return compare_numbers(answer, reference)
    if isinstance(answer, WordForm) and isinstance(reference, WordForm):
        return answer.word == reference.word
    if isinstance(answer, CollectionForm) and isinstance(reference, CollectionForm):
        return _compare_collections(answer, reference)
    collection = answer if isinstance(answer, CollectionForm) else reference
    if isinstance(collection, CollectionForm):
        other = reference if collection is answer else answer
        is_plural = len({member.value for member in collection.members}) > 1
        return False if isinstance(other, NumberForm) and is_plural else None
    return False  # a word against a number


def compare_numbers(answer: NumberForm, reference: NumberForm) -> bool | None:
    """Whether two numbers are equal; None for mixed percentages and where rounding decides."""
    if answer.is_percent != reference.is_percent:
        return None
    if answer.value == reference.value:
        return True
    if not (answer.is_decimal or reference.is_decimal):
        return False
    difference = abs(answer.value - reference.value)
    return False if difference > (ROUNDING * 100 if answer.is_percent else ROUNDING) else None


def _read_number(text: str) -> NumberForm | None:
    if match := _NUMBER.fullmatch(text):
        whole, decimals = match["whole"] or "", match["decimals"] or ""
        digits = whole.replace(",", "") + decimals
        unit = _read_unit(match["unit"])
        if not digits or unit is None or (decimals and len(digits) > MAX_DIGITS) or len(digits) > 10 * MAX_DIGITS:
            return None
        value = Fraction(match["sign"] + (digits if whole else f"0{digits}"))
        return NumberForm(value, bool(decimals), bool(match["percent"]), unit)
    if match := _FRACTION.fullmatch(text):
        unit = _read_unit(match["unit"])
        top, bottom = int(match["top"] or match["top_digit"]), int(match["bottom"] or match["bottom_digit"])
        sign = -1 if match["sign"] == "-" else 1
        return None if unit is None or bottom == 0 else NumberForm(Fraction(sign * top, bottom), unit=unit)
    if (match := _RATIO.fullmatch(text)) and int(match["bottom"]) != 0:
        return NumberForm(Fraction(int(match["top"]), int(match["bottom"])))
    return None


def _read_unit(text: str | None) -> str | None:
    """Return the unit inside of \\text{...}, '' without one, and None for a word that is not a unit."""
    if text is None:
        return ""
    unit = text.strip().removeprefix("\\text{").replace("}", "").strip()
    return None if unit in _NOT_UNITS else unit


def _read_assignment(text: str) -> AssignmentForm | None:
    match = _ASSIGNMENT.fullmatch(text)
    number = _read_number(match["number"].strip()) if match else None
    return None if match is None or number is None else AssignmentForm(match["variable"].lower(), number)


def _read_word(text: str) -> WordForm | None:
    if choice := _CHOICE.fullmatch(text):
        return WordForm((choice[1] or choice[2]).lower())
    if (match := _WORD.fullmatch(text)) is None:
        return None
    word = (match[1] or match[2]).lower()
    return None if _REWRITTEN_WORDS.search(word) else WordForm(word.replace(" ", ""))


def _read_collection(text: str) -> CollectionForm | None:
    match = _BRACKETS.fullmatch(text)
    if match is None or _THOUSANDS.search(text):
        return None
    members = [_read_number(part.strip()) for part in match["members"].split(",")]
    if len(members) < 2 or any(member is None or member.is_percent or member.unit for member in members):
        return None
    numbers = tuple(member for member in members if member is not None)
    brackets = (match["opening"] or "") + (match["closing"] or "")
    if brackets in ("", "\\{\\}"):
        return CollectionForm(CollectionKind.SET, "{}", numbers)
    if len(brackets) != 2 or "\\" in brackets:
        return None
    if len(numbers) == 2:
        return CollectionForm(CollectionKind.INTERVAL, brackets, numbers)
    return CollectionForm(CollectionKind.TUPLE, "()", numbers) if brackets in ("()", "[]") else None


def _compare_assignments(answer: Form, reference: Form) -> bool | None:
    if isinstance(answer, AssignmentForm) and isinstance(reference, AssignmentForm):
        same_variable = answer.variable == reference.variable
        return compare_numbers(answer.number, reference.number) if same_variable else False
    sides = [form.number if isinstance(form, AssignmentForm) else form for form in (answer, reference)]
    if isinstance(sides[0], NumberForm) and isinstance(sides[1], NumberForm):
        return compare_numbers(sides[0], sides[1])
    return None


def _compare_collections(answer: CollectionForm, reference: CollectionForm) -> bool | None:
    if answer.kind != reference.kind:
        return None
    if answer.kind is CollectionKind.SET:
        if any(member.is_decimal for member in (*answer.members, *reference.members)):
            return None
        return {member.value for member in answer.members} == {member.value for member in reference.members}
    if len(answer.members) != len(reference.members):
        return False
    pairs = zip(answer.members, reference.members, strict=True)
    results = [answer.brackets == reference.brackets, *(compare_numbers(member, wanted) for member, wanted in pairs)]
    if all(results):
        return True
    return None if None in results or _may_be_empty(answer) or _may_be_empty(reference) else False


def _may_be_empty(form: CollectionForm) -> bool:
    """Whether an interval contains no number; to math-verify all empty intervals are equal."""
    return form.kind is CollectionKind.INTERVAL and form.members[0].value >= form.members[1].value
