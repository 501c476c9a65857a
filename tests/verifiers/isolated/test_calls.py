"""A death costs few workers, no other row and no file descriptor."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.verifiers.isolated.verifier_calls import MakeBadVerifier, expected_verdicts, judge_texts
from winnow.verifiers.isolated.calls import MAX_CALL_ROWS, MAX_TIMEOUTS, PROBE_ROWS

GOOD = [["yes", "no"][row % 2] for row in range(2000)]
FAILED_ROWS = 6


@pytest.fixture
def few_failed_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up a batch after fewer failed rows, because each of them costs the start of a process."""
    monkeypatch.setattr("winnow.verifiers.isolated.calls.MAX_FAILED_ROWS", FAILED_ROWS)


@pytest.mark.parametrize("position", [0, MAX_CALL_ROWS - 1, MAX_CALL_ROWS, 1999])
def test_a_poison_row_costs_at_most_three_workers(bad: MakeBadVerifier, position: int) -> None:
    verifier = bad("segfaults")
    texts = [*GOOD[:position], "bad", *GOOD[position + 1 :]]
    assert judge_texts(verifier, texts).verdict.to_pylist() == expected_verdicts(texts)
    judge_texts(verifier, ["yes"])
    assert verifier.caller.workers_started - 1 <= 3


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_verdict_on_a_row_does_not_depend_on_its_batch(bad: MakeBadVerifier, size: int) -> None:
    verifier = bad("exits_at_once")
    texts = [*GOOD[:13], "bad", "bad", *GOOD[:50], "bad", "yes"]
    parts = [judge_texts(verifier, texts[start : start + size]) for start in range(0, len(texts), size)]
    assert [verdict for part in parts for verdict in part.verdict.to_pylist()] == expected_verdicts(texts)
    reasons = {why for part in parts for why in part.reason.to_pylist()}
    assert reasons == {None, "ended its worker (exit code 0)"}


def test_a_worker_that_dies_of_memory_held_by_earlier_rows_makes_no_row_an_error(bad: MakeBadVerifier) -> None:
    verifier = bad("leaks", memory_gb=0.2)
    texts = GOOD[:20]
    assert judge_texts(verifier, texts).verdict.to_pylist() == expected_verdicts(texts)
    assert verifier.caller.workers_started > 1


def test_a_slow_function_is_called_with_fewer_rows(bad: MakeBadVerifier) -> None:
    verifier = bad("slow", seconds=1)
    texts = GOOD[:16]
    for _ in range(2):
        assert judge_texts(verifier, texts).verdict.to_pylist() == expected_verdicts(texts)
    assert verifier.caller.workers_started == 2


@pytest.mark.usefixtures("few_failed_rows")
def test_a_function_that_always_dies_skips_the_rest_of_a_batch_and_is_tried_again_on_the_next(
    bad: MakeBadVerifier,
) -> None:
    verifier = bad("always_dies")
    out = judge_texts(verifier, GOOD)
    assert set(out.verdict.to_pylist()) == {"error"}
    reasons = out.reason.to_pylist()
    assert reasons[:FAILED_ROWS] == ["ended its worker (exit code 7)"] * FAILED_ROWS
    skipped = f"not judged: each of the {FAILED_ROWS} rows before ended its worker (exit code 7)"
    assert set(reasons[FAILED_ROWS:]) == {skipped}
    first = verifier.caller.workers_started
    judge_texts(verifier, GOOD)
    assert verifier.caller.workers_started - first == FAILED_ROWS // 2


def test_a_function_that_always_hangs_skips_the_rest_of_a_batch_after_few_timeouts(bad: MakeBadVerifier) -> None:
    verifier = bad("hangs", seconds=0.3)
    reasons = judge_texts(verifier, ["bad"] * 2000).reason.to_pylist()
    assert reasons[:MAX_TIMEOUTS] == ["took longer than 0.3 s"] * MAX_TIMEOUTS
    tried = f"each of the {MAX_TIMEOUTS} rows before and of {PROBE_ROWS} others in the batch"
    assert set(reasons[MAX_TIMEOUTS:]) == {f"not judged: {tried} took longer than 0.3 s"}
    assert verifier.caller.workers_started == 1 + MAX_TIMEOUTS + PROBE_ROWS
    assert set(judge_texts(verifier, ["bad"] * 2000).reason.to_pylist()[1:]) == {
        "not judged: the row before took longer than 0.3 s"
    }
    assert verifier.caller.workers_started == 1 + MAX_TIMEOUTS + PROBE_ROWS + 1


def test_rows_that_hang_in_succession_do_not_affect_others(bad: MakeBadVerifier) -> None:
    verifier = bad("hangs", seconds=0.5)
    texts = ["yes", *["bad"] * (MAX_TIMEOUTS + 1), *GOOD[:20]]
    assert judge_texts(verifier, texts).verdict.to_pylist() == expected_verdicts(texts)


@pytest.mark.usefixtures("few_failed_rows")
def test_one_success_restores_all_attempts(bad: MakeBadVerifier) -> None:
    verifier = bad("exits_at_once")
    skipped = judge_texts(verifier, ["bad"] * (FAILED_ROWS + 1)).reason[FAILED_ROWS].as_py()
    assert skipped.startswith(f"not judged: each of the {FAILED_ROWS} rows before")
    texts = ["yes", *["bad"] * (FAILED_ROWS - 1), "yes"]
    assert judge_texts(verifier, texts).verdict.to_pylist() == expected_verdicts(texts)


def test_batches_with_a_death_each_leak_no_file_descriptor(bad: MakeBadVerifier) -> None:
    verifier = bad("exits_at_once")
    judge_texts(verifier, ["yes"])
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for number in range(12):
        texts = ["bad"] if number % 4 else ["bad", "yes"]
        assert judge_texts(verifier, texts).verdict.to_pylist() == expected_verdicts(texts)
    assert judge_texts(verifier, GOOD).verdict.to_pylist() == expected_verdicts(GOOD)
    assert verifier.caller.workers_started > 12
    if before:
        assert len(os.listdir("/proc/self/fd")) == before
