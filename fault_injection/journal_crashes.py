"""Runs journal_writer.py and kills it, or truncates the log that it left, and counts lost entries."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fault_injection.journal_writer import append, key, value
from winnow.errors import UsageError, WinnowError
from winnow.storage.journal.journal import Journal, JournalReader

ROOT = Path(__file__).resolve().parents[1]
STEP_BACK = 40
KILLS_OF_ONE_JOURNAL = 50
CHECKPOINTED = 10
SIZES = (1, 3, 2)
BOUNDS = (10, 11, 14, 16)
"""How many entries a truncated journal can have: those in the file itself, and those of the first groups of the log."""
LOG_HEADER, FRAME_HEADER, PAGE = 32, 24, 512


def command(*arguments: str | Path) -> list[str]:
    """Return the command line of the writer."""
    return [sys.executable, "-W", "ignore", str(Path(__file__).with_name("journal_writer.py")), *map(str, arguments)]


def environment() -> dict[str, str]:
    """Return an environment in which the writer finds the code under test."""
    paths = [str(ROOT), str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start the writer; it prints to a pipe."""
    return subprocess.Popen(command(*arguments), env=environment(), stdout=subprocess.PIPE, text=True)


def run_child(*arguments: str | Path) -> str:
    """Run the writer to its end and return what it printed."""
    process = subprocess.run(
        command(*arguments), env=environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def parse_numbers(output: str) -> list[int]:
    """Return the numbers of the entries that the writer reported as durable."""
    return [int(line) for line in output.splitlines() if line.isdigit()]


def read_numbers(path: Path) -> list[int]:
    """Check a journal and return the numbers of its entries, each of which must be as the writer wrote it."""
    with JournalReader(path) as journal:
        entries = list(journal.entries())
        assert journal.check() == len(entries)
    found = [entry.value["n"] for entry in entries]
    assert [(entry.key, entry.value) for entry in entries] == [(key(number), value(number)) for number in found]
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    return found


def _read_numbers_if_any(path: Path, acknowledged: set[int]) -> list[int]:
    """Read the numbers, or none if the writer died before it created the journal."""
    try:
        return read_numbers(path)
    except UsageError:
        if acknowledged:
            raise
        return []


@dataclass
class WriterKillTally:
    """The entries that were acknowledged, lost, duplicated or moved in a journal whose writers were killed."""

    acknowledged: int = 0
    before_opening: int = 0
    lost: list[int] = field(default_factory=list)
    duplicated: list[int] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)


def kill_writers(folder: Path, kills: int, seed: int = 0) -> WriterKillTally:
    """Run writers one after another on the same journal and kill each at a random moment, some while they open it.

    Each writer starts some entries before the last known one, so that entries are appended again.
    """
    tally, rng = WriterKillTally(), random.Random(seed)
    acknowledged: set[int] = set()
    before: list[int] = []
    for kill in range(kills):
        path = folder / f"{kill // KILLS_OF_ONE_JOURNAL}.journal"
        if kill % KILLS_OF_ONE_JOURNAL == 0:
            acknowledged, before = set(), []
        with start("write", path, str(max([STEP_BACK, *acknowledged, *before]) - STEP_BACK)) as process:
            assert process.stdout is not None
            opened = kill % 4 > 0 and process.stdout.readline() == "open\n"
            time.sleep(rng.uniform(0, 0.3))
            process.kill()
            output = process.stdout.read()
        tally.before_opening += not opened and "open" not in output
        acknowledged |= set(parse_numbers(output))
        tally.acknowledged += len(parse_numbers(output))
        present = _read_numbers_if_any(path, acknowledged)
        tally.lost += sorted(acknowledged - set(present))
        tally.duplicated += (
            sorted({number for number in present if present.count(number) > 1})
            if len(set(present)) < len(present)
            else []
        )
        tally.moved += [number for number, again in zip(before, present, strict=False) if number != again]
        before = present
    return tally


@dataclass(frozen=True)
class KilledJournal:
    """What a killed writer left: the file, its log, and where each group ends in the log."""

    file: bytes
    log: bytes
    ends: tuple[int, ...]

    def restore(self, path: Path, log: bytes, acknowledged_count: int) -> None:
        """Write the journal with another log, and with a lock file that records this number of acknowledged entries."""
        for old in path.parent.iterdir():
            old.unlink()
        path.write_bytes(self.file)
        path.with_name(path.name + "-wal").write_bytes(log)
        path.with_name(path.name + ".lock").write_bytes(b"%020d" % acknowledged_count)

    def entries_before(self, size: int) -> int:
        """Count the entries in complete groups before this offset of the log."""
        return BOUNDS[bisect_right(self.ends, size)]

    def tails(self) -> Iterator[tuple[int, bytes]]:
        """Yield every offset of the log, with the log truncated there."""
        return ((size, self.log[:size]) for size in range(len(self.log) + 1))


def make_killed_journal(path: Path) -> KilledJournal:
    """Kill a writer of a journal with small pages, whose log is short enough to truncate at every byte."""
    with Journal(path) as journal:
        append(journal, range(CHECKPOINTED))
    small = sqlite3.connect(path)
    small.executescript(f"PRAGMA journal_mode = DELETE; PRAGMA page_size = {PAGE}; VACUUM; PRAGMA journal_mode = WAL")
    small.close()
    with start("groups", path, str(CHECKPOINTED), *map(str, SIZES), "1000000") as process:
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(sum(SIZES))]
        process.kill()
    assert acknowledged == list(range(CHECKPOINTED, BOUNDS[-1]))
    log = path.with_name(path.name + "-wal").read_bytes()
    frames = range(LOG_HEADER, len(log), FRAME_HEADER + PAGE)
    # The second word of a frame's header is not 0 in the last frame of a transaction.
    ends = [at + FRAME_HEADER + PAGE for at in frames if any(log[at + 4 : at + 8])]
    assert len(ends) >= len(SIZES) and len(log) >= ends[len(SIZES) - 1]
    return KilledJournal(path.read_bytes(), log[: ends[len(SIZES) - 1]], tuple(ends[: len(SIZES)]))


@contextmanager
def memory_folder() -> Iterator[Path]:
    """Create a temporary folder in memory if possible, where fsync costs nothing."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="winnow-", dir=memory) as folder:
        yield Path(folder)


@dataclass
class TailTally:
    """Counts the truncated logs that were appended to, and lists the offsets where entries were lost or corrupted."""

    appended: int = 0
    lost: list[int] = field(default_factory=list)
    """An entry of a complete group, or the appended one, is missing or cannot be read."""
    corrupt: list[int] = field(default_factory=list)
    """The entries are not those that were appended, in the same order and once each."""


def append_to_tails(killed_journal: KilledJournal, path: Path, tails: Iterable[tuple[int, bytes]]) -> TailTally:
    """Replace the log by each truncated one, append to the journal and read all of it again."""
    tally = TailTally()
    for size, log in tails:
        killed_journal.restore(path, log, CHECKPOINTED)
        expected = [*map(key, range(killed_journal.entries_before(size))), "after"]
        try:
            found, new = _append_and_read(path, len(expected) - 1)
        except WinnowError:
            found, new = [], False
        tally.appended += 1
        tally.lost += [size] if set(expected) - set(found) else []
        tally.corrupt += [size] if not new or found != [entry for entry in expected if entry in found] else []
    return tally


def _append_and_read(path: Path, count: int) -> tuple[list[str], bool]:
    """Append two old entries and a new one; return all keys, and whether only the new entry counted as new.

    Every entry is checked against its seal as it is read, and the whole file after that.
    """
    with Journal(path) as journal:
        again, new = append(journal, range(count - 2, count)), journal.append("reply", "after", [count])
    is_new_as_expected = [future.result().is_new for future in (*again, new)] == [False, False, True]
    with JournalReader(path) as reader:
        entries = list(reader.entries())
        is_complete = reader.check() == len(entries) == new.result().entry.seq == count + 1
    return [entry.key for entry in entries], is_new_as_expected and is_complete
