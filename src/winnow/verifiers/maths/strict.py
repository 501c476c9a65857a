r"""The strict comparison: vetoes against pairs that math-verify accepts although they are not the same.

A veto is a reason. The vetoes on the text compare units, percent signs, number bases, the digits of decimals, sets with
tuples, and repeated members; the veto on the parsed expressions compares their values to 60 digits. Where a value is
only hinted at (an ellipsis) or too large to compute (a factorial of a large number), there is no veto.
"""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from winnow.verifiers.maths.exact_forms import CollectionForm, NumberForm, normalize_layout, read_form

if TYPE_CHECKING:
    import sympy

DIGITS = 60
MAX_FACTORIAL = 10_000

_TRAILING_UNIT = re.compile(r"\\(?:text|mbox|mathrm)\{([^{}]*)\}(?:\^\{?(\d)\}?)?\s*$")
_PERCENT = re.compile(r"\\?%|\bper ?cent(?:age)?\b|\bpct\b")
_BASE = re.compile(r"_\{?(\d+)\}?\s*$")
_ELLIPSIS = re.compile(r"\\[lc]?dots|\.\.\.|…")
_SET = re.compile(r"\\\{.*\\\}", re.DOTALL)
_SEQUENCE = re.compile(r"[(\[].*,.*[)\]]", re.DOTALL)


def find_text_veto(answer: str, reference: str) -> str | None:
    """Return why two answers are not the same as they are written, or None."""
    answer, reference = normalize_layout(answer), normalize_layout(reference)
    units = [_read_unit(text) for text in (answer, reference)]
    if all(units) and units[0] != units[1]:
        return f"the units {units[0]} and {units[1]} differ"
    bases = [_BASE.search(text) for text in (answer, reference)]
    if [base and base[1] for base in bases] != [bases[0] and bases[0][1]] * 2:
        return "the number bases differ"
    if any(_SET.fullmatch(one) and _SEQUENCE.fullmatch(two) for one, two in _both_ways(answer, reference)):
        return "a set is not an ordered tuple"
    answered, wanted = read_form(answer), read_form(reference)
    if isinstance(answered, NumberForm) and isinstance(wanted, NumberForm):
        return _find_number_veto(answered, wanted)
    if isinstance(answered, CollectionForm) and isinstance(wanted, CollectionForm):
        is_same = _count_members(answered) == _count_members(wanted)
        return None if is_same else "a member is repeated or has other digits"
    if bool(_PERCENT.search(answer)) != bool(_PERCENT.search(reference)):
        bare = [_PERCENT.sub("", text).strip() for text in (answer, reference)]
        return "one side is a percentage" if bare[0] == bare[1] else None
    return None


def find_veto(answer: str, reference: str, parsed_answer: Any, parsed_reference: Any) -> str | None:
    """Return why two answers that math-verify calls equal are not the same, or None."""
    if veto := find_text_veto(answer, reference):
        return veto
    if _ELLIPSIS.search(answer) or _ELLIPSIS.search(reference):
        return None
    values = [_exact_value(expression) for expression in (parsed_answer, parsed_reference)]
    if values[0] is None or values[1] is None:
        return None
    difference, size = abs(values[0] - values[1]), max(abs(values[0]), abs(values[1]))
    return f"the values differ within {DIGITS} digits" if difference > size * 10 ** (10 - DIGITS) else None


def _both_ways(answer: str, reference: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return (answer, reference), (reference, answer)


def _count_members(form: CollectionForm) -> Counter[Fraction]:
    return Counter(member.value for member in form.members)


def _read_unit(text: str) -> str:
    """Return the unit at the end of an answer that has more than a unit, with its exponent and without a plural s."""
    match = _TRAILING_UNIT.search(text)
    if match is None or match.start() == 0:
        return ""
    name = match[1].strip().lower().rstrip(".")
    name = name.removesuffix("s") if len(name) > 3 else name
    return name + (f"^{match[2]}" if match[2] else "")


def _find_number_veto(answer: NumberForm, reference: NumberForm) -> str | None:
    if answer.is_percent == reference.is_percent:
        return None if answer.value == reference.value else "the decimals have other digits"
    percentage, plain = (answer, reference) if answer.is_percent else (reference, answer)
    return None if percentage.value == 100 * plain.value else "one side is a percentage"


def _exact_value(expression: Any) -> sympy.Expr | None:
    """Return the value of an expression without variables to 60 digits; decimals count as written."""
    import sympy

    if not isinstance(expression, sympy.Expr) or expression.free_symbols:
        return None
    if any(not _is_small(argument) for call in expression.atoms(sympy.factorial) for argument in call.args):
        return None
    exact = expression.xreplace({number: sympy.Rational(str(number)) for number in expression.atoms(sympy.Float)})
    value = exact.doit().evalf(DIGITS)
    return value if value.is_number and value.is_finite else None


def _is_small(argument: Any) -> bool:
    return bool(argument.is_Integer and abs(int(argument)) <= MAX_FACTORIAL)
