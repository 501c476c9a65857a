"""The four encodings of numbers: round trips, fixed lengths, and None for any other text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.errors import UsageError
from winnow.science.tasks.numbers.encodings import ENCODINGS, MAX_DIGITS, NumberEncoding, detect_encoding

NAMES, DIGITS = st.sampled_from(ENCODINGS), st.integers(1, MAX_DIGITS)


def encoding(name: str, digits: int = 3) -> NumberEncoding:
    return NumberEncoding(name, digits, min_exponent=-digits - 2, max_exponent=2)


@pytest.mark.parametrize(
    ("name", "text"),
    [("P10", "- 1 2 3 E-1"), ("P1000", "- 123 E-1"), ("B1999", "-123 E-1"), ("FP15", "FP-123/-1")],
)
def test_each_encoding_writes_a_number_as_documented(name: str, text: str) -> None:
    assert encoding(name).format_number(-1_230_000) == text
    assert encoding(name).parse_number(text) == -1_230_000


@given(NAMES, DIGITS, st.floats(-940, 940))
def test_a_number_survives_a_round_trip_and_its_encoding_is_detected(name: str, digits: int, value: float) -> None:
    number_encoding = encoding(name, digits)
    units = int(number_encoding.to_units(np.array([value]))[0])
    text = number_encoding.format_number(units)
    assert number_encoding.parse_number(text) == units
    assert len(text.split()) == number_encoding.tokens_per_number
    detected = detect_encoding(text.split())
    assert detected == (name, digits) or (digits == 1 and detected == ("P1000", 1) and name == "P10")


@given(DIGITS, st.floats(0.01, 500), st.booleans())
def test_rounding_changes_a_number_by_at_most_half_a_unit_of_its_last_digit(
    digits: int, size: float, minus: bool
) -> None:
    number_encoding, value = encoding("P1000", digits), -size if minus else size
    kept = float(number_encoding.to_floats(number_encoding.to_units(np.array([value])))[0])
    assert abs(kept - value) <= 0.5 * 10.0 ** (np.floor(np.log10(size)) + 1 - digits) * (1 + 1e-9)


@given(st.floats(-99, 99), DIGITS)
def test_rounding_agrees_with_printing_the_same_number_of_digits(value: float, digits: int) -> None:
    if abs(value) < 0.01:
        return
    number_encoding = encoding("P1000", digits)
    assert number_encoding.to_floats(number_encoding.to_units(np.array([value])))[0] in (
        float(f"{value:.{digits - 1}e}"),
        float(f"{np.nextafter(value, 2 * value):.{digits - 1}e}"),  # a tie of printed digits that floats break
        float(f"{np.nextafter(value, 0):.{digits - 1}e}"),
    )


@given(NAMES, DIGITS, st.text() | st.text(alphabet="+-0123456789 E/FP|"))
def test_any_text_is_parsed_to_a_number_in_range_or_to_none(name: str, digits: int, text: str) -> None:
    number = encoding(name, digits).parse_number(text)
    assert number is None or abs(number) < 10 ** (2 * digits + 4)


@given(NAMES, st.lists(st.integers(-999, 999), min_size=1, max_size=6))
def test_a_row_of_numbers_survives_a_round_trip_and_a_missing_token_gives_none(name: str, numbers: list[int]) -> None:
    number_encoding = encoding(name)
    tokens = number_encoding.format_rows(np.array([numbers]))[0].split()
    assert number_encoding.parse_numbers(tokens, {}) == numbers
    assert len(tokens) == len(numbers) * number_encoding.tokens_per_number
    assert name == "FP15" or number_encoding.parse_numbers(tokens[:-1], {}) is None


def test_grouped_numbers_are_one_token_each() -> None:
    assert encoding("P1000", 2).format_rows(np.array([[120_000, -5]]), grouped=True) == ["+|12|E0 -|05|E-4"]


@pytest.mark.parametrize(
    "text", ["+ 123 E3", "+ 123 E-6", "+ 123 E00", "+ 1234 E0", "+ 12 E0", "+ 123", "123 E0", "+ \uff1123 E0"]
)
def test_an_exponent_out_of_range_or_a_mantissa_of_another_length_is_not_a_number(text: str) -> None:
    assert encoding("P1000").parse_number(text) is None


def test_an_unknown_encoding_is_refused_with_the_nearest_name_and_digits_have_a_range() -> None:
    with pytest.raises(UsageError, match=r"^encoding: no encoding is called 'P100'.*Did you mean 'P10"):
        encoding("P100")
    with pytest.raises(UsageError, match=r"^digits: is 9, but must lie between 1 and 4"):
        encoding("P10", 9)
