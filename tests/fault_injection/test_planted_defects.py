"""What is planted is found: the harness fails where winnow would."""

from __future__ import annotations

from pathlib import Path

import pytest

from fault_injection import store_damage
from fault_injection.fsync_order import find_disorder, trace_workload
from fault_injection.syscall_faults import inject_fault, run_baseline
from fault_injection.tracing import can_trace
from fault_injection.workloads import prepare_folder

STRACE = pytest.mark.skipif(not can_trace(), reason="strace is not here or may not trace")


@pytest.mark.parametrize(
    ("defect", "fault", "words", "strace"),
    [
        ("receipt_first", "KILL", ".part-00000.parquet.receipt.json is there and its shard is not", False),
        # What pyarrow writes, fail points do not see.
        pytest.param("in_place", "KILL", "part-00000.parquet is neither old nor new", True, marks=STRACE),
        ("swallowed", "ENOSPC", "it ended well, but part-00000.parquet is missing", False),
        ("without_words", "ENOSPC", "a traceback: OSError: [Errno 28] No space left on device", False),
        ("loses_a_row", "KILL", "after the same command again part-00000.parquet has other bytes", False),
        ("stays_with_the_broken", "KILL", "the same command again ended with 3", False),
    ],
)
def test_a_planted_defect_is_found_at_one_of_its_calls(
    defect: str, fault: str, words: str, strace: bool, tmp_path: Path
) -> None:
    base = run_baseline(f"faults.planted:{defect}", tmp_path / "act", strace)
    points = [point for point in base.points if point.fault == fault]
    told = (word for point in points for word in inject_fault(base, point, tmp_path / "try")[0])
    assert any(words in word for word in told)


@STRACE
@pytest.mark.parametrize(
    ("defect", "words"),
    [
        ("not_forced", "out/part-00000.parquet took its name before its last byte was forced"),
        ("folder_not_forced", "took its name and the folder out was not forced before the next one did"),
        ("in_place", "out/part-00000.parquet was written in place"),
    ],
)
def test_a_planted_disorder_is_found_in_the_trace(defect: str, words: str, tmp_path: Path) -> None:
    act = f"faults.planted:{defect}"
    folder = prepare_folder(tmp_path / "act", act)
    told = [word.replace(".part-00000.parquet.partial", "part-00000.parquet") for word in
            find_disorder(trace_workload(folder, act), folder / "out")]  # fmt: skip
    assert any(words in word for word in told), told


def test_a_store_that_is_opened_unchecked_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_damage, "open_store", lambda store: store)
    found = store_damage.damage_stores(11)
    assert found.figures["opened"] == len(found.broken) > 11
