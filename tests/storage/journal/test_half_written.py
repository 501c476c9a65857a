"""After a power loss the log may end anywhere: whole groups are there in order, and new entries can be appended."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fault_injection import journal_crashes
from fault_injection.journal_crashes import (
    BOUNDS,
    CHECKPOINTED,
    KilledJournal,
    TailTally,
    append_to_tails,
    make_killed_journal,
    memory_folder,
)
from fault_injection.journal_writer import key
from winnow.errors import BrokenPromise
from winnow.storage.journal.reader import JournalReader
from winnow.storage.journal.writer import Journal


@pytest.fixture(scope="module")
def left() -> Iterator[KilledJournal]:
    with tempfile.TemporaryDirectory() as folder:
        yield make_killed_journal(Path(folder) / "j")


@pytest.fixture
def folder() -> Iterator[Path]:
    with memory_folder() as folder:
        yield folder


@pytest.mark.slow
def test_a_log_cut_at_any_byte_loses_no_whole_group_and_glues_nothing(left: KilledJournal, folder: Path) -> None:
    assert append_to_tails(left, folder / "j", left.tails()) == TailTally(appended=len(left.log) + 1)
    assert left.entries_before(0) == BOUNDS[0] and left.entries_before(len(left.log)) == BOUNDS[-1]


@pytest.mark.slow
@pytest.mark.parametrize("tail", ["zeros", "noise"])
def test_a_log_that_ends_in_something_else_loses_no_whole_group(tail: str, left: KilledJournal, folder: Path) -> None:
    noise, sizes = random.Random(0), range(0, len(left.log), 5)

    def tails() -> Iterator[tuple[int, bytes]]:
        for size in sizes:
            rest = len(left.log) - size - 1
            # A byte that differs, so that what follows it is no group that happens to be right.
            other = bytes([left.log[size] ^ 0xFF])
            yield size, left.log[:size] + other + (bytes(rest) if tail == "zeros" else noise.randbytes(rest))

    assert append_to_tails(left, folder / "j", tails()) == TailTally(appended=len(sizes))


@pytest.mark.slow
def test_a_log_cut_before_an_acknowledged_entry_is_refused_and_not_written(left: KilledJournal, folder: Path) -> None:
    for size in range(0, len(left.log), 7):
        left.restore(folder / "j", left.log[:size], BOUNDS[-1])
        missing = (
            f"holds {left.entries_before(size)} entries of the {BOUNDS[-1]} that were acknowledged. Put j-wal back"
        )
        for opened in (Journal(folder / "j"), JournalReader(folder / "j")):
            with pytest.raises(BrokenPromise, match=missing), opened:
                pass
    left.restore(folder / "j", left.log, BOUNDS[-1])
    assert append_to_tails(left, folder / "j", [(len(left.log), left.log)]) == TailTally(appended=1)


def test_who_removes_the_witness_goes_on_without_the_lost_entries(left: KilledJournal, folder: Path) -> None:
    left.restore(folder / "j", b"", BOUNDS[-1])
    (folder / "j.lock").unlink()
    with Journal(folder / "j") as journal:
        assert journal.append("reply", "after", 1).wait().entry.seq == CHECKPOINTED + 1


@pytest.mark.parametrize(
    ("found", "lost", "glued"),
    [
        ([*range(1, BOUNDS[-1]), "after"], 1, 0),
        (range(BOUNDS[-1]), 1, 0),
        ([*range(BOUNDS[-1]), "half of one", "after"], 0, 1),
        ([*range(BOUNDS[-1]), "after", "after"], 0, 1),
        ([*range(BOUNDS[-1])[::-1], "after"], 0, 1),
    ],
)
def test_an_entry_that_is_gone_and_one_that_should_not_be_there_are_told(
    found: list[int | str], lost: int, glued: int, left: KilledJournal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [key(one) if isinstance(one, int) else one for one in found]
    monkeypatch.setattr(journal_crashes, "_append_and_read", lambda path, count: (keys, True))
    size = len(left.log)
    assert append_to_tails(left, folder / "j", [(size, left.log)]) == TailTally(1, [size] * lost, [size] * glued)


def test_a_journal_that_cannot_be_read_counts_as_lost_and_glued(left: KilledJournal, folder: Path) -> None:
    size, damaged = len(left.log), replace(left, file=left.file.replace(b"reply", b"REPLY"))
    assert append_to_tails(damaged, folder / "j", [(size, left.log)]) == TailTally(1, [size], [size])
