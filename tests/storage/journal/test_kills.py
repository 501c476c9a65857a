"""A killed writer loses no entry that it acknowledged."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from fault_injection.journal_crashes import kill_writers, parse_numbers, read_numbers, start


@pytest.mark.slow
def test_fifty_kills_at_random_moments_lose_and_double_no_acknowledged_entry(tmp_path: Path) -> None:
    tally = kill_writers(tmp_path, 50)
    assert tally.acknowledged > 500
    assert tally.lost == tally.doubled == tally.moved == []


def test_a_reader_sees_all_acknowledged_entries_right_after_the_kill(tmp_path: Path) -> None:
    with start("write", tmp_path / "j", "0") as process:
        assert process.stdout is not None
        first = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGKILL)
        told = parse_numbers("".join(first) + process.stdout.read())
    found = read_numbers(tmp_path / "j")
    assert len(told) >= 2
    assert set(told) <= set(found)
    assert found == list(range(len(found)))
