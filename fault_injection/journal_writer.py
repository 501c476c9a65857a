"""Writes a journal in a process that is killed, forked or runs out of space: `journal_writer.py WORK PATH [ARGUMENTS]`.

It prints the number of every entry that became durable, one per line and not earlier. Entry number n has a key and a
value that can be computed from n.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from winnow.errors import EnvironmentFault, WinnowError
from winnow.storage.journal.journal import GROUP_ROWS, AppendResult, Journal

BALLAST = 200_000
ENTRIES_AFTER_FULL = 20
"""How many entries to append when there is space again."""


def key(number: int) -> str:
    """Return the key of an entry; keys are spread over the index like hashes."""
    return f"{random.Random(number).getrandbits(64):016x}-{number}"


def value(number: int) -> dict[str, object]:
    """Return the value of an entry, from a few bytes to more than a page."""
    return {"n": number, "text": "aé\u2028"[number % 3] * (number * 37 % 5000 if number % 50 == 0 else number % 90)}


def print_line(*values: object) -> None:
    """Print a line in one write, so that a killed process printed all of it or nothing."""
    os.write(1, (" ".join(map(str, values)) + "\n").encode())


def append(journal: Journal, numbers: range) -> list[Future[AppendResult]]:
    """Append the entries with these numbers."""
    return [journal.append("reply", key(number), value(number)) for number in numbers]


def write(path: Path, begin: str) -> None:
    """Append bursts of different sizes until the process is killed."""
    number, sizes = int(begin), random.Random(begin)
    with Journal(path) as journal:
        print_line("open")
        while True:
            burst = range(number, number + sizes.choice((1, 5, 64, 128, 200)))
            for entry, future in zip(burst, append(journal, burst), strict=True):
                future.result()
                print_line(entry)
            number = burst.stop


def groups(path: Path, begin: str, *sizes: str) -> None:
    """Append groups of these sizes, each durable before the next one starts."""
    number = int(begin)
    with Journal(path) as journal:
        for size in map(int, sizes):
            for entry, future in zip(range(size), append(journal, range(number, number + size)), strict=True):
                future.result()
                print_line(number + entry)
            number += size


def hold(path: Path, count: str = "0") -> None:
    """Append some entries and sleep without waiting for them to become durable."""
    with Journal(path) as journal:
        append(journal, range(int(count)))
        print_line("open")
        time.sleep(60)


def leave(path: Path, count: str) -> None:
    """Append some entries and end without closing the journal."""
    append(Journal(path).__enter__(), range(int(count)))


def fork(path: Path, parent: str) -> None:
    """Fork a child that tries every method; the parent continues, or is killed while the child lives."""
    with Journal(path) as journal:
        futures = append(journal, range(100))
        if os.fork() == 0:
            for use in (lambda: append(journal, range(200, 201)), lambda: journal.get("reply", key(0)), journal.check):
                try:
                    use()
                except WinnowError as error:
                    print_line("refused", error.problem)
            print_line("child", os.getpid())
            time.sleep(0 if parent == "lives" else 60)
            sys.exit()
        if parent == "dies":
            time.sleep(60)
        os.wait()
        for future in (*futures, *append(journal, range(100, 150))):
            future.result()


def limited(path: Path, size: str) -> None:
    """Fill the journal while no file may exceed a size, and continue without the limit."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    _fill(
        path,
        full=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), limit[1])),
        free=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )


def mounted(path: Path, *sizes: str) -> None:
    """Fill the journal on file systems of these sizes, then free some space; needs a mount namespace of its own."""
    for size in sizes:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path.parent], check=True)
        ballast = path.parent / "ballast"
        _fill(path, full=partial(ballast.write_bytes, bytes(BALLAST)), free=ballast.unlink)
        subprocess.run(["umount", path.parent], check=True)


def _fill(path: Path, full: Callable[[], object], free: Callable[[], object]) -> None:
    """Append until the disk is full, free space and open again; print what was acknowledged and what is there."""
    outcome: dict[str, object] = {}
    full()
    try:
        with Journal(path) as journal:
            outcome |= _until_refused(journal)
    except EnvironmentFault as error:
        outcome |= {"error": str(error), "code": error.exit_code}
    free()
    with Journal(path) as journal:
        present = [entry.value["n"] for entry in journal.entries()]
        after = append(journal, range(len(present) + ENTRIES_AFTER_FULL))
    new = [number for number, future in enumerate(after) if future.result().is_new]
    print_line(json.dumps({**outcome, "present": present, "new": new}))


def _until_refused(journal: Journal) -> dict[str, object]:
    """Append until an error; return the acknowledged entries, and the errors of the waiting and of later entries."""
    acknowledged: list[int] = []
    refused: list[str] = []
    for begin in itertools.count(step=GROUP_ROWS):
        try:
            futures = append(journal, range(begin, begin + GROUP_ROWS))
        except EnvironmentFault as error:
            return {"acknowledged": acknowledged, "refused": refused, "later": str(error)}
        for number, future in enumerate(futures, begin):
            try:
                future.result()
                acknowledged.append(number)
            except EnvironmentFault as error:
                refused.append(str(error))
    raise AssertionError


WORKS = {work.__name__: work for work in (write, groups, hold, leave, fork, limited, mounted)}

if __name__ == "__main__":
    WORKS[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
