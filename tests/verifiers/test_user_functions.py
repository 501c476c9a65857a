"""Every failure of a function to return a verdict becomes the verdict error, with a reason."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from winnow.verifiers.registry import make_verifier
from winnow.verifiers.verdicts import Batch


def raises(completions: list[str]) -> list[bool]:
    raise ValueError("a message that goes on and on " * 10)


def exits(completions: list[str]) -> list[bool]:
    raise SystemExit(0)


def recurses(completions: list[str]) -> list[bool]:
    return recurses(completions)


class _Unshowable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")

    __repr__ = __str__


def raises_what_cannot_be_shown(completions: list[str]) -> list[bool]:
    raise _Unshowable


async def _later() -> list[bool]:
    return [True]


class _Panic(BaseException):
    pass


def panics(completions: list[str]) -> list[bool]:
    raise _Panic("a panic of an extension module")


BAD: dict[str, tuple[Callable[..., Any], str]] = {
    "raises": (raises, "ValueError: a message"),
    "raises what cannot be shown": (raises_what_cannot_be_shown, "_Unshowable"),
    "exits": (exits, "SystemExit: 0"),
    "recurses for ever": (recurses, "RecursionError"),
    "panics": (panics, "_Panic"),
    "NaN": (lambda completions: [float("nan")] * len(completions), "returned nan"),
    "infinity": (lambda completions: [float("-inf")] * len(completions), "returned -inf"),
    "numpy NaN": (lambda completions: np.full(len(completions), np.nan), "returned nan"),
    "text": (lambda completions: ["yes"] * len(completions), "returned str: 'yes'"),
    "one text": (lambda completions: "y" * len(completions), "returned str, not a list"),
    "too short": (lambda completions: [True] * (len(completions) - 1), "0 values for 1 row"),
    "too long": (lambda completions: [True] * (len(completions) + 1), "2 values for 1 row"),
    "None": (lambda completions: None, "returned NoneType, not a list"),
    "a dict": (lambda completions: dict.fromkeys(completions, True), "returned dict, not a list"),
    "a generator": (lambda completions: (True for _ in completions), "returned generator, not a list"),
    "an endless iterator": (lambda completions: itertools.repeat(True), "returned repeat, not a list"),
    "a coroutine": (lambda completions: _later(), "returned coroutine, not a list"),
    "an integer too large for a float": (lambda completions: [10**400] * len(completions), "too large for a float"),
    "bytes": (lambda completions: [b"pass"] * len(completions), "returned bytes"),
    "nested lists": (lambda completions: [[True]] * len(completions), "returned list: [True]"),
    "a matrix": (lambda completions: np.ones((len(completions), 2)), "returned list"),
    "complex numbers": (lambda completions: [1j] * len(completions), "returned complex"),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("rows", [1, 5])
def test_a_failing_function_is_the_verdict_error(bad: str, rows: int) -> None:
    function, message = BAD[bad]
    verdicts = make_verifier(function, {"threshold": 0.5}).judge(
        Batch(pa.array([f"text {row}" for row in range(rows)]))
    )
    assert verdicts.verdict.to_pylist() == ["error"] * rows
    assert verdicts.score.null_count == rows
    for reason in verdicts.reason.to_pylist():
        assert message in reason
        assert len(reason) < 160
