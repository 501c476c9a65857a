"""Whatever a function does on a row, that row is an error with a reason, and all others have their verdicts."""

from __future__ import annotations

import pytest

from tests.verifiers.isolated.verifier_calls import MakeBadVerifier, expected_verdicts, judge_texts

BAD = {
    "raises": "ZeroDivisionError: division by zero",
    "nan": "the function returned nan",
    "says_yes": "the function returned str: 'yes'",
    "too_short": "the function returned 0 values for 1 row",
    "returns_none": "the function returned NoneType, not a list",
    "hangs": "took longer than 1 s",
    "hangs_in_c": "took longer than 1 s",
    "eats_memory": "ran out of memory (limit 0.3 GB)",
    "segfaults": "killed its worker (signal 11)",
    "aborts": "killed its worker (signal 6)",
    "kills_itself": "killed its worker (signal 9)",
    "exits_at_once": "ended its worker (exit code 0)",
    "exits": "SystemExit: 0",
    "closes_everything": "took longer than 1 s|stopped answering",
    "reads_standard_input": "EOFError",
    "needs_the_main_thread": "TimeoutError: the alarm rang",
    "writes_nonsense": "something other than values|took longer than 1 s|stopped answering|signal 9",
}
TEXTS = ["yes", "no", "bad", "yes", "no"]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_an_error_and_the_others_have_their_verdicts(bad: MakeBadVerifier, name: str) -> None:
    verifier = bad(name, seconds=1 if "took longer" in BAD[name] else 60, memory_gb=0.3)
    out = judge_texts(verifier, TEXTS)
    assert out.verdict.to_pylist() == expected_verdicts(TEXTS)
    reason = out.reason[2].as_py()
    assert any(words in reason for words in BAD[name].split("|")), reason
    assert [why for row, why in enumerate(out.reason.to_pylist()) if row != 2] == [None] * 4
    assert out.score.null_count == 5
    assert verifier.caller.workers_started <= 4  # the first, and one after each of at most three deaths


def test_a_function_that_forks_answers_once(bad: MakeBadVerifier) -> None:
    out = judge_texts(bad("forks"), TEXTS)
    assert out.verdict.to_pylist() == ["pass", "fail", "pass", "pass", "fail"]


def test_a_function_runs_in_the_main_thread_of_another_process(bad: MakeBadVerifier) -> None:
    import os

    score = judge_texts(bad("where"), ["yes"]).score[0].as_py()
    assert score is not None
    assert score != os.getpid()
