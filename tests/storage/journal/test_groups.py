"""A group becomes durable as a whole and without delay, for any number of threads and however the program ends."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path

import pytest

from fault_injection.journal_crashes import ROOT, environment, read_numbers, run_child, start
from winnow.errors import UsageError
from winnow.storage.journal import journal as journal_module
from winnow.storage.journal.journal import GROUP_ROWS, GROUP_SECONDS, MAX_PENDING, AppendResult, Journal


def test_a_single_entry_is_written_after_the_time_limit_of_a_group(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        begin = time.monotonic()
        future = journal.append("reply", "k", 1)
        future.result(30)
        assert time.monotonic() - begin >= GROUP_SECONDS


def test_a_full_group_does_not_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "GROUP_SECONDS", 600.0)
    with Journal(tmp_path / "j") as journal:
        futures = [journal.append("reply", str(number), number) for number in range(GROUP_ROWS)]
        futures[0].result(60)


def test_readers_see_a_group_completely_or_not_at_all(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        seen = {journal.count("reply")}
        futures = [journal.append("reply", str(number), number) for number in range(3)]
        while not futures[2].done():
            seen.add(journal.count("reply"))
        assert all(future.done() for future in futures)
        assert journal.count("reply") == 3
    assert seen <= {0, 3}


def test_appends_of_eight_threads_are_all_stored_and_one_append_per_key_is_new(tmp_path: Path) -> None:
    firsts: list[int] = []

    def work(thread: int) -> None:
        numbers = range(thread * 250, thread * 250 + 500)
        futures = [journal.append("reply", str(number), {"n": number}) for number in numbers]
        firsts.extend(number for number, future in zip(numbers, futures, strict=True) if future.result().is_new)

    with Journal(tmp_path / "j") as journal:
        threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(firsts) == list(range(7 * 250 + 500))
        assert sorted(entry.value["n"] for entry in journal.entries()) == sorted(firsts)
        assert journal.check() == len(firsts)


def test_a_coroutine_can_wait_for_a_future_and_canceling_it_does_not_undo_the_append(tmp_path: Path) -> None:
    async def work() -> list[int]:
        canceled = asyncio.wrap_future(journal.append("reply", "canceled", 0))
        canceled.cancel()
        results = await asyncio.gather(*(asyncio.wrap_future(journal.append("reply", str(n), n)) for n in range(200)))
        return [result.entry.value for result in results]

    with Journal(tmp_path / "j") as journal:
        assert asyncio.run(work()) == list(range(200))
        assert journal.get("reply", "canceled") is not None


def test_a_future_cannot_be_canceled(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        future = journal.append("reply", "k", 1)
        assert not future.cancel()
        assert future.result().is_new


def test_append_waits_when_too_many_entries_are_pending(tmp_path: Path) -> None:
    waiting = []
    with Journal(tmp_path / "j") as journal:
        futures: list[Future[AppendResult]] = []
        for number in range(6 * MAX_PENDING):
            futures.append(journal.append("reply", str(number), number))
            if number % 100 == 0:
                waiting.append(sum(not future.done() for future in futures))
    assert max(waiting) <= MAX_PENDING + 2 * GROUP_ROWS


def test_closing_writes_entries_that_nobody_waited_for(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        futures = [journal.append("reply", str(number), number) for number in range(100)]
    assert all(future.result(0).is_new for future in futures)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["j", "j.lock"]


def test_an_append_while_the_journal_closes_is_resolved(tmp_path: Path) -> None:
    resolved: list[bool] = []

    def work() -> None:
        for number in range(10_000):
            try:
                future = journal.append("reply", str(number), number)
            except UsageError:
                return
            resolved.append(future.exception(30) is None)

    for attempt in range(10):
        with Journal(tmp_path / str(attempt)) as journal:
            threads = [threading.Thread(target=work) for _ in range(2)]
            for thread in threads:
                thread.start()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
    assert any(resolved)


@pytest.mark.parametrize("times", [1, 3])
def test_ctrl_c_loses_no_appended_entry(times: int, tmp_path: Path) -> None:
    with start("hold", tmp_path / "j", "150") as process:
        assert process.stdout is not None and process.stdout.readline() == "open\n"
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        assert process.wait(30) == -signal.SIGINT
    assert read_numbers(tmp_path / "j") == list(range(150))


def test_a_program_that_ends_without_closing_the_journal_loses_nothing_and_does_not_hang(tmp_path: Path) -> None:
    run_child("leave", tmp_path / "j", "150")
    assert read_numbers(tmp_path / "j") == list(range(150))


def test_the_benchmark_finds_every_entry_and_prints_its_ratio() -> None:
    bench = ROOT / "benchmarks" / "journal.py"
    process = subprocess.run(
        [sys.executable, str(bench), "--rows", "500"], env=environment(), capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    assert re.search(r"ratio to one commit per entry \d+\.\d, .*\nevery entry is there: yes\n", process.stdout)
