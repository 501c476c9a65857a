"""What groups are worth to the journal: `python bench/journal.py [--folder DIR]`, on the disk of that folder.

The same entries, in turns of one run: appended to a journal, committed one by one to the same table with the same
settings, and written as lines each forced to disk. Prints medians of entries per second and the ratios. Ends with 1
if entries are missing; a goal that is missed is said and changes nothing, because disks differ in what a forced
write costs, and the journal's own work is a floor under its time.
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

from winnow.storage.journal.entry import JournalEntry, encode_document
from winnow.storage.journal.reader import JournalReader
from winnow.storage.journal.sqlite_file import create_journal, open_connection
from winnow.storage.journal.writer import INSERT_ENTRY, Journal

GOAL = 20
REPETITIONS = 5
SLOW_SHARE = 10
"""Who forces every entry writes so many times fewer, for the turns to take alike."""


def entries(count: int) -> list[tuple[str, dict[str, object]]]:
    """Keys as hashes are, so that they fall all over the index, and replies of some words."""
    return [(hashlib.sha256(b"%d" % n).hexdigest(), {"text": f"{n} " * 40, "finish": "stop"}) for n in range(count)]


def append_in_groups(path: Path, count: int) -> float:
    """Seconds to append and to be told that all is durable."""
    journal_entries = entries(count)
    with Journal(path) as journal:
        start = time.perf_counter()
        tickets = [journal.append("reply", key, value) for key, value in journal_entries]
        if not all(ticket.wait().is_new for ticket in tickets):
            sys.exit("an entry stood there before it was appended")
        seconds = time.perf_counter() - start
    return seconds


def commit_one_by_one(path: Path, count: int) -> float:
    """Seconds with one transaction for each entry."""
    journal_entries = entries(count)
    create_journal(path)
    with open_connection(path, "rw") as writing:
        start = time.perf_counter()
        for seq, (key, value) in enumerate(journal_entries, 1):
            writing.execute(
                INSERT_ENTRY, JournalEntry(seq, "reply", key, encode_document("reply", key, value)).to_row()
            )
        return time.perf_counter() - start


def write_forced_lines(path: Path, count: int) -> float:
    """Seconds with a plain file, each line forced."""
    journal_entries = entries(count)
    with path.open("wb", buffering=0) as file:
        start = time.perf_counter()
        for key, value in journal_entries:
            file.write(key.encode() + b" " + encode_document("reply", key, value) + b"\n")
            os.fsync(file.fileno())
        return time.perf_counter() - start


def count_entries(path: Path) -> int:
    """How many entries are there afterwards, every one of them checked."""
    if path.suffix == ".lines":
        return path.read_bytes().count(b"\n")
    with JournalReader(path) as journal:
        return journal.check()


WAYS: dict[str, tuple[Callable[[Path, int], float], str, int]] = {
    "in groups": (append_in_groups, ".journal", 1),
    "one commit per entry": (commit_one_by_one, ".journal", SLOW_SHARE),
    "one forced line per entry": (write_forced_lines, ".lines", SLOW_SHARE),
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the journal's groups against one commit per entry.")
    parser.add_argument("--rows", type=int, default=20_000, help="entries per turn (default 20,000)")
    parser.add_argument("--folder", type=Path, help="where the disk is that counts (default: the temporary folder)")
    arguments = parser.parse_args()
    rates: dict[str, list[float]] = {name: [] for name in WAYS}
    missing = False
    with tempfile.TemporaryDirectory(prefix="winnow-bench-", dir=arguments.folder) as folder:
        for turn in range(REPETITIONS):
            for number, (name, (way, suffix, share)) in enumerate(WAYS.items()):
                path, count = Path(folder) / f"{turn}-{number}{suffix}", arguments.rows // share
                rates[name].append(count / way(path, count))
                missing |= count_entries(path) != count
    typical = {name: statistics.median(each) for name, each in rates.items()}
    for name, rate in typical.items():
        print(f"{name:26} {rate:9,.0f} entries per second  (from {min(rates[name]):,.0f} to {max(rates[name]):,.0f})")
    ratio, plain = (typical["in groups"] / typical[name] for name in list(WAYS)[1:])
    print(f"ratio to one commit per entry {ratio:.1f}, to forced lines {plain:.1f}; goal {GOAL}: {_yes(ratio >= GOAL)}")
    print(f"every entry is there: {_yes(not missing)}")
    return 1 if missing else 0


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


if __name__ == "__main__":
    sys.exit(main())
