"""A full disk fails the waiting appends, and loses no entry that was acknowledged before."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fault_injection.journal_crashes import command, environment, parse_numbers, run_child, start
from fault_injection.journal_writer import BALLAST, ENTRIES_AFTER_FULL, append
from winnow.storage.journal.journal import Journal

NEW_NAMESPACE = ["unshare", "--mount", "--map-root-user"]
SIZES = [str(BALLAST + 40_000 + 25_000 * step) for step in range(1, 21)]


BEFORE = 3
GROUP_SIZES = (1, 16)
AFTER = BEFORE + sum(GROUP_SIZES)
FAULTS = [(call, what) for call in ("pwrite64", "fdatasync", "unlink") for what in ("error=EIO", "signal=SIGKILL")]


def succeeds(*call: str) -> bool:
    """Whether this command exists and succeeds on this machine."""
    return shutil.which(call[0]) is not None and subprocess.run(call, capture_output=True, check=False).returncode == 0


def check_outcome(found: dict[str, Any]) -> None:
    """Check that all failed appends report the same error, and that no acknowledged entry is missing."""
    count = len(found["present"])
    assert len(found["refused"]) > 0
    assert {*found["refused"], found["later"]} == {found["error"]}
    assert found["code"] == 3
    assert found["present"] == list(range(count))
    assert found["acknowledged"] == list(range(len(found["acknowledged"]))) and len(found["acknowledged"]) <= count
    assert found["new"] == list(range(count, count + ENTRIES_AFTER_FULL))


def test_a_file_that_may_not_grow_fails_the_appends_and_can_be_opened_later(tmp_path: Path) -> None:
    for size in (60_000, 100_000, 250_000, 1_000_000):
        found = json.loads(run_child("limited", tmp_path / str(size), str(size)))
        check_outcome(found)
        assert "Check the path, its permissions and the disk, then run again" in found["error"]


@pytest.mark.slow
@pytest.mark.skipif(
    not succeeds(*NEW_NAMESPACE, "sh", "-c", "mount -t tmpfs tmpfs /mnt"), reason="no file system can be mounted here"
)
def test_a_full_disk_fails_the_appends_and_the_journal_can_be_opened_when_there_is_space(tmp_path: Path) -> None:
    process = subprocess.run(
        [*NEW_NAMESPACE, *command("mounted", tmp_path / "j", *SIZES)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    assert len(lines) == len(SIZES)
    for line in lines:
        found = json.loads(line)
        check_outcome(found)
        assert "disk is full" in found["error"] and "Free some space, then run again" in found["error"]


needs_strace = pytest.mark.skipif(
    not succeeds("strace", "-f", "-o", "/dev/null", "true"), reason="strace is missing or may not trace"
)


def trace_writer(path: Path, begin: int, *options: str | Path) -> tuple[list[int], int, int]:
    """Trace a writer of two groups; return the acknowledged entries, its exit code and the number of traced calls."""
    calls = path.with_name("calls")
    process = subprocess.run(
        ["strace", "-f", "-q", "-o", calls, *options, *command("groups", path, str(begin), *map(str, GROUP_SIZES))],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    killed = process.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
    assert killed or process.returncode in (0, 1), process.stderr
    assert process.returncode != 1 or "EnvironmentFault" in process.stderr.splitlines()[-1]
    assert process.returncode or len(parse_numbers(process.stdout)) == sum(GROUP_SIZES)
    lines = [line for line in calls.read_text().splitlines() if "(" in line and "resumed" not in line]
    return parse_numbers(process.stdout), process.returncode, len(lines)


def check_next_writer(path: Path, acknowledged: list[int]) -> None:
    """Check that acknowledged entries are there and that the next writer can append the others."""
    with Journal(path) as journal:
        found = [entry.value["n"] for entry in journal.entries()]
        futures = append(journal, range(AFTER + 1))
    assert found == list(range(len(found))) and set(acknowledged) <= set(found)
    assert [future.result().is_new for future in futures] == [number >= len(found) for number in range(AFTER + 1)]


@pytest.fixture
def killed_journal(tmp_path: Path) -> Path:
    """Return the folder of a journal whose last group is in the log only."""
    path = tmp_path / "killed" / "j"
    path.parent.mkdir()
    with start("groups", path, "0", str(BEFORE), "1000000") as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(BEFORE)][-1] == f"{BEFORE - 1}\n"
        process.kill()
    return path.parent


@needs_strace
@pytest.mark.slow
@pytest.mark.parametrize(("call", "what"), FAULTS)
def test_a_fault_at_any_call_of_the_writer_loses_no_acknowledged_entry(
    call: str, what: str, killed_journal: Path, tmp_path: Path
) -> None:
    def run_writer(number: int, *inject: str) -> tuple[list[int], int, int]:
        path = Path(shutil.copytree(killed_journal, tmp_path / str(number))) / "j"
        acknowledged, code, calls = trace_writer(
            path, BEFORE, "-P", path, "-P", f"{path}-wal", "-e", f"trace={call}", *inject
        )
        check_next_writer(path, [*range(BEFORE), *acknowledged])
        return acknowledged, code, calls

    _, code, calls = run_writer(0)
    assert (code, calls > 0) == (0, True)
    codes = [run_writer(number, "-e", f"inject={call}:{what}:when={number}")[1] for number in range(1, calls + 1)]
    # SQLite ignores errors when it removes a log that it no longer needs.
    assert any(codes) or (call, what) == ("unlink", "error=EIO")


@needs_strace
@pytest.mark.slow
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync", "fsync", "rename"])
def test_after_a_kill_at_any_call_that_creates_a_journal_it_can_be_opened(call: str, tmp_path: Path) -> None:
    def run_writer(number: int, *inject: str) -> tuple[int, int]:
        path = tmp_path / str(number) / "j"
        path.parent.mkdir()
        acknowledged, code, calls = trace_writer(path, 0, "-e", f"trace={call}", *inject)
        check_next_writer(path, acknowledged)
        return code, calls

    code, calls = run_writer(0)
    assert (code, calls > 0) == (0, True)
    codes = [
        run_writer(number, "-e", f"inject={call}:signal=SIGKILL:when={number}")[0] for number in range(1, calls + 1)
    ]
    assert any(codes)
