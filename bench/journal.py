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

from winnow.data.journal.entry import Entry, document_of
from winnow.data.journal.file import connected, make
from winnow.data.journal.journal import INSERT, Journal
from winnow.data.journal.reader import JournalReader

GOAL = 20
TURNS = 5
SLOW_SHARE = 10
"""Who forces every entry writes so many times fewer, for the turns to take alike."""


def entries(count: int) -> list[tuple[str, dict[str, object]]]:
    """Keys as hashes are, so that they fall all over the index, and replies of some words."""
    return [(hashlib.sha256(b"%d" % n).hexdigest(), {"text": f"{n} " * 40, "finish": "stop"}) for n in range(count)]


def in_groups(path: Path, count: int) -> float:
    """Seconds to append and to be told that all is durable."""
    given = entries(count)
    with Journal(path) as journal:
        start = time.perf_counter()
        tickets = [journal.append("reply", key, value) for key, value in given]
        if not all(ticket.wait().first for ticket in tickets):
            sys.exit("an entry stood there before it was appended")
        seconds = time.perf_counter() - start
    return seconds


def one_by_one(path: Path, count: int) -> float:
    """Seconds with one transaction for each entry."""
    given = entries(count)
    make(path)
    with connected(path, "rw") as writing:
        start = time.perf_counter()
        for seq, (key, value) in enumerate(given, 1):
            writing.execute(INSERT, Entry(seq, "reply", key, document_of("reply", key, value)).row())
        return time.perf_counter() - start


def lines(path: Path, count: int) -> float:
    """Seconds with a plain file, each line forced."""
    given = entries(count)
    with path.open("wb", buffering=0) as file:
        start = time.perf_counter()
        for key, value in given:
            file.write(key.encode() + b" " + document_of("reply", key, value) + b"\n")
            os.fsync(file.fileno())
        return time.perf_counter() - start


def kept(path: Path) -> int:
    """How many entries are there afterwards, every one of them checked."""
    if path.suffix == ".lines":
        return path.read_bytes().count(b"\n")
    with JournalReader(path) as journal:
        return journal.check()


WAYS: dict[str, tuple[Callable[[Path, int], float], str, int]] = {
    "in groups": (in_groups, ".journal", 1),
    "one commit per entry": (one_by_one, ".journal", SLOW_SHARE),
    "one forced line per entry": (lines, ".lines", SLOW_SHARE),
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the journal's groups against one commit per entry.")
    parser.add_argument("--rows", type=int, default=20_000, help="entries per turn (default 20,000)")
    parser.add_argument("--folder", type=Path, help="where the disk is that counts (default: the temporary folder)")
    asked = parser.parse_args()
    rates: dict[str, list[float]] = {name: [] for name in WAYS}
    missing = False
    with tempfile.TemporaryDirectory(prefix="winnow-bench-", dir=asked.folder) as folder:
        for turn in range(TURNS):
            for number, (name, (way, suffix, share)) in enumerate(WAYS.items()):
                path, count = Path(folder) / f"{turn}-{number}{suffix}", asked.rows // share
                rates[name].append(count / way(path, count))
                missing |= kept(path) != count
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
