"""A fault at a system call leaves the old or the new, ends in words, and the same command goes on."""

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

HOWS = [pytest.param(True, marks=pytest.mark.skipif(not can_trace(), reason="strace is not here or may not trace"))]


@pytest.mark.slow
@pytest.mark.parametrize("strace", [*HOWS, False])
def test_no_fault_at_any_call_tears_or_loses_anything(strace: bool) -> None:
    found = inject_syscall_faults(70, seed=1, strace=strace)
    assert found.broken == []
    assert found.figures["points"] >= 65


@pytest.mark.parametrize("strace", [*HOWS, False])
@pytest.mark.parametrize("act", ["a shard and its receipt", "a flat file of verdicts"])
def test_a_result_is_old_or_new_whichever_of_its_calls_is_the_last(act: str, strace: bool, tmp_path: Path) -> None:
    base = run_baseline(act, tmp_path / "act", strace)
    kills = [point for point in base.points if point.fault == "KILL"]
    assert len(kills) >= 8
    assert [inject_fault(base, point, tmp_path / "try") for point in kills] == [([], True)] * len(kills)


def test_a_full_disk_ends_with_3_and_the_path(tmp_path: Path) -> None:
    base = run_baseline("a flat file of verdicts", tmp_path / "act", False)
    at = next(point for point in base.points if (point.kind, point.fault) == ("force", "ENOSPC"))
    assert inject_fault(base, at, tmp_path / "try") == ([], True)


def test_a_torn_file_and_a_lost_one_are_told(tmp_path: Path) -> None:
    folder = prepare_folder(tmp_path / "act", "a shard and its receipt")
    assert run_workload(folder, "a shard and its receipt").code == 0
    after = hash_files(folder / "out")
    shard = folder / "out" / "part-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-1])
    told = [
        ".part-00000.parquet.receipt.json is there and its shard is not",
        "part-00000.parquet is neither old nor new",
    ]
    assert find_torn_files(folder / "out", {}, after) == told
    shard.unlink()
    assert find_torn_files(folder / "out", {}, after) == told[:1]


def test_a_command_that_does_not_go_on_is_told(tmp_path: Path) -> None:
    base = run_baseline("a shard and its receipt", tmp_path / "act", False)
    point = FaultPoint(base.points[0].act, "nowhere", "force", "KILL", 1000)
    assert inject_fault(base, point, tmp_path / "try")[0] == ["it was to be killed and ended with 0"]
