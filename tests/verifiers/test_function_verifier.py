"""A function as a verifier: its arguments, the meaning of its values, the cost of its failures."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from winnow.errors import UsageError
from winnow.verifiers.registry import make_verifier
from winnow.verifiers.verdicts import Batch, Verdicts


def judge_texts(function: Callable[..., object], texts: list[str | None], **settings: object) -> Verdicts:
    columns = {"puzzle": [f"p{row}" for row in range(len(texts))]}
    prompts = pa.array([f"q{row}" for row in range(len(texts))])
    return make_verifier(function, settings).judge(Batch(pa.array(texts, pa.string()), prompts, columns=columns))


def test_a_function_gets_only_what_it_names() -> None:
    def check(completions: list[str], puzzle: list[str], missing: object = None) -> list[bool]:
        assert missing is None
        return [text == row for text, row in zip(completions, puzzle, strict=True)]

    assert judge_texts(check, ["p0", "x"]).verdict.to_pylist() == ["pass", "fail"]


def test_a_function_with_keywords_gets_every_column() -> None:
    def check(prompts: list[str], completions: list[str], **columns: list[str]) -> list[bool]:
        return [columns == {"puzzle": ["p0"]} and prompts == ["q0"] and completions == ["a"]]

    assert judge_texts(check, ["a"]).verdict.to_pylist() == ["pass"]


def test_a_parameter_without_a_column_is_refused_before_any_call() -> None:
    def check(completions: list[str], puzle: list[str]) -> list[bool]:
        raise AssertionError("called")

    with pytest.raises(
        UsageError, match=r"needs the column 'puzle', which the table does not have.*Did you mean 'puzzle'"
    ):
        judge_texts(check, ["a"])


def test_a_positional_only_parameter_is_refused() -> None:
    def check(completions: list[str], /) -> list[bool]:
        raise AssertionError("called")

    with pytest.raises(UsageError, match="positional-only"):
        judge_texts(check, ["a"])


def test_booleans_are_verdicts_numbers_are_scores_and_none_abstains() -> None:
    values = [True, np.False_, 0.5, 2, np.float32(0.25), np.int64(3), None]
    verdicts = judge_texts(lambda completions: values, ["x"] * len(values))
    assert verdicts.verdict.to_pylist() == ["pass", "fail", None, None, None, None, "abstain"]
    assert verdicts.score.to_pylist() == [None, None, 0.5, 2.0, 0.25, 3.0, None]


def test_a_score_passes_from_its_threshold_on() -> None:
    values = [0.4, 0.5, 0.6, True]
    verdicts = judge_texts(lambda completions: values, ["x"] * 4, threshold=0.5)
    assert verdicts.verdict.to_pylist() == ["fail", "pass", "pass", "pass"]
    assert verdicts.reason.to_pylist() == ["0.4 is under 0.5", None, None, None]
    inverted = judge_texts(lambda completions: values, ["x"] * 4, threshold=0.5, lower_is_better=True)
    assert inverted.verdict.to_pylist() == ["pass", "pass", "fail", "pass"]
    assert inverted.score.to_pylist() == [0.4, 0.5, 0.6, None]


@pytest.mark.parametrize("kind", [tuple, np.array])
def test_a_tuple_or_an_array_serves_as_a_list(kind: Callable[[list[bool]], object]) -> None:
    assert judge_texts(lambda completions: kind([True, False]), ["x", "y"]).verdict.to_pylist() == ["pass", "fail"]


def test_a_candidate_without_text_is_abstained_from_and_never_shown_to_the_function() -> None:
    def check(completions: list[str], puzzle: list[str]) -> list[bool]:
        return [text in ("a", "c") and row in ("p0", "p2") for text, row in zip(completions, puzzle, strict=True)]

    verdicts = judge_texts(check, ["a", None, "c"])
    assert verdicts.verdict.to_pylist() == ["pass", "abstain", "pass"]
    assert verdicts.reason.to_pylist() == [None, "no text", None]


def test_no_rows_make_no_call() -> None:
    def check(completions: list[str]) -> list[bool]:
        raise AssertionError("called")

    assert len(judge_texts(check, [])) == 0


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1000])
def test_only_the_poison_row_is_an_error_whatever_the_batch(size: int) -> None:
    def poisoned(completions: list[str]) -> list[bool]:
        if "row 13" in completions:
            completions.clear()
            raise RuntimeError("poison\x1b[2J")
        return [text.endswith("0") for text in completions]

    texts: list[str | None] = [f"row {row}" for row in range(100)]
    parts = [judge_texts(poisoned, texts[start : start + size]) for start in range(0, 100, size)]
    all_verdicts = [verdict for part in parts for verdict in part.verdict.to_pylist()]
    assert all_verdicts == ["error" if row == 13 else "pass" if row % 10 == 0 else "fail" for row in range(100)]
    assert [why for part in parts for why in part.reason.to_pylist() if why] == [r"RuntimeError: poison\x1b[2J"]


def test_one_poison_row_costs_few_extra_calls() -> None:
    calls = 0

    def poisoned(completions: list[str]) -> list[bool]:
        nonlocal calls
        calls += 1
        return [1 // len(text) >= 0 for text in completions]

    judge_texts(poisoned, [*["x"] * 500, "", *["x"] * 523])
    assert calls == 1 + 2 * 10


def test_ctrl_c_is_not_caught() -> None:
    def stopped(completions: list[str]) -> list[bool]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge_texts(stopped, ["a"])


async def asynchronous(completions: list[str]) -> list[bool]:
    return [True]


class Judge:
    """An object that can be called, here asynchronously."""

    async def __call__(self, completions: list[str]) -> list[bool]:
        return [True]


@pytest.mark.parametrize(
    ("target", "message"), [(asynchronous, "async function"), (Judge(), "async function"), (Judge, "a class")]
)
def test_async_functions_and_classes_are_refused(target: Any, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        make_verifier(target)


def balanced(completions: list[str], by: int = 0) -> list[bool]:
    return [len(text) == by for text in completions]


def test_a_function_is_identified_by_its_file_and_name() -> None:
    config = make_verifier(balanced, {"threshold": 1}).config()
    assert config["path"] == f"{__name__}:balanced"
    assert len(str(config["sha256"])) == 64
    assert config["threshold"] == 1.0
    partial = make_verifier(functools.partial(balanced, by=1))
    assert partial.name == "balanced"
    assert partial.judge(Batch(pa.array(["a"]))).verdict.to_pylist() == ["pass"]


def test_a_function_without_source_has_no_identity_but_can_judge() -> None:
    namespace: dict[str, Any] = {}
    exec("def check(completions): return [True]", namespace)
    verifier = make_verifier(namespace["check"])
    assert verifier.judge(Batch(pa.array(["a"]))).verdict.to_pylist() == ["pass"]
    with pytest.raises(UsageError, match="Put the function into a file"):
        verifier.config()
