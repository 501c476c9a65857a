"""One process writes, any number of processes read, and a killed writer does not block the next one."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest

from fault_injection.journal_crashes import read_numbers, run_child, start
from winnow.errors import UsageError
from winnow.storage.journal.journal import Journal, JournalReader

REFUSED = "is being written by another run. Wait until it ends, or only read"


def test_a_second_writer_is_refused_and_a_reader_is_not(tmp_path: Path) -> None:
    with start("hold", tmp_path / "j", "10") as process:
        assert process.stdout is not None and process.stdout.readline() == "open\n"
        with pytest.raises(UsageError, match=REFUSED), Journal(tmp_path / "j"):
            pass
        with JournalReader(tmp_path / "j") as first, JournalReader(tmp_path / "j") as second:
            while first.count("reply") < 10:
                time.sleep(0.01)
            assert second.check() == 10
        process.kill()


def test_a_second_writer_of_the_same_process_is_refused_and_the_first_continues(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        for number in range(3):
            with pytest.raises(UsageError, match=REFUSED), Journal(tmp_path / "j"):
                pass
            assert journal.append("reply", str(number), number).result().is_new
    with Journal(tmp_path / "j") as journal:
        assert journal.check() == 3


def test_of_eight_writers_started_at_once_one_opens_the_journal(tmp_path: Path) -> None:
    processes = [start("hold", tmp_path / "j", "1") for _ in range(8)]
    outputs = []
    try:
        ended_count = 0
        while ended_count < 7:
            ended_count = sum(process.poll() is not None for process in processes)
            time.sleep(0.01)
    finally:
        for process in processes:
            process.kill()
            with process:
                assert process.stdout is not None
                outputs.append(process.stdout.read())
    assert sorted(outputs) == ["", "", "", "", "", "", "", "open\n"]


def test_the_lock_file_of_a_killed_process_does_not_block_the_next_writer(tmp_path: Path) -> None:
    for begin in (0, 10, 20):
        with start("groups", tmp_path / "j", str(begin), "10", "1000000") as process:
            assert process.stdout is not None
            assert [process.stdout.readline() for _ in range(10)] == [f"{begin + n}\n" for n in range(10)]
            process.send_signal(signal.SIGKILL)
        assert (tmp_path / "j.lock").exists()
        with Journal(tmp_path / "j") as journal:
            assert journal.check() >= begin + 10


def test_a_forked_child_cannot_use_the_journal_and_does_not_damage_it(tmp_path: Path) -> None:
    for attempt in range(5):
        lines = run_child("fork", tmp_path / str(attempt), "lives").splitlines()
        refused = "refused the journal was opened before this process forked"
        assert [line.rstrip("0123456789") for line in lines] == [refused, refused, refused, "child "]
        assert read_numbers(tmp_path / str(attempt)) == list(range(150))


def test_a_forked_child_that_outlives_its_parent_does_not_hold_the_lock(tmp_path: Path) -> None:
    with start("fork", tmp_path / "j", "dies") as process:
        assert process.stdout is not None
        output = "".join(process.stdout.readline() for _ in range(4))
        found = re.search(r"child (\d+)", output)
        assert found is not None
        process.kill()
        process.wait()
        try:
            os.kill(int(found[1]), 0)
            with Journal(tmp_path / "j") as journal:
                assert journal.append("reply", "k", 1).result().is_new
        finally:
            os.kill(int(found[1]), signal.SIGKILL)


def test_a_reader_refuses_a_missing_journal_and_creates_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="j: is not a file"), JournalReader(tmp_path / "j"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_journal_can_have_any_name(tmp_path: Path) -> None:
    for name in (b"a b?c#d%41.journal", "é\u2028".encode(), b"caf\xe9"):
        path = tmp_path / os.fsdecode(name)
        with Journal(path) as journal:
            journal.append("reply", "k", 1)
        with JournalReader(path) as reader:
            assert reader.check() == 1
        assert path.exists()


def test_partial_files_of_a_killed_process_are_removed_and_do_not_block(tmp_path: Path) -> None:
    with Journal(tmp_path / "other"):
        pass
    (tmp_path / "other").rename(tmp_path / f".j.{os.getpid()}.partial")
    for end in ("", "-journal", "-wal", "-shm"):
        (tmp_path / f".j.1.partial{end}").write_bytes(b"half")
    (tmp_path / ".j.k.1.partial").write_bytes(b"a partial file of another journal, j.k")
    with Journal(tmp_path / "j") as journal:
        assert journal.append("reply", "k", 1).result().is_new
    assert sorted(path.name for path in tmp_path.iterdir()) == [".j.k.1.partial", "j", "j.lock", "other.lock"]
