"""After a power loss the log may end at any byte: complete groups are kept, and new entries can be appended."""

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
from winnow.storage.journal.journal import Journal, JournalReader


@pytest.fixture(scope="module")
def killed_journal() -> Iterator[KilledJournal]:
    with tempfile.TemporaryDirectory() as folder:
        yield make_killed_journal(Path(folder) / "j")


@pytest.fixture
def folder() -> Iterator[Path]:
    with memory_folder() as folder:
        yield folder


@pytest.mark.slow
def test_a_log_truncated_at_any_byte_loses_no_complete_group_and_merges_no_entries(
    killed_journal: KilledJournal, folder: Path
) -> None:
    assert append_to_tails(killed_journal, folder / "j", killed_journal.tails()) == TailTally(
        appended=len(killed_journal.log) + 1
    )
    assert (
        killed_journal.entries_before(0) == BOUNDS[0]
        and killed_journal.entries_before(len(killed_journal.log)) == BOUNDS[-1]
    )


@pytest.mark.slow
@pytest.mark.parametrize("tail", ["zeros", "noise"])
def test_a_log_that_ends_in_zeros_or_noise_loses_no_complete_group(
    tail: str, killed_journal: KilledJournal, folder: Path
) -> None:
    noise, sizes = random.Random(0), range(0, len(killed_journal.log), 5)

    def tails() -> Iterator[tuple[int, bytes]]:
        for size in sizes:
            rest = len(killed_journal.log) - size - 1
            # The next byte is always wrong, so that the rest is never a valid group by chance.
            other = bytes([killed_journal.log[size] ^ 0xFF])
            yield size, killed_journal.log[:size] + other + (bytes(rest) if tail == "zeros" else noise.randbytes(rest))

    assert append_to_tails(killed_journal, folder / "j", tails()) == TailTally(appended=len(sizes))


@pytest.mark.slow
def test_a_log_truncated_before_an_acknowledged_entry_is_refused_and_not_changed(
    killed_journal: KilledJournal, folder: Path
) -> None:
    for size in range(0, len(killed_journal.log), 7):
        killed_journal.restore(folder / "j", killed_journal.log[:size], BOUNDS[-1])
        count = killed_journal.entries_before(size)
        missing = f"holds {count} entries of the {BOUNDS[-1]} that were acknowledged. Put j-wal back"
        for opened in (Journal(folder / "j"), JournalReader(folder / "j")):
            with pytest.raises(BrokenPromise, match=missing), opened:
                pass
    killed_journal.restore(folder / "j", killed_journal.log, BOUNDS[-1])
    assert append_to_tails(killed_journal, folder / "j", [(len(killed_journal.log), killed_journal.log)]) == TailTally(
        appended=1
    )


def test_without_the_lock_file_a_journal_continues_without_the_lost_entries(
    killed_journal: KilledJournal, folder: Path
) -> None:
    killed_journal.restore(folder / "j", b"", BOUNDS[-1])
    (folder / "j.lock").unlink()
    with Journal(folder / "j") as journal:
        assert journal.append("reply", "after", 1).result().entry.seq == CHECKPOINTED + 1


@pytest.mark.parametrize(
    ("found", "lost", "merged"),
    [
        ([*range(1, BOUNDS[-1]), "after"], 1, 0),
        (range(BOUNDS[-1]), 1, 0),
        ([*range(BOUNDS[-1]), "half of an entry", "after"], 0, 1),
        ([*range(BOUNDS[-1]), "after", "after"], 0, 1),
        ([*range(BOUNDS[-1])[::-1], "after"], 0, 1),
    ],
)
def test_missing_and_unexpected_entries_are_counted(
    found: list[int | str],
    lost: int,
    merged: int,
    killed_journal: KilledJournal,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = [key(item) if isinstance(item, int) else item for item in found]
    monkeypatch.setattr(journal_crashes, "_append_and_read", lambda path, count: (keys, True))
    size = len(killed_journal.log)
    assert append_to_tails(killed_journal, folder / "j", [(size, killed_journal.log)]) == TailTally(
        1, [size] * lost, [size] * merged
    )


def test_a_journal_that_cannot_be_read_counts_as_lost_and_merged(killed_journal: KilledJournal, folder: Path) -> None:
    size, damaged = (
        len(killed_journal.log),
        replace(killed_journal, file=killed_journal.file.replace(b"reply", b"REPLY")),
    )
    assert append_to_tails(damaged, folder / "j", [(size, killed_journal.log)]) == TailTally(1, [size], [size])
