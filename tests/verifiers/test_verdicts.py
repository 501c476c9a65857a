"""Verdicts and batches that break their contract are refused."""

from __future__ import annotations

import pyarrow as pa
import pytest

from winnow.errors import BrokenPromise
from winnow.verifiers.verdicts import Batch, Verdict, Verdicts


def test_verdicts_are_made_from_three_lists() -> None:
    verdicts = Verdicts.of([Verdict.PASS, None], [None, 0.5], ["why", None])
    assert verdicts.verdict.to_pylist() == ["pass", None]
    assert len(verdicts) == 2


@pytest.mark.parametrize(
    ("verdict", "score", "reason", "message"),
    [
        (["pass"], [None, None], [None], "rows"),
        (["maybe"], [None], [None], "maybe"),
        (["pass"], [float("nan")], [None], "neither finite nor null"),
        (["pass"], [float("inf")], [None], "neither finite nor null"),
    ],
)
def test_columns_that_break_the_contract_are_refused(
    verdict: list[str], score: list[float | None], reason: list[str | None], message: str
) -> None:
    with pytest.raises(BrokenPromise, match=message):
        Verdicts.of(verdict, score, reason)


def test_a_batch_of_unequal_columns_is_refused() -> None:
    with pytest.raises(BrokenPromise, match=r"Batch\.references"):
        Batch(pa.array(["a", "b"]), references=pa.array(["a"]))
