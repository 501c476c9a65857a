"""A full disk fails the waiting tickets, and entries acknowledged before are still there."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fault_injection.journal_crashes import command, environment, parse_numbers, run_child, start
from fault_injection.journal_writer import BALLAST, MORE, append
from winnow.storage.journal.writer import Journal

APART = ["unshare", "--mount", "--map-root-user"]
SIZES = [str(BALLAST + 40_000 + 25_000 * step) for step in range(1, 21)]


BEFORE = 3
FAULTS = [(call, what) for call in ("pwrite64", "fdatasync", "unlink") for what in ("error=EIO", "signal=SIGKILL")]


def works(*call: str) -> bool:
    """Whether the machine lets us."""
    return shutil.which(call[0]) is not None and subprocess.run(call, capture_output=True, check=False).returncode == 0


def holds(found: dict[str, Any]) -> None:
    """What must be so whenever the machine stopped taking more: everybody is told the same, and what was told is so."""
    count = len(found["present"])
    assert len(found["refused"]) > 0
    assert {*found["refused"], found["later"]} == {found["error"]}
    assert found["code"] == 3
    assert found["present"] == list(range(count))
    assert found["acknowledged"] == list(range(len(found["acknowledged"]))) and len(found["acknowledged"]) <= count
    assert found["new"] == list(range(count, count + MORE))


def test_a_file_that_may_not_grow_fails_the_tickets_and_opens_well_later(tmp_path: Path) -> None:
    for size in (60_000, 100_000, 250_000, 1_000_000):
        found = json.loads(run_child("limited", tmp_path / str(size), str(size)))
        holds(found)
        assert "Check the path, its permissions and the disk, then run again" in found["error"]


@pytest.mark.slow
@pytest.mark.skipif(
    not works(*APART, "sh", "-c", "mount -t tmpfs tmpfs /mnt"), reason="this machine lets us mount nothing"
)
def test_a_full_disk_of_twenty_sizes_fails_the_tickets_and_opens_well_once_there_is_room(tmp_path: Path) -> None:
    ended = subprocess.run(
        [*APART, *command("mounted", tmp_path / "j", *SIZES)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert len(lines) == len(SIZES)
    for line in lines:
        found = json.loads(line)
        holds(found)
        assert "disk is full" in found["error"] and "Free some space, then run again" in found["error"]


needs_strace = pytest.mark.skipif(
    not works("strace", "-f", "-o", "/dev/null", "true"), reason="this machine has no strace for us"
)


def traced(path: Path, begin: int, *options: str | Path) -> tuple[list[int], int, int]:
    """A writer of two groups, some calls watched: what it was told, how it ended, and how many calls there were."""
    calls = path.with_name("calls")
    ended = subprocess.run(
        ["strace", "-f", "-q", "-o", calls, *options, *command("groups", path, str(begin), "1", "64")],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    killed = ended.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
    assert killed or ended.returncode in (0, 1), ended.stderr
    assert ended.returncode != 1 or "EnvironmentFault" in ended.stderr.splitlines()[-1]
    assert ended.returncode or len(parse_numbers(ended.stdout)) == 65
    lines = [line for line in calls.read_text().splitlines() if "(" in line and "resumed" not in line]
    return parse_numbers(ended.stdout), ended.returncode, len(lines)


def goes_on(path: Path, told: list[int]) -> None:
    """What was told is so, and the next writer finds nothing to repair."""
    with Journal(path) as journal:
        found = [entry.value["n"] for entry in journal.entries()]
        tickets = append(journal, range(BEFORE + 66))
    assert found == list(range(len(found))) and set(told) <= set(found)
    assert [ticket.wait().is_new for ticket in tickets] == [number >= len(found) for number in range(BEFORE + 66)]


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """A journal whose last group is still in the log."""
    path = tmp_path / "left" / "j"
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
    call: str, what: str, left: Path, tmp_path: Path
) -> None:
    def ended(number: int, *inject: str) -> tuple[list[int], int, int]:
        path = Path(shutil.copytree(left, tmp_path / str(number))) / "j"
        told, code, calls = traced(path, BEFORE, "-P", path, "-P", f"{path}-wal", "-e", f"trace={call}", *inject)
        goes_on(path, [*range(BEFORE), *told])
        return told, code, calls

    _, code, calls = ended(0)
    assert (code, calls > 0) == (0, True)
    codes = [ended(number, "-e", f"inject={call}:{what}:when={number}")[1] for number in range(1, calls + 1)]
    # SQLite takes no offense where it cannot remove what it no longer needs.
    assert any(codes) or (call, what) == ("unlink", "error=EIO")


@needs_strace
@pytest.mark.slow
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync", "fsync", "rename"])
def test_a_kill_at_any_call_of_the_making_leaves_nothing_to_repair(call: str, tmp_path: Path) -> None:
    def ended(number: int, *inject: str) -> tuple[int, int]:
        path = tmp_path / str(number) / "j"
        path.parent.mkdir()
        told, code, calls = traced(path, 0, "-e", f"trace={call}", *inject)
        goes_on(path, told)
        return code, calls

    code, calls = ended(0)
    assert (code, calls > 0) == (0, True)
    codes = [ended(number, "-e", f"inject={call}:signal=SIGKILL:when={number}")[0] for number in range(1, calls + 1)]
    assert any(codes)
