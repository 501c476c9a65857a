"""Lists of numbers under a relative L1 bound, and equal results of the fast and the general path."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.verifiers.answers.vectors import VectorComparison, is_plain
from winnow.verifiers.registry import make_verifier
from winnow.verifiers.verdicts import Batch, Verdicts

WANT = "55.2 10.1 -3.2 -20.4 -41.0"


def judge_texts(texts: list[str | None], references: Sequence[object], **settings: object) -> Verdicts:
    verifier = make_verifier("number", {"vector": 0.05, **settings})
    return verifier.judge(Batch(pa.array(texts, pa.string()), references=pa.array(references)))


@pytest.mark.parametrize(
    "text",
    [
        WANT,
        WANT.replace(" ", ", "),
        f"[{WANT}]\n",
        WANT.replace("-", "\u2212"),
        "5.52e1 10.1 -3.2 -20.4 -41",
        WANT.replace(" ", "; "),
    ],
)
def test_a_list_passes_in_any_of_its_forms(text: str) -> None:
    out = judge_texts([text], [WANT])
    assert out.verdict.to_pylist() == ["pass"]
    assert out.score.to_pylist() == [0.0]


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "55.2 10.1 -3.2 -20.4", f"{WANT} 1", f"about {WANT}", WANT.replace(" ", ",,")),
        *(WANT.replace("-3.2", word) for word in ("NaN", "inf", "1e400", "-3.2.1", "-")),
    ],
)
def test_a_malformed_or_wrongly_long_list_fails(text: str) -> None:
    out = judge_texts([text], [WANT])
    assert out.verdict.to_pylist() == ["fail"]
    assert out.score.to_pylist() == [None]


def test_the_bound_is_strict_and_exact() -> None:
    out = judge_texts(["1.05 0", "1.0499999 0", "0.95 0", "0.7 0.35"], ["1 0", "1 0", "1 0", "0.7 0.3"])
    assert out.verdict.to_pylist() == ["fail", "pass", "fail", "fail"]
    assert out.reason.to_pylist()[0] == "off by 5%, limit 5%"


def test_the_score_is_minus_the_relative_distance() -> None:
    assert judge_texts(["1 3"], ["2 2"]).score.to_pylist() == [-0.5]


def test_the_reason_says_how_far_or_how_long() -> None:
    out = judge_texts(["1.2 1", "1", "x", "1 1"], ["1 1", "1 1", "1 1", "one"])
    assert out.reason.to_pylist() == [
        "off by 10%, limit 5%",
        "got 1 numbers, want 2",
        "no list of numbers in the answer",
        "no list of numbers in the reference",
    ]
    assert out.verdict.to_pylist() == ["fail", "fail", "fail", "error"]


def test_zeros_are_matched_by_zeros_only() -> None:
    out = judge_texts(["0 0", "0 0.001", "0.0 -0"], ["0 0", "0 0", "0 0"])
    assert out.verdict.to_pylist() == ["pass", "fail", "pass"]
    assert out.score.to_pylist() == [0.0, None, 0.0]


def test_lists_whose_sums_no_float_holds_are_still_compared() -> None:
    out = judge_texts(["1e308 1e308 1e308", "1e308 1e308 -1e308"], ["1e308 1e308 1e308"] * 2)
    assert out.verdict.to_pylist() == ["pass", "fail"]


def test_a_distance_is_exact_between_the_largest_and_the_smallest_numbers() -> None:
    tiny, huge = "1e-300", "9" * 300
    out = judge_texts([f"{huge} 0 {tiny}", f"{huge} 0 0", f"{huge} {tiny} {tiny}"], [f"{huge} 0 0"] * 3, vector=1e-323)
    assert out.verdict.to_pylist() == ["pass", "pass", "pass"]
    assert judge_texts(["1 1" + "0" * 30], ["0 1" + "0" * 30], vector=1e-30).verdict.to_pylist() == ["fail"]
    assert judge_texts(["1 1" + "0" * 30], ["0 1" + "0" * 30], vector=1.0000001e-30).verdict.to_pylist() == ["pass"]


def test_a_decimal_comma_separates_nothing() -> None:
    assert judge_texts(["1,5 2,5", "1.5 2.5", "1,5; 2,5"], ["1,5 2,5"] * 3, decimal=",").verdict.to_pylist() == [
        "pass",
        "fail",
        "pass",
    ]


def test_the_extract_finds_the_list() -> None:
    out = judge_texts([rf"so \boxed{{{WANT}}}", WANT], [WANT, WANT], extract="boxed")
    assert out.verdict.to_pylist() == ["pass", "fail"]


numbers = st.decimals(-99, 99, places=1).map("{:f}".format) | st.sampled_from(
    ["0", "-0.0", "1", "1.05", "0.95", "9" * 17]
)
plain_lists = st.lists(numbers, min_size=1, max_size=4).map(" ".join)
odd_lists = st.sampled_from(
    [
        "",
        " 1 2 ",
        "1  2",
        "1,2",
        "[1 2]",
        "x",
        "1e2 1",
        "+1 2",
        "NaN 1",
        "\uff11 2",
        "1 -",
        "1.2.3 1",
        "1.",
        ".5 -.5",
        "0." + "0" * 300,
    ]
)


@given(st.lists(st.tuples(plain_lists | odd_lists, plain_lists | odd_lists), min_size=1, max_size=20))
def test_the_fast_path_gives_the_results_of_the_general_path(rows: list[tuple[str, str]]) -> None:
    texts, references = (pa.array([row[side] for row in rows]) for side in (0, 1))
    vectors = VectorComparison(0.05)
    mixed, general = vectors.compare(texts, references), vectors.compare_any(texts, references)
    assert mixed.code.tolist() == general.code.tolist()
    assert mixed.scores().tobytes() == general.scores().tobytes()
    assert mixed.reason.to_pylist() == general.reason.to_pylist()


def test_the_fast_path_accepts_plain_lists_and_agrees_with_the_general_path_on_many() -> None:
    draws = np.random.default_rng(1)
    wants = draws.normal(0, 30, (2_000, 5)).round(1)
    gots = (wants * (1 + draws.normal(0, 0.06, wants.shape))).round(1)
    texts, references = (pa.array([" ".join(map(str, row)) for row in rows.tolist()]) for rows in (gots, wants))
    assert is_plain(texts).all()
    fast, general = (
        VectorComparison(0.05).compare_plain(texts, references),
        VectorComparison(0.05).compare_any(texts, references),
    )
    assert fast.code.tolist() == general.code.tolist()
    assert fast.scores().tobytes() == general.scores().tobytes()
    assert 100 < (fast.code == 0).sum() < 1_900


@pytest.mark.parametrize("odd", ["1.2.3 1", "", "1  2", "x"])
def test_many_rows_with_an_odd_one_are_judged_as_by_the_general_path(odd: str) -> None:
    texts = [f"{row % 7}.5 2" for row in range(20_000)]
    texts[17_000] = odd
    answers, wants = pa.array(texts), pa.array([f"{row // 4 % 7}.5 2" for row in range(20_000)])
    mixed, general = VectorComparison(0.05).compare(answers, wants), VectorComparison(0.05).compare_any(answers, wants)
    assert mixed.code.tolist() == general.code.tolist()
    assert mixed.scores().tobytes() == general.scores().tobytes()
    assert mixed.reason.equals(general.reason)
