"""The fault injection finds defects that are planted on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from fault_injection import store_damage
from fault_injection.fsync_order import find_disorder, trace_workload
from fault_injection.syscall_faults import inject_fault, run_baseline
from fault_injection.tracing import can_trace
from fault_injection.workloads import prepare_folder

DEFECTS = "tests.fault_injection.planted_defects"
STRACE = pytest.mark.skipif(not can_trace(), reason="strace is missing or may not trace")


@pytest.mark.parametrize(
    ("defect", "fault", "problem", "strace"),
    [
        (
            "write_receipt_first",
            "KILL",
            "receipt.json exists, but its shard is missing or changed",
            False,
        ),
        # Failure points do not see the writes of pyarrow.
        pytest.param("write_in_place", "KILL", "has neither its old nor its new content", True, marks=STRACE),
        ("ignore_full_disk", "ENOSPC", "it ended with 0, but part-00000.parquet is missing", False),
        ("raise_os_error", "ENOSPC", "a traceback: OSError: [Errno 28] No space left on device", False),
        ("lose_a_row", "KILL", "after the same command again part-00000.parquet has other bytes", False),
        ("refuse_leftovers", "KILL", "the same command again ended with 3", False),
    ],
)
def test_a_planted_defect_is_found_at_one_of_its_calls(
    defect: str, fault: str, problem: str, strace: bool, tmp_path: Path
) -> None:
    base = run_baseline(f"{DEFECTS}:{defect}", tmp_path / "work", strace)
    points = [point for point in base.points if point.fault == fault]
    problems = (text for point in points for text in inject_fault(base, point, tmp_path / "try")[0])
    assert any(problem in text for text in problems)


@STRACE
@pytest.mark.parametrize(
    ("defect", "problem"),
    [
        ("skip_file_fsync", "out/part-00000.parquet was renamed before its last byte was synced"),
        ("skip_folder_fsync", "was renamed but the folder out was not synced before the next rename"),
        ("write_in_place", "out/part-00000.parquet was written under its final name"),
    ],
)
def test_a_planted_wrong_order_of_calls_is_found(defect: str, problem: str, tmp_path: Path) -> None:
    workload = f"{DEFECTS}:{defect}"
    folder = prepare_folder(tmp_path / "work", workload)
    problems = list(find_disorder(trace_workload(folder, workload), folder / "out"))
    assert any(problem in text.replace(".part-00000.parquet.partial", "part-00000.parquet") for text in problems)


def test_a_store_opened_without_checks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_damage, "open_store", lambda store: store)
    result = store_damage.damage_stores(11)
    assert result.figures["damaged stores that opened"] == len(result.broken) > 11
