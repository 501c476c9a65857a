"""A group becomes durable as a whole and without delay, for any number of threads and however the program ends."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fault_injection.journal_crashes import ROOT, environment, read_numbers, run_child, start
from winnow.errors import UsageError
from winnow.storage.journal import writer
from winnow.storage.journal.writer import GROUP_ROWS, GROUP_SECONDS, MAX_PENDING, Journal, Ticket


def test_a_lone_entry_waits_for_company_and_not_for_long(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        begin = time.monotonic()
        ticket = journal.append("reply", "k", 1)
        ticket.wait(30)
        assert time.monotonic() - begin >= GROUP_SECONDS


def test_a_full_group_does_not_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "GROUP_SECONDS", 600.0)
    with Journal(tmp_path / "j") as journal:
        tickets = [journal.append("reply", str(number), number) for number in range(GROUP_ROWS)]
        tickets[0].wait(60)


def test_a_group_is_seen_whole_or_not_at_all(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        seen = {journal.count("reply")}
        tickets = [journal.append("reply", str(number), number) for number in range(3)]
        while not tickets[2].done():
            seen.add(journal.count("reply"))
        assert all(ticket.done() for ticket in tickets)
        assert journal.count("reply") == 3
    assert seen <= {0, 3}


def test_eight_threads_keep_every_entry_and_each_key_has_one_first(tmp_path: Path) -> None:
    firsts: list[int] = []

    def work(thread: int) -> None:
        numbers = range(thread * 250, thread * 250 + 500)
        tickets = [journal.append("reply", str(number), {"n": number}) for number in numbers]
        firsts.extend(number for number, ticket in zip(numbers, tickets, strict=True) if ticket.wait().is_new)

    with Journal(tmp_path / "j") as journal:
        threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(firsts) == list(range(7 * 250 + 500))
        assert sorted(entry.value["n"] for entry in journal.entries()) == sorted(firsts)
        assert journal.check() == len(firsts)


def test_a_coroutine_waits_for_a_ticket_and_one_that_gives_up_takes_nothing_back(tmp_path: Path) -> None:
    async def work() -> list[int]:
        given_up = asyncio.wrap_future(journal.append("reply", "given up", 0))
        given_up.cancel()
        kept = await asyncio.gather(*(asyncio.wrap_future(journal.append("reply", str(n), n)) for n in range(200)))
        return [each.entry.value for each in kept]

    with Journal(tmp_path / "j") as journal:
        assert asyncio.run(work()) == list(range(200))
        assert journal.get("reply", "given up") is not None


def test_a_ticket_cannot_be_canceled(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        ticket = journal.append("reply", "k", 1)
        assert not ticket.cancel()
        assert ticket.wait().is_new


def test_whoever_hands_over_faster_than_the_disk_takes_is_held_back(tmp_path: Path) -> None:
    waiting = []
    with Journal(tmp_path / "j") as journal:
        tickets: list[Ticket] = []
        for number in range(6 * MAX_PENDING):
            tickets.append(journal.append("reply", str(number), number))
            if number % 100 == 0:
                waiting.append(sum(not ticket.done() for ticket in tickets))
    assert max(waiting) <= MAX_PENDING + 2 * GROUP_ROWS


def test_closing_writes_what_was_handed_over_and_nobody_waited_for(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        tickets = [journal.append("reply", str(number), number) for number in range(100)]
    assert all(ticket.wait(0).is_new for ticket in tickets)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["j", "j.lock"]


def test_a_ticket_handed_over_while_the_journal_closes_is_answered(tmp_path: Path) -> None:
    answered: list[bool] = []

    def work() -> None:
        for number in range(10_000):
            try:
                ticket = journal.append("reply", str(number), number)
            except UsageError:
                return
            answered.append(ticket.exception(30) is None)

    for attempt in range(10):
        with Journal(tmp_path / str(attempt)) as journal:
            threads = [threading.Thread(target=work) for _ in range(2)]
            for thread in threads:
                thread.start()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
    assert any(answered)


@pytest.mark.parametrize("times", [1, 3])
def test_ctrl_c_loses_nothing_that_was_handed_over(times: int, tmp_path: Path) -> None:
    with start("hold", tmp_path / "j", "150") as process:
        assert process.stdout is not None and process.stdout.readline() == "open\n"
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        assert process.wait(30) == -signal.SIGINT
    assert read_numbers(tmp_path / "j") == list(range(150))


def test_a_program_that_ends_without_closing_loses_nothing_and_does_not_hang(tmp_path: Path) -> None:
    run_child("leave", tmp_path / "j", "150")
    assert read_numbers(tmp_path / "j") == list(range(150))


def test_the_benchmark_finds_every_entry_and_prints_its_ratio() -> None:
    bench = ROOT / "benchmarks" / "journal.py"
    ended = subprocess.run(
        [sys.executable, str(bench), "--rows", "500"], env=environment(), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"ratio to one commit per entry \d+\.\d, .*\nevery entry is there: yes\n", ended.stdout)
