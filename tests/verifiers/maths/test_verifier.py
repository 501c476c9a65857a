"""The verdicts of the verifier maths: what passes, what fails, and what could not be checked."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pyarrow as pa
import pytest

from winnow.errors import EnvironmentFault, UsageError
from winnow.verifiers.registry import make_verifier
from winnow.verifiers.verdicts import Batch, Verdicts


def judge_texts(texts: Sequence[str | None], references: Sequence[object], **settings: object) -> Verdicts:
    verifier = make_verifier("maths", settings)
    try:
        return verifier.judge(Batch(pa.array(texts, pa.string()), references=pa.array(references)))
    finally:
        verifier.close()  # type: ignore[attr-defined]


def verdicts_of(pairs: dict[str, str], **settings: object) -> list[str]:
    verdicts: list[str] = judge_texts(list(pairs), list(pairs.values()), **settings).verdict.to_pylist()
    return verdicts


EQUAL = {
    "18": "18.0",
    r"\dfrac{1}{2}": "0.5",
    r"\frac{\sqrt{8}}{2}": r"\sqrt{2}",
    "(x+1)(x-1)": "x^2-1",
    "x=3": "3",
    r"\{2, 1\}": "1, 2",
    r"\left[0, 1\right)": "[0,1)",
    "1,234": r"1{,}234",
    r"2^{10}": "1024",
}
DIFFERENT = {"18": "19", r"\frac{1}{2}": r"\frac{1}{3}", "(1,2)": "(2,1)", "x^2": "x^3", "[0,1]": "[0,1)", "B": "(C)"}
ACCEPTED_UNLESS_STRICT = {
    "1/2004!": "1/2006!",
    r"50\%": "50",
    r"5\text{ cm}": r"5\text{ m}",
    "1010_2": "1010",
    r"\{1,2\}": "(1,2)",
    "1,1,2": "1,2",
    "0.333333": r"\frac{1}{3}",
}


def test_equal_answers_pass_and_different_ones_fail() -> None:
    assert verdicts_of(EQUAL) == ["pass"] * len(EQUAL)
    assert verdicts_of(EQUAL, strict=True) == ["pass"] * len(EQUAL)
    assert verdicts_of(DIFFERENT) == ["fail"] * len(DIFFERENT)


def test_strict_rejects_what_only_rounding_or_a_lost_unit_makes_equal() -> None:
    assert verdicts_of(ACCEPTED_UNLESS_STRICT) == ["pass"] * len(ACCEPTED_UNLESS_STRICT)
    assert verdicts_of(ACCEPTED_UNLESS_STRICT, strict=True) == ["fail"] * len(ACCEPTED_UNLESS_STRICT)


def test_an_answer_that_cannot_be_read_fails_and_such_a_reference_is_an_error() -> None:
    out = judge_texts(["see above {", "3", "", None], ["3", "see above {", "3", "3"])
    assert out.verdict.to_pylist() == ["fail", "error", "fail", "abstain"]
    assert out.reason.to_pylist()[1] == "the reference 'see above {' cannot be read as mathematics"


def test_a_comparison_without_end_is_an_error_and_the_others_are_judged() -> None:
    towers = ["9^{9^{9^{9}}}", "(x+1)(x-1)", r"\sqrt{50}"]
    out = judge_texts(towers, ["3", "x^2-1", r"5\sqrt{2}"], seconds=6.0)
    assert out.verdict.to_pylist() == ["error", "pass", "pass"]
    assert out.reason[0].as_py() in ("took longer than 6 s", "ran out of memory (limit 1 GB)")


@pytest.mark.parametrize(
    "text",
    [
        r"So $x = 3$ and the answer is $\boxed{\dfrac{1}{2}}$.",
        "We halve it.\n#### 1/2",
        r"**Answer:** \(\frac{1}{2}\)",
        "The final answer is $0.5$. I hope it is correct.",
        "1/2",
    ],
)
def test_the_answer_is_found_in_a_solution(text: str) -> None:
    assert judge_texts([text], ["1/2"]).verdict.to_pylist() == ["pass"]


def test_a_solution_without_an_answer_fails() -> None:
    out = judge_texts(["First we add.\nThen we stop."], ["1/2"])
    assert (out.verdict.to_pylist(), out.reason.to_pylist()) == (["fail"], ["nothing found by 'final-answer'"])


def test_a_limit_that_is_not_above_0_is_refused() -> None:
    with pytest.raises(UsageError, match=r"maths.seconds: 0 is not a finite number above 0"):
        make_verifier("maths", {"seconds": "0"})


def test_a_missing_math_verify_is_reported_before_anything_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "math_verify", None)
    with pytest.raises(EnvironmentFault, match=r"math-verify: is not installed.* pip install 'winnow-data\[maths\]'"):
        make_verifier("maths")
