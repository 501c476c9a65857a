"""Extraction of the answer: each step, chains, and refused specifications."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.errors import UsageError
from winnow.verifiers.extraction import parse_extraction


def extract(spec: str, *texts: str | None) -> list[str | None]:
    return parse_extraction(spec, "extract")(pa.array(texts, pa.string())).to_pylist()  # type: ignore[no-any-return]


def test_none_is_the_whole_text() -> None:
    assert extract("none", " a ", None) == [" a ", None]


def test_thoughts_are_cut_closed_unclosed_and_unopened() -> None:
    texts = ["<think>a\nb</think>18", "<think>a</think>x<think>b</think>y", "<think>never closed", "b</think>18", "18"]
    assert extract("strip-think", *texts, None) == ["18", "xy", "", "18", "18", None]


def test_the_last_box_is_found_with_balanced_braces() -> None:
    texts = [
        r"\boxed{1} so \boxed{\frac{3}{4}}.",
        r"\fbox{7}",
        r"\boxed {5}",
        r"$\boxed 5$ done",
        r"\boxed{a\}b}",
        r"\boxed{\boxed{5}}",
    ]
    assert extract("boxed", *texts) == [r"\frac{3}{4}", "7", "5", "5", r"a\}b", "5"]


def test_an_unclosed_last_box_is_nothing_though_an_earlier_one_is_whole() -> None:
    assert extract("boxed", r"\boxed{1} \boxed{2", "no box", None) == [None, None, None]


def test_after_is_what_follows_the_last_mark_to_the_end() -> None:
    assert extract("after:A:", "A: 1\nA: 2\nmore", "none", "A:", None) == [" 2\nmore", None, "", None]
    assert extract("after:(.*", "x(.*y") == ["y"]


def test_last_number_is_returned_as_written() -> None:
    assert extract("last-number", "5, then $-1,234.50.", "no", "10-20", None) == ["-1,234.50", None, None, None]


def test_regex_returns_the_last_match_and_its_first_group() -> None:
    assert extract(r"regex:\d+", "1 22 333.", "no", None) == ["333", None, None]
    assert extract(r"regex:(?i)answer: (\w+)", "Answer: a, ANSWER: é, answer: b c", "x\nanswer: z") == ["b", "z"]
    assert extract(r"regex:(?:a|b)=(?P<v>\d)(\d)", "a=12 b=34") == ["3"]
    assert extract(r"regex:[(](\d)[)\]]", "(1) (2]") == ["2"]
    assert extract(r"regex:\((\d)\)", "é (1) (2)") == ["2"]


def test_a_group_that_took_no_part_in_the_last_match_finds_nothing() -> None:
    assert extract(r"regex:A: (\d+)|none", "A: 18 none", "none A: 18") == [None, "18"]


@given(
    st.text(alphabet="ab1 \n", max_size=30),
    st.sampled_from(["a+", "ab?", "[ab]1", r"(a)\n?", "b(1)", "a|ab", "1$", r"\bb"]),
)
def test_regex_agrees_with_the_last_of_finditer(text: str, pattern: str) -> None:
    matches = list(re.finditer(pattern.replace("$", r"\Z"), text))
    last = matches[-1] if matches else None
    assert extract(f"regex:{pattern}", text) == [last and (last[1] if last.re.groups else last[0])]


def test_a_catastrophic_pattern_takes_linear_time() -> None:
    assert extract("regex:(x+x+)+y", "x" * 5_000) == [None]


def test_steps_are_chained_and_stop_where_one_finds_nothing() -> None:
    texts = [r"<think>\boxed{1}</think>\boxed{x = 18}", "<think>A: 3</think>none"]
    assert extract("strip-think | boxed | last-number", *texts) == ["18", None]
    assert parse_extraction("strip-think  |  boxed", "extract").spec == "strip-think | boxed"


@pytest.mark.parametrize(
    ("spec", "message"),
    {
        "boxd": "Did you mean 'boxed'",
        "regex:(": "missing )",
        "regex:(?=x)": "no look-around",
        r"regex:\d*": "matches the empty text",
        "after:": "nothing after the colon",
        "strip-think | ": "is not an extraction step",
    }.items(),
)
def test_a_step_that_cannot_be_is_a_usage_error(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        parse_extraction(spec, "extract")
