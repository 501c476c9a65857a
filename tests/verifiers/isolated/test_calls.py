"""What a death costs: few workers, no other row, no slot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.verifiers.isolated.verifier_calls import Bad, expected, judged
from winnow.verifiers.isolated.calls import MAX_CALL_ROWS, MAX_FAILED_ROWS, MAX_TIMEOUTS, PROBE_ROWS

GOOD = [["yes", "no"][row % 2] for row in range(2000)]


@pytest.mark.parametrize("at", [0, 1, MAX_CALL_ROWS - 1, MAX_CALL_ROWS, 1300, 1999])
def test_a_poison_row_costs_at_most_three_workers(bad: Bad, at: int) -> None:
    guarded = bad("segfaults")
    texts = [*GOOD[:at], "bad", *GOOD[at + 1 :]]
    assert judged(guarded, texts).verdict.to_pylist() == expected(texts)
    judged(guarded, ["yes"])
    assert guarded.caller.workers_started - 1 <= 3


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1000])
def test_what_a_row_gets_does_not_depend_on_its_batch(bad: Bad, size: int) -> None:
    guarded = bad("exits_at_once")
    texts = [*GOOD[:13], "bad", "bad", *GOOD[:50], "bad", "yes"]
    parts = [judged(guarded, texts[start : start + size]) for start in range(0, len(texts), size)]
    assert [verdict for part in parts for verdict in part.verdict.to_pylist()] == expected(texts)
    reasons = {why for part in parts for why in part.reason.to_pylist()}
    assert reasons == {None, "ended its worker (exit code 0)"}


def test_a_worker_worn_out_by_earlier_rows_blames_nobody(bad: Bad) -> None:
    guarded = bad("leaks", memory_gb=0.2)
    texts = GOOD[:20]
    assert judged(guarded, texts).verdict.to_pylist() == expected(texts)
    assert guarded.caller.workers_started > 1


def test_a_slow_function_is_asked_about_fewer_rows_at_once(bad: Bad) -> None:
    guarded = bad("slow", seconds=1)
    texts = GOOD[:16]
    for _ in range(2):
        assert judged(guarded, texts).verdict.to_pylist() == expected(texts)
    assert guarded.caller.workers_started == 2


def test_a_function_that_only_dies_is_given_up_on_and_tried_again_on_the_next_rows(bad: Bad) -> None:
    guarded = bad("always_dies")
    out = judged(guarded, GOOD)
    assert set(out.verdict.to_pylist()) == {"error"}
    reasons = out.reason.to_pylist()
    assert reasons[:MAX_FAILED_ROWS] == ["ended its worker (exit code 7)"] * MAX_FAILED_ROWS
    given_up = f"not judged: {MAX_FAILED_ROWS} rows before it, one after the other, ended its worker (exit code 7)"
    assert set(reasons[MAX_FAILED_ROWS:]) == {given_up}
    first = guarded.caller.workers_started
    judged(guarded, GOOD)
    assert guarded.caller.workers_started - first == MAX_FAILED_ROWS // 2


def test_a_function_that_hangs_on_every_row_is_given_up_after_six_times_its_limit(bad: Bad) -> None:
    guarded = bad("hangs", seconds=0.3)
    reasons = judged(guarded, ["bad"] * 2000).reason.to_pylist()
    assert reasons[:MAX_TIMEOUTS] == ["took longer than 0.3 s"] * MAX_TIMEOUTS
    tried = f"{MAX_TIMEOUTS} rows before it and {PROBE_ROWS} from all over the batch"
    assert set(reasons[MAX_TIMEOUTS:]) == {f"not judged: {tried} took longer than 0.3 s"}
    assert guarded.caller.workers_started == 1 + MAX_TIMEOUTS + PROBE_ROWS
    assert set(judged(guarded, ["bad"] * 2000).reason.to_pylist()[1:]) == {
        "not judged: the row before it took longer than 0.3 s"
    }
    assert guarded.caller.workers_started == 1 + MAX_TIMEOUTS + PROBE_ROWS + 1


def test_rows_that_hang_one_after_the_other_take_no_others_with_them(bad: Bad) -> None:
    guarded = bad("hangs", seconds=0.5)
    texts = ["yes", *["bad"] * 5, *GOOD[:20]]
    assert judged(guarded, texts).verdict.to_pylist() == expected(texts)


def test_one_success_makes_up_for_what_was_given_up(bad: Bad) -> None:
    guarded = bad("exits_at_once")
    assert judged(guarded, ["bad"] * 30).reason[29].as_py().startswith("not judged: 20 rows before it")
    texts = [*["yes", "bad"] * 30, "yes"]
    assert judged(guarded, texts).verdict.to_pylist() == expected(texts)


@pytest.mark.slow
def test_a_thousand_batches_with_a_death_each_lose_no_slot(bad: Bad) -> None:
    guarded = bad("exits_at_once")
    judged(guarded, ["yes"])
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for number in range(1000):
        texts = ["bad"] if number % 10 else ["bad", "yes"]
        assert judged(guarded, texts).verdict.to_pylist() == expected(texts)
    assert judged(guarded, GOOD).verdict.to_pylist() == expected(GOOD)
    assert guarded.caller.workers_started > 1000
    if before:
        assert len(os.listdir("/proc/self/fd")) == before
