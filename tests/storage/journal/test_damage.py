"""A changed entry is reported, and a file that is not a journal is not changed."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fault_injection.journal_crashes import start
from fault_injection.journal_writer import append, key, value
from winnow.errors import BadTable, BrokenPromise, EnvironmentFault, UsageError, WinnowError
from winnow.storage.journal.journal import Journal, JournalReader

COUNT = 120
FLIPS = 300
"""Enough to find, with a probability of 95%, a defect that one in a hundred bits reveals."""
Content = list[tuple[int, str, object]]


def read_all(path: Path) -> Content:
    """Read all entries of a journal, check it, and check that all ways of reading it agree."""
    with JournalReader(path) as journal:
        found = [(entry.seq, entry.key, entry.value) for entry in journal.entries()]
        assert journal.check() == journal.count("reply") == len(found)
        assert journal.keys("reply") == {key for _, key, _ in found}
        assert all(journal.get("reply", key) is not None for _, key, _ in found)
    return found


@pytest.fixture(scope="module")
def closed() -> Iterator[Path]:
    """A closed journal, which is one file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "j"
        with Journal(path) as journal:
            append(journal, range(COUNT))
        yield path


@pytest.fixture(scope="module")
def killed() -> Iterator[Path]:
    """A journal whose writer was killed; the last half of its entries is in the log."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "j"
        with Journal(path) as journal:
            append(journal, range(COUNT // 2))
        with start("groups", path, str(COUNT // 2), str(COUNT // 2), "1000000") as process:
            assert process.stdout is not None
            assert [process.stdout.readline() for _ in range(COUNT // 2)][-1] == f"{COUNT - 1}\n"
            process.kill()
        yield path


def copy_journal(path: Path, folder: Path) -> Path:
    """Copy a journal and the files that belong to it, except the shared memory of the processes that had it open."""
    for old in folder.iterdir():
        old.unlink()
    for file in path.parent.iterdir():
        if not file.name.endswith("-shm"):
            shutil.copy(file, folder)
    return folder / path.name


def flip(file: Path, at: int, bit: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1 << bit
    file.write_bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize(("fixture", "suffix"), [("closed", ""), ("killed", ""), ("killed", "-wal")])
def test_a_flipped_bit_never_changes_an_answer_without_an_error(
    fixture: str, suffix: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    original, rng = request.getfixturevalue(fixture), random.Random(0)
    expected = read_all(copy_journal(original, tmp_path))
    assert expected == [(number + 1, key(number), value(number)) for number in range(COUNT)]
    outcomes: Counter[str] = Counter()
    for _ in range(FLIPS):
        path = copy_journal(original, tmp_path)
        file = path.with_name(path.name + suffix)
        flip(file, rng.randrange(file.stat().st_size), rng.randrange(8))
        try:
            assert read_all(path) == expected
            outcomes["harmless"] += 1
        except WinnowError as error:
            outcomes[type(error).__name__] += 1
    assert outcomes["BrokenPromise"] > FLIPS / 5


@pytest.mark.parametrize("number", [0, 1, 60, COUNT - 1])
def test_the_error_for_a_flipped_bit_names_the_entry(number: int, closed: Path, tmp_path: Path) -> None:
    path = copy_journal(closed, tmp_path)
    content = path.read_bytes()
    document = f'{{"n":{number},"text":'.encode()
    assert content.count(document) == 1
    flip(path, content.index(document) + len('{"n'), 0)
    with pytest.raises(BrokenPromise) as error, JournalReader(path) as journal:
        journal.check()
    assert f"entry {number + 1} ('reply' '{key(number)}'): is not what was written" in str(error.value)


def test_a_damaged_last_group_is_reported_when_the_journal_is_opened(closed: Path, tmp_path: Path) -> None:
    path = copy_journal(closed, tmp_path)
    flip(path, path.read_bytes().index(f'{{"n":{COUNT - 1},'.encode()) + 1, 0)
    for opened in (Journal(path), JournalReader(path)):
        with pytest.raises(BrokenPromise, match=f"entry {COUNT} "), opened:
            pass


CHANGES: dict[str, tuple[str, str]] = {
    "an entry removed": ("DELETE FROM entries WHERE seq = 7", "entry 7: is missing"),
    "two entries swapped": (
        "UPDATE entries SET seq = 0 WHERE seq = 8; UPDATE entries SET seq = 8 WHERE seq = 9;"
        "UPDATE entries SET seq = 9 WHERE seq = 0",
        "entry 8 .* sha256",
    ),
    "a document changed": ("UPDATE entries SET document = '1' WHERE seq = 7", "entry 7 .* sha256"),
    "a key changed": ("UPDATE entries SET key = 'k' WHERE seq = 7", "entry 7 .* sha256"),
    "a kind changed": ("UPDATE entries SET kind = 'label' WHERE seq = 7", "entry 7 .* sha256"),
    "the last entry removed": (f"DELETE FROM entries WHERE seq = {COUNT}", f"holds {COUNT - 1} entries of the {COUNT}"),
    "all entries removed": ("DELETE FROM entries", f"holds 0 entries of the {COUNT}"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_made_with_a_database_tool_is_reported(change: str, closed: Path, tmp_path: Path) -> None:
    path = copy_journal(closed, tmp_path)
    _database(path, CHANGES[change][0])
    with pytest.raises(BrokenPromise, match=CHANGES[change][1]), JournalReader(path) as journal:
        list(journal.entries())
        journal.check()


def test_a_copy_without_its_log_is_refused(killed: Path, tmp_path: Path) -> None:
    path = copy_journal(killed, tmp_path)
    path.with_name("j-wal").unlink()
    with pytest.raises(BrokenPromise, match=f"holds 60 entries of the {COUNT} that were acknowledged"), Journal(path):
        pass


def _text(path: Path) -> None:
    path.write_text("id,text\n" + "1,one\n" * 200)


def _database(path: Path, script: str = "CREATE TABLE t (a); INSERT INTO t VALUES (1)") -> None:
    tool = sqlite3.connect(path)
    tool.executescript(script)
    tool.close()


def _newer(path: Path) -> None:
    with Journal(path):
        pass
    _database(path, "PRAGMA user_version = 2")


def _other_table(path: Path) -> None:
    with Journal(path):
        pass
    _database(path, "CREATE VIEW v AS SELECT 1")


OTHER_FILES: list[tuple[Callable[[Path], None], type[WinnowError], str]] = [
    (Path.touch, BadTable, "j: is empty and not a journal. Name another file"),
    (_text, BadTable, "j: is not a journal. Name another file"),
    (_database, BadTable, "j: is a database and not a journal. Name another file"),
    (_newer, BadTable, "j: is a journal of version 2, and this winnow knows version 1. Use the winnow that wrote it"),
    (_other_table, BrokenPromise, "j: does not have the table of a journal of its version"),
    (Path.mkdir, UsageError, "j: is a folder. Name a file in it"),
]


@pytest.mark.parametrize(("make", "kind", "message"), OTHER_FILES)
def test_a_file_that_is_not_a_journal_is_refused_and_not_changed(
    make: Callable[[Path], None], kind: type[WinnowError], message: str, tmp_path: Path
) -> None:
    make(tmp_path / "j")
    before = {path.name: path.is_file() and path.read_bytes() for path in tmp_path.iterdir()}
    for opened in (Journal(tmp_path / "j"), JournalReader(tmp_path / "j")):
        with pytest.raises(kind, match=message), opened:
            pass
    assert {path.name: path.is_file() and path.read_bytes() for path in tmp_path.iterdir() if "-" not in path.name} == (
        before
    )


def test_a_missing_folder_is_an_environment_fault(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="could not be written .No such file"), Journal(tmp_path / "no" / "j"):
        pass
    assert not os.listdir(tmp_path)
