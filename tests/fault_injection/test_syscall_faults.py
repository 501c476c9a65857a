"""A fault at a system call leaves old or new files and ends in a message; the same command then completes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fault_injection.syscall_faults import (
    FaultPoint,
    find_torn_files,
    inject_fault,
    inject_syscall_faults,
    run_baseline,
)
from fault_injection.tracing import can_trace
from fault_injection.workloads import hash_files, prepare_folder, run_workload

METHODS = [pytest.param(True, marks=pytest.mark.skipif(not can_trace(), reason="strace is missing or may not trace"))]


@pytest.mark.slow
@pytest.mark.parametrize("strace", [*METHODS, False])
def test_no_fault_at_any_call_damages_or_loses_a_result(strace: bool) -> None:
    count = 70 if strace else 28  # failure points in Python are the weaker method, for machines without strace
    result = inject_syscall_faults(count, seed=1, strace=strace)
    assert result.broken == []
    assert result.figures["faults injected"] >= count - 5


@pytest.mark.parametrize("strace", [*METHODS, False])
@pytest.mark.parametrize("workload", ["a shard and its receipt", "a flat file of verdicts"])
def test_a_result_is_old_or_new_after_a_kill_at_any_call(workload: str, strace: bool, tmp_path: Path) -> None:
    base = run_baseline(workload, tmp_path / "work", strace)
    kills = [point for point in base.points if point.fault == "KILL"]
    assert len(kills) >= 8
    assert [inject_fault(base, point, tmp_path / "try") for point in kills] == [([], True)] * len(kills)


def test_a_full_disk_ends_with_exit_code_3_and_the_path(tmp_path: Path) -> None:
    base = run_baseline("a flat file of verdicts", tmp_path / "work", False)
    full = next(point for point in base.points if (point.kind, point.fault) == ("force", "ENOSPC"))
    assert inject_fault(base, full, tmp_path / "try") == ([], True)


def test_incomplete_and_missing_files_are_reported(tmp_path: Path) -> None:
    folder = prepare_folder(tmp_path / "work", "a shard and its receipt")
    assert run_workload(folder, "a shard and its receipt").code == 0
    after = hash_files(folder / "out")
    shard = folder / "out" / "part-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-1])
    problems = [
        ".part-00000.parquet.receipt.json exists, but its shard is missing or changed",
        "part-00000.parquet has neither its old nor its new content",
    ]
    assert find_torn_files(folder / "out", {}, after) == problems
    shard.unlink()
    assert find_torn_files(folder / "out", {}, after) == problems[:1]


def test_a_fault_that_hits_no_call_is_reported(tmp_path: Path) -> None:
    base = run_baseline("a shard and its receipt", tmp_path / "work", False)
    point = FaultPoint(base.points[0].workload, "nowhere", "force", "KILL", 1000)
    assert inject_fault(base, point, tmp_path / "try")[0] == ["it should have been killed but ended with 0"]
