"""The verifier number: equality of values, tolerances, and equal results of the fast and the exact path."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.verifiers.answers.number import Number
from winnow.verifiers.registry import make_verifier
from winnow.verifiers.verdicts import Batch, Verdicts

STORY = "She sells 16 - 3 - 4 = <<16-3-4=9>>9 eggs.\nThat is 9 * 2 = $<<9*2=18>>18.\nA: {}"


def judge_texts(texts: list[str | None], references: Sequence[object], **settings: object) -> Verdicts:
    return make_verifier("number", settings).judge(Batch(pa.array(texts, pa.string()), references=pa.array(references)))


def test_equal_values_pass_however_they_are_written() -> None:
    texts: list[str | None] = ["18", "18.0", "18.00", "1.8e1", "$18.", "36/2", "١٨", STORY.format(18)]
    assert judge_texts(texts, ["18"] * len(texts)).verdict.to_pylist() == ["pass"] * len(texts)


def test_the_reference_may_be_a_number_a_marked_line_or_a_whole_solution() -> None:
    references = ["18", "#### 18", STORY.format(18), "18.0"]
    assert judge_texts([STORY.format(18)] * 4, references, marker="A:").verdict.to_pylist() == ["pass"] * 4
    assert judge_texts([STORY.format(17)] * 4, references, marker="A:").verdict.to_pylist() == ["fail"] * 4


def test_large_integers_that_are_equal_as_floats_differ() -> None:
    out = judge_texts([str(2**53 + 1), str(2**53 + 1), "0.1000000000000000055"], [str(2**53), str(2**53 + 1), "0.1"])
    assert out.verdict.to_pylist() == ["fail", "pass", "fail"]


def test_a_failure_says_what_was_got_and_wanted() -> None:
    texts: list[str | None] = ["17", "so $1,7", "none", "A: 10-20", "x", None, "1"]
    out = judge_texts(texts, ["18", "18", "18", "18", "eighteen", "18", None])
    assert list(zip(out.verdict.to_pylist(), out.reason.to_pylist(), strict=True)) == [
        ("fail", "got 17, want 18"),
        ("fail", "'1,7' in the answer is not one number"),
        ("fail", "no number in the answer"),
        ("fail", "'10-20' in the answer is not one number"),
        ("error", "no number in the reference"),
        ("abstain", "no text"),
        ("abstain", "no reference"),
    ]
    assert judge_texts(["18"], ["18"], marker="A:").reason.to_pylist() == ["nothing found by 'after:A:'"]


@pytest.mark.parametrize("word", ["NaN", "nan", "inf", "-Infinity", "∞", "1e401", "1e999999999"])
def test_what_is_not_finite_never_passes(word: str) -> None:
    assert judge_texts([word], ["18"], relative=1e9).verdict.to_pylist() == ["fail"]
    assert judge_texts([word], [word], relative=1e9).verdict.to_pylist() == ["error"]


def test_any_readable_reference_of_a_list_may_match() -> None:
    references = [["17", "18"], ["17", "eighteen"], ["eighteen"], []]
    out = judge_texts(["18"] * 4, references)
    assert out.verdict.to_pylist() == ["pass", "fail", "error", "abstain"]
    assert out.reason.to_pylist() == [None, "got 18, want 17", "no number in the reference", "no reference"]


@pytest.mark.parametrize("text", ["0.8", "0.80", "8/10"])
def test_a_tolerance_means_its_decimal_digits_and_includes_its_bound(text: str) -> None:
    assert judge_texts([text], ["0.7"], absolute=0.1).verdict.to_pylist() == ["pass"]
    assert judge_texts([text], ["0.7"], absolute=0.0999999999999999).verdict.to_pylist() == ["fail"]
    assert judge_texts([text], ["1"], relative=0.2).verdict.to_pylist() == ["pass"]
    assert judge_texts([text], ["1"], relative=0.1999999999999999).verdict.to_pylist() == ["fail"]


def test_a_decimal_comma_is_read_on_both_sides() -> None:
    out = judge_texts(["3,14", "1.000", "1.5"], ["3,140", "1000", "1,5"], decimal=",")
    assert out.verdict.to_pylist() == ["pass", "pass", "fail"]


@pytest.mark.parametrize("references", [pa.array([18, 7]), pa.array([18.0, 7.5])])
def test_references_may_be_numbers(references: pa.Array) -> None:
    assert make_verifier("number").judge(Batch(pa.array(["18", "18"]), references=references)).verdict.to_pylist() == [
        "pass",
        "fail",
    ]


plain = st.integers(-(10**15), 10**15).map(str) | st.decimals(-999, 999, places=3).map("{:f}".format)
odd = st.sampled_from(
    ["", "x", "NaN", "1,000", "1/3", "5 - 3", "A: 7", "1e3", "\uff11\uff18", "007", "-0", "9" * 16, "0.1", "$5"]
)
bounds = st.sampled_from([(0.0, 0.0), (0.1, 0.0), (0.0, 0.1), (0.001, 5.0), (0.0, 1e-3)])


@given(st.lists(st.tuples(plain | odd, plain | odd), min_size=1, max_size=20), bounds)
def test_the_fast_path_gives_the_verdicts_and_reasons_of_the_exact_path(
    rows: list[tuple[str, str]], tolerance: tuple[float, float]
) -> None:
    number = Number(relative=tolerance[0], absolute=tolerance[1])
    texts, references = (pa.array([row[side] for row in rows]) for side in (0, 1))
    mixed, exact = number.compare(texts, references), number.compare_exactly(texts, references)
    assert mixed.code.tolist() == exact.code.tolist()
    assert mixed.reason.to_pylist() == exact.reason.to_pylist()


@given(st.lists(st.tuples(st.decimals(-9, 9, places=2), st.decimals(0, 1, places=2)), min_size=1, max_size=20))
def test_a_bound_is_exact_on_the_fast_path(rows: list[tuple[Fraction, Fraction]]) -> None:
    number = Number(absolute=0.07)
    texts, references = pa.array([f"{a + d:f}" for a, d in rows]), pa.array([f"{a:f}" for a, _ in rows])
    assert (number.compare(texts, references).code == 0).tolist() == [Fraction(d) <= Fraction(7, 100) for _, d in rows]
