"""The verifier exact: equality, its normalizations, and what cannot be checked."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.errors import UsageError
from winnow.verifiers.registry import make_verifier
from winnow.verifiers.verdicts import Batch, Verdicts


def judge_texts(texts: list[str | None], references: Sequence[object], **options: object) -> Verdicts:
    return make_verifier("exact", options).judge(Batch(pa.array(texts, pa.string()), references=pa.array(references)))


@pytest.mark.parametrize(
    ("normalize", "text", "reference", "verdict"),
    [
        ("strip", " Paris\n", "Paris", "pass"),
        ("strip", "paris", "Paris", "fail"),
        ("none", "Paris ", "Paris", "fail"),
        ("case", "STRASSE", "straße", "pass"),
        ("whitespace", "New\n  York", "New York", "pass"),
        ("strip", "New  York", "New York", "fail"),
        ("unicode", "ﬁve ①", "five 1", "pass"),
        ("accents", "Málaga", "Malaga", "pass"),
        ("accents", "Málaga", "malaga", "fail"),
        ("punctuation", "«U.S.A.»", "USA", "pass"),
        ("articles", "The  Beatles", "Beatles", "pass"),
        ("articles", "Theatre", "atre", "fail"),
        ("case,punctuation,articles,strip", "The answer, (a) Cat!", "answer cat", "pass"),
        ("strip,articles,punctuation,case", "The answer, (a) Cat!", "answer cat", "pass"),
    ],
)
def test_each_normalization_does_what_it_says(normalize: str, text: str, reference: str, verdict: str) -> None:
    assert judge_texts([text], [reference], normalize=normalize).verdict.to_pylist() == [verdict]


def test_a_failure_says_what_was_got_and_wanted_in_one_safe_line() -> None:
    out = judge_texts(["Ly\x1b[2Jon\n\u202esnoyL", "x" * 100], ["Paris", "y"])
    assert out.reason.to_pylist() == ["got 'Ly?[2Jon??snoyL', want 'Paris'", f"got '{'x' * 57}...', want 'y'"]


def test_without_text_or_reference_the_verifier_abstains() -> None:
    out = judge_texts([None, "a", None, "a"], ["a", None, None, "a"])
    assert out.verdict.to_pylist() == ["abstain", "abstain", "abstain", "pass"]
    assert out.reason.to_pylist() == ["no text", "no reference", "no text", None]
    assert make_verifier("exact").judge(Batch(pa.array(["a"]))).verdict.to_pylist() == ["abstain"]


def test_any_reference_of_a_list_may_match() -> None:
    references: list[object] = [["y", "x"], ["y", None], [], None, ["The", "x"], ["The", "y"], ["The"]]
    out = judge_texts(["x"] * 7, references, normalize="articles")
    assert out.verdict.to_pylist() == ["pass", "fail", "abstain", "abstain", "pass", "fail", "error"]


def test_a_reference_of_which_nothing_is_left_is_an_error_and_an_empty_one_is_not() -> None:
    out = judge_texts(["the", "?", ""], ["!", "", ""], normalize="punctuation")
    assert out.verdict.to_pylist() == ["error", "pass", "pass"]
    assert out.reason.to_pylist()[0] == "nothing is left of the reference after normalization"


def test_the_extract_is_applied_to_the_reference_where_it_finds_something() -> None:
    out = judge_texts(["so #### yes", "#### no", "yes"], ["because #### yes", "yes", "yes"], extract="after:####")
    assert out.verdict.to_pylist() == ["pass", "fail", "fail"]
    assert out.reason.to_pylist()[2] == "nothing found by 'after:####'"


@pytest.mark.parametrize(
    "references", [pa.array([18, 7]), pa.array([18.0, 7.5]), pa.array(["18", "x"]).dictionary_encode()]
)
def test_references_that_are_no_text_are_compared_as_they_are_written(references: pa.Array) -> None:
    assert make_verifier("exact").judge(Batch(pa.array(["18", "18"]), references=references)).verdict.to_pylist() == [
        "pass",
        "fail",
    ]


@pytest.mark.parametrize(
    "kind", [pa.struct({"a": pa.int8()}), pa.list_(pa.list_(pa.string())), pa.month_day_nano_interval()]
)
def test_references_that_are_neither_text_nor_numbers_are_refused_by_their_type(kind: pa.DataType) -> None:
    with pytest.raises(UsageError, match="reference: holds .* A reference must be a text or a list of texts"):
        make_verifier("exact").judge(Batch(pa.array(["a"]), references=pa.nulls(1, kind)))


@settings(max_examples=50)
@given(st.lists(st.tuples(st.none() | st.text(max_size=8), st.none() | st.text(max_size=8)), max_size=6))
def test_the_verdict_on_a_row_does_not_depend_on_the_other_rows(rows: list[tuple[str | None, str | None]]) -> None:
    exact = make_verifier("exact", {"normalize": "case,accents,articles"})
    texts, references = (pa.array([row[side] for row in rows], pa.string()) for side in (0, 1))
    whole = exact.judge(Batch(texts, references=references))
    alone = [exact.judge(Batch(texts.slice(n, 1), references=references.slice(n, 1))) for n in range(len(rows))]
    assert whole.verdict.to_pylist() == [verdicts.verdict[0].as_py() for verdicts in alone]
    assert whole.reason.to_pylist() == [verdicts.reason[0].as_py() for verdicts in alone]
