"""Measures how much faster the journal is because it commits groups: `python benchmarks/journal.py [--folder DIR]`.

The same entries are appended to a journal, committed one by one to the same table, and written as lines with one fsync
each, in turns, on the disk of the folder. The script prints medians of entries per second and the ratios, and exits
with 1 if entries are missing. A missed goal is only printed, because the cost of fsync differs between disks.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from winnow.storage.journal.files import JournalEntry, create_journal, encode_document, open_connection
from winnow.storage.journal.journal import INSERT_ENTRY, Journal, JournalReader

GOAL = 20
REPETITIONS = 5
SLOW_SHARE = 10
"""The slow methods write this many times fewer entries, so that all turns take about as long."""


def make_entries(count: int) -> list[tuple[str, dict[str, object]]]:
    """Return keys that are hashes, so that they are spread over the index, and short replies."""
    return [(hashlib.sha256(b"%d" % n).hexdigest(), {"text": f"{n} " * 40, "finish": "stop"}) for n in range(count)]


def append_in_groups(path: Path, count: int) -> float:
    """Return the seconds until all appended entries are acknowledged as durable."""
    journal_entries = make_entries(count)
    with Journal(path) as journal:
        start = time.perf_counter()
        tickets = [journal.append("reply", key, value) for key, value in journal_entries]
        if not all(ticket.result().is_new for ticket in tickets):
            sys.exit("an entry existed before it was appended")
        seconds = time.perf_counter() - start
    return seconds


def commit_one_by_one(path: Path, count: int) -> float:
    """Return the seconds with one transaction per entry."""
    journal_entries = make_entries(count)
    create_journal(path)
    with open_connection(path, "rw") as writing:
        start = time.perf_counter()
        for seq, (key, value) in enumerate(journal_entries, 1):
            writing.execute(
                INSERT_ENTRY, JournalEntry(seq, "reply", key, encode_document("reply", key, value)).to_row()
            )
        return time.perf_counter() - start


def write_synced_lines(path: Path, count: int) -> float:
    """Return the seconds with a text file and one fsync per line."""
    journal_entries = make_entries(count)
    with path.open("wb", buffering=0) as file:
        start = time.perf_counter()
        for key, value in journal_entries:
            file.write(key.encode() + b" " + encode_document("reply", key, value) + b"\n")
            os.fsync(file.fileno())
        return time.perf_counter() - start


def count_entries(path: Path) -> int:
    """Check every entry that was written and return their number."""
    if path.suffix == ".lines":
        return path.read_bytes().count(b"\n")
    with JournalReader(path) as journal:
        return journal.check()


METHODS: dict[str, tuple[Callable[[Path, int], float], str, int]] = {
    "in groups": (append_in_groups, ".journal", 1),
    "one commit per entry": (commit_one_by_one, ".journal", SLOW_SHARE),
    "one synced line per entry": (write_synced_lines, ".lines", SLOW_SHARE),
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the journal's groups against one commit per entry.")
    parser.add_argument("--rows", type=int, default=20_000, help="entries per turn (default 20,000)")
    parser.add_argument("--folder", type=Path, help="a folder on the disk to measure (default: the temporary folder)")
    arguments = parser.parse_args()
    rates: dict[str, list[float]] = {name: [] for name in METHODS}
    missing = False
    with tempfile.TemporaryDirectory(prefix="winnow-bench-", dir=arguments.folder) as folder:
        for turn in range(REPETITIONS):
            for number, (name, (method, suffix, share)) in enumerate(METHODS.items()):
                path, count = Path(folder) / f"{turn}-{number}{suffix}", arguments.rows // share
                rates[name].append(count / method(path, count))
                missing |= count_entries(path) != count
    typical = {name: statistics.median(turns) for name, turns in rates.items()}
    for name, rate in typical.items():
        print(f"{name:26} {rate:9,.0f} entries per second  (from {min(rates[name]):,.0f} to {max(rates[name]):,.0f})")
    ratio, plain = (typical["in groups"] / typical[name] for name in list(METHODS)[1:])
    print(f"ratio to one commit per entry {ratio:.1f}, to synced lines {plain:.1f}; goal {GOAL}: {_yes(ratio >= GOAL)}")
    print(f"every entry is there: {_yes(not missing)}")
    return 1 if missing else 0


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


if __name__ == "__main__":
    sys.exit(main())
