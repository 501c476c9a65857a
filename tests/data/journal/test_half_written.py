"""After a power loss the log may end anywhere: whole groups are there in order, and what is appended stands apart."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import tempfile
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from data.journal.child import append, key
from data.journal.harness import start
from winnow.data.errors import BrokenPromise
from winnow.data.journal.journal import Journal
from winnow.data.journal.reader import JournalReader

CHECKPOINTED = 10
SIZES = (1, 3, 2)
BOUNDS = (10, 11, 14, 16)
"""How many entries there may be: all that were in the file itself, and some of the groups of the log."""
LOG_HEADER, FRAME_HEADER, PAGE = 32, 24, 512


@dataclass(frozen=True)
class Left:
    """What a killed writer left: the file, its log, and where in the log each group ends."""

    file: bytes
    log: bytes
    ends: tuple[int, ...]

    def put(self, path: Path, log: bytes, witnessed: int) -> None:
        """The same with another log, and a witness that knows of so many entries."""
        for old in path.parent.iterdir():
            old.unlink()
        path.write_bytes(self.file)
        path.with_name(path.name + "-wal").write_bytes(log)
        path.with_name(path.name + ".lock").write_bytes(b"%020d" % witnessed)

    def whole(self, size: int) -> int:
        """How many entries lie in whole groups before this offset of the log."""
        return BOUNDS[bisect_right(self.ends, size)]


@pytest.fixture(scope="module")
def left() -> Iterator[Left]:
    """Small pages, so that every offset of the log can be tried."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "j"
        with Journal(path) as journal:
            append(journal, range(CHECKPOINTED))
        small = sqlite3.connect(path)
        small.executescript(
            f"PRAGMA journal_mode = DELETE; PRAGMA page_size = {PAGE}; VACUUM; PRAGMA journal_mode = WAL"
        )
        small.close()
        with start("groups", path, str(CHECKPOINTED), *map(str, SIZES), "1000000") as process:
            assert process.stdout is not None
            said = [int(process.stdout.readline()) for _ in range(sum(SIZES))]
            process.kill()
        assert said == list(range(CHECKPOINTED, BOUNDS[-1]))
        log = path.with_name("j-wal").read_bytes()
        frames = range(LOG_HEADER, len(log), FRAME_HEADER + PAGE)
        # The second word of a frame's header is not 0 in the last frame of a transaction.
        ends = [at + FRAME_HEADER + PAGE for at in frames if any(log[at + 4 : at + 8])]
        assert len(ends) >= len(SIZES) and len(log) >= ends[len(SIZES) - 1]
        yield Left(path.read_bytes(), log[: ends[len(SIZES) - 1]], tuple(ends[: len(SIZES)]))


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where there is such a place: what is forced is not the question here."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="winnow-", dir=memory))
    yield folder
    shutil.rmtree(folder)


def read(path: Path) -> list[str]:
    """The keys in order, every entry and the whole file having been checked."""
    with JournalReader(path) as journal:
        entries = list(journal.entries())
        assert journal.check() == len(entries)
    return [entry.key for entry in entries]


def go_on(path: Path, expected: int) -> None:
    """Append to what is there and read it again: nothing lost, nothing glued, nothing twice."""
    with Journal(path) as journal:
        again, new = append(journal, range(expected - 2, expected)), journal.append("reply", "after", [expected])
    assert not any(ticket.wait().first for ticket in again)
    assert new.wait().first and new.wait().entry.seq == expected + 1
    assert read(path) == [*map(key, range(expected)), "after"]


@pytest.mark.slow
def test_a_log_cut_at_any_byte_loses_no_whole_group_and_glues_nothing(left: Left, folder: Path) -> None:
    for size in range(len(left.log) + 1):
        left.put(folder / "j", left.log[:size], CHECKPOINTED)
        go_on(folder / "j", left.whole(size))
    assert left.whole(0) == BOUNDS[0] and left.whole(len(left.log)) == BOUNDS[-1]


@pytest.mark.slow
@pytest.mark.parametrize("tail", ["zeros", "noise"])
def test_a_log_that_ends_in_something_else_loses_no_whole_group(tail: str, left: Left, folder: Path) -> None:
    noise = random.Random(0)
    for size in range(0, len(left.log), 5):
        rest = len(left.log) - size
        # A byte that differs, so that what follows it is no group that happens to be right.
        filler = bytes([left.log[size] ^ 0xFF]) + (bytes(rest - 1) if tail == "zeros" else noise.randbytes(rest - 1))
        left.put(folder / "j", left.log[:size] + filler, CHECKPOINTED)
        go_on(folder / "j", left.whole(size))


@pytest.mark.slow
def test_a_log_cut_before_an_acknowledged_entry_is_refused_and_not_written(left: Left, folder: Path) -> None:
    for size in range(0, len(left.log), 7):
        left.put(folder / "j", left.log[:size], BOUNDS[-1])
        missing = f"holds {left.whole(size)} entries of the {BOUNDS[-1]} that were acknowledged. Put its j-wal back"
        for opened in (Journal(folder / "j"), JournalReader(folder / "j")):
            with pytest.raises(BrokenPromise, match=missing), opened:
                pass
    left.put(folder / "j", left.log, BOUNDS[-1])
    go_on(folder / "j", BOUNDS[-1])


def test_who_removes_the_witness_goes_on_without_the_lost_entries(left: Left, folder: Path) -> None:
    left.put(folder / "j", b"", BOUNDS[-1])
    (folder / "j.lock").unlink()
    go_on(folder / "j", CHECKPOINTED)
