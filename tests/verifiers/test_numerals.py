"""The last number of a text: what is one number, what is not, and that the value is exact."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.verifiers.numerals import last_number

READ = {
    "18": "18",
    "18.": "18",
    " 18 \n": "18",
    "018": "18",
    "A: 18 dollars": "18",
    "18km": "18",
    "the 18th": "18",
    "**18**": "18",
    "(18)": "18",
    "5 apples and 18 pears": "18",
    "3*6=18": "18",
    "$18.50": "37/2",
    "-$18": "-18",
    "$-18": "-18",
    "- 18": "-18",
    "x=-18": "-18",
    "the answer--18": "18",
    "US$18": "18",
    "USD18": "18",
    "18%": "18",
    r"\$18\%": "18",
    "1,450,000": "1450000",
    "12,34,567.5": "2469135/2",
    "1'000": "1000",
    "1_000": "1000",
    "10\u202f000": "10000",
    "18\u00a0dollars": "18",
    r"1{,}000": "1000",
    r"10\,000": "10000",
    ".5": "1/2",
    "is -.5": "-1/2",
    "...18": "18",
    "1.5e3": "1500",
    "1.5E-3": "3/2000",
    "1.5 x 10^3": "1500",
    r"1.5 \times 10^{-3}": "3/2000",
    "1.5\u00d710³": "1500",
    "3/4": "3/4",
    "-3/4": "-3/4",
    "1 1/2": "3/2",
    "-1 1/2": "-3/2",
    "3½": "7/2",
    r"\frac{3}{4}": "3/4",
    r"-\frac{3}{4}": "-3/4",
    r"2\frac{1}{2}": "5/2",
    "\uff11\uff18": "18",
    "١٨": "18",
    "१८.५": "37/2",
    "\u0663\u066b\u0661\u0664": "157/50",
    "\u221218": "-18",
    "答案是18。": "18",
    "18 grams of H2O": "18",
    "18 cm^2": "18",
    "18 m²": "18",
    "18 s^{-1}": "18",
    "18 in v1.5": "18",
    "18 from x_{2}": "18",
    "9007199254740993": str(2**53 + 1),
    "1e400": str(10**400),
}


@pytest.mark.parametrize(("text", "value"), READ.items())
def test_the_last_number_is_read_exactly(text: str, value: str) -> None:
    assert last_number(text).value == Fraction(value)


@pytest.mark.parametrize(
    "text",
    [
        *("10-20", "3:4", "1.2.3", "5^2", "3,14", "1,2,3", "2024-01-15", "5/0", "1/2/3", "10^{3}", "12 apples, 3+4"),
        *("1e401", "1e999999999", "18 or NaN", "18 ... -inf", "18, so ∞", "9" * 5_000),
    ],
)
def test_what_is_not_one_number_is_not_guessed(text: str) -> None:
    numeral = last_number(text)
    assert numeral.value is None
    assert numeral.written


@pytest.mark.parametrize("text", ["", "eighteen", "NaN", "H2O", "x2", "-", ".", "covid19", "cm^2"])
def test_a_text_without_a_number_has_none(text: str) -> None:
    assert last_number(text).value is None


@pytest.mark.parametrize(
    ("text", "value"),
    {
        "3,14": "157/50",
        "1.234,5": "2469/2",
        "1.234": "1234",
        "12 345,5": "24691/2",
        "-1 000": "-1000",
        "18,": "18",
    }.items(),
)
def test_a_decimal_comma_makes_points_and_spaces_thousands(text: str, value: str) -> None:
    assert last_number(text, ",").value == Fraction(value)


def test_a_point_is_not_read_where_the_decimal_mark_is_a_comma() -> None:
    assert last_number("1.5", ",").value is None


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**20), max_value=10**20))
def test_every_decimal_is_read_back_with_and_without_thousands(number: object) -> None:
    assert last_number(f"it is {number:f}.").value == Fraction(f"{number:f}")
    assert last_number(f"it is ${number:,f}").value in (Fraction(f"{number:f}"), abs(Fraction(f"{number:f}")))
    assert last_number(f"{number:,f}").value == Fraction(f"{number:f}")


@given(st.text(alphabet="0123456789.,-+/^eE: $%½²٣x\\{}_'NaN∞ab\n", max_size=60), st.sampled_from([".", ","]))
def test_any_text_is_read_without_a_crash(text: str, decimal: str) -> None:
    numeral = last_number(text, decimal)
    assert numeral.value is None or numeral.written


@pytest.mark.parametrize("unit", ["1", "1,", "1.", "1-", "a", "1e", "1 ", "\\frac{1}", "^2", "1^", "½", ".", "x 10^"])
def test_a_hostile_text_is_read_in_linear_time(unit: str) -> None:
    numeral = last_number(unit * 200_000)  # a quadratic pattern would take hours
    assert numeral.value is None or numeral.written
