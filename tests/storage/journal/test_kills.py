"""A killed writer loses no entry that it acknowledged."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from fault_injection.journal_crashes import kill_writers, parse_numbers, read_numbers, start


@pytest.mark.slow
def test_kills_at_random_moments_lose_and_duplicate_no_acknowledged_entry(tmp_path: Path) -> None:
    tally = kill_writers(tmp_path, 50)
    assert tally.acknowledged > 500
    assert tally.lost == tally.duplicated == tally.moved == []


def test_a_reader_sees_all_acknowledged_entries_right_after_the_kill(tmp_path: Path) -> None:
    with start("write", tmp_path / "j", "0") as process:
        assert process.stdout is not None
        first_lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGKILL)
        acknowledged = parse_numbers("".join(first_lines) + process.stdout.read())
    present = read_numbers(tmp_path / "j")
    assert len(acknowledged) >= 2
    assert set(acknowledged) <= set(present)
    assert present == list(range(len(present)))
