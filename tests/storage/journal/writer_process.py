"""A process of its own that writes a journal, for the tests to kill, starve and fork: `child.py WORK PATH [ARGUMENTS]`.

Says on standard output what it was told, one number a line and not a moment earlier. Knows nothing of what is
expected; entry number n has a key and a document that anyone can compute.
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
from functools import partial
from pathlib import Path

from winnow.errors import EnvironmentFault, WinnowError
from winnow.storage.journal.writer import GROUP_ROWS, Journal, Ticket

BALLAST = 200_000
MORE = 20
"""Entries to append where there is room again."""


def key(number: int) -> str:
    """Spread over the index, as hashes are."""
    return f"{random.Random(number).getrandbits(64):016x}-{number}"


def value(number: int) -> dict[str, object]:
    """Of sizes from a few bytes to more than a page."""
    return {"n": number, "text": "aé\u2028"[number % 3] * (number * 37 % 5000 if number % 50 == 0 else number % 90)}


def say(*words: object) -> None:
    """In one write, so that a killed process said all of a line or none of it."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def append(journal: Journal, numbers: range) -> list[Ticket]:
    """Hand over these entries."""
    return [journal.append("reply", key(number), value(number)) for number in numbers]


def write(path: Path, begin: str) -> None:
    """Bursts of many sizes from an entry on, until somebody ends the process."""
    number, sizes = int(begin), random.Random(begin)
    with Journal(path) as journal:
        say("open")
        while True:
            burst = range(number, number + sizes.choice((1, 5, 64, 128, 200)))
            for told, ticket in zip(burst, append(journal, burst), strict=True):
                ticket.wait()
                say(told)
            number = burst.stop


def groups(path: Path, begin: str, *sizes: str) -> None:
    """Groups of just these sizes, each durable before the next is handed over."""
    number = int(begin)
    with Journal(path) as journal:
        for size in map(int, sizes):
            for told, ticket in zip(range(size), append(journal, range(number, number + size)), strict=True):
                ticket.wait()
                say(number + told)
            number += size


def hold(path: Path, count: str = "0") -> None:
    """Hand over some entries and stay, without asking what became of them."""
    with Journal(path) as journal:
        append(journal, range(int(count)))
        say("open")
        time.sleep(60)


def leave(path: Path, count: str) -> None:
    """Hand over some entries and end without closing."""
    append(Journal(path).__enter__(), range(int(count)))


def fork(path: Path, parent: str) -> None:
    """A forked child tries every use; the parent goes on, or dies while the child lives."""
    with Journal(path) as journal:
        tickets = append(journal, range(100))
        if os.fork() == 0:
            for use in (lambda: append(journal, range(200, 201)), lambda: journal.get("reply", key(0)), journal.check):
                try:
                    use()
                except WinnowError as error:
                    say("refused", error.problem)
            say("child", os.getpid())
            time.sleep(0 if parent == "lives" else 60)
            sys.exit()
        if parent == "dies":
            time.sleep(60)
        os.wait()
        for ticket in (*tickets, *append(journal, range(100, 150))):
            ticket.wait()


def limited(path: Path, size: str) -> None:
    """No file may grow over a size, and later it may."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    _fill(
        path,
        full=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), limit[1])),
        free=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )


def mounted(path: Path, *sizes: str) -> None:
    """The same on real file systems of these sizes, some room being made afterwards; needs a mount space of its own."""
    for size in sizes:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path.parent], check=True)
        ballast = path.parent / "ballast"
        _fill(path, full=partial(ballast.write_bytes, bytes(BALLAST)), free=ballast.unlink)
        subprocess.run(["umount", path.parent], check=True)


def _fill(path: Path, full: Callable[[], object], free: Callable[[], object]) -> None:
    """Write until the machine says no, then make room and open again; says what was told and what is there."""
    said: dict[str, object] = {}
    full()
    try:
        with Journal(path) as journal:
            said |= _until_refused(journal)
    except EnvironmentFault as error:
        said |= {"block": str(error), "code": error.exit_code}
    free()
    with Journal(path) as journal:
        kept = [entry.value["n"] for entry in journal.entries()]
        after = append(journal, range(len(kept) + MORE))
    firsts = [number for number, ticket in enumerate(after) if ticket.wait().is_new]
    say(json.dumps({**said, "kept": kept, "firsts": firsts}))


def _until_refused(journal: Journal) -> dict[str, object]:
    """What was told of each entry, and to whoever came later."""
    told: list[int] = []
    refused: list[str] = []
    for begin in itertools.count(step=GROUP_ROWS):
        try:
            tickets = append(journal, range(begin, begin + GROUP_ROWS))
        except EnvironmentFault as error:
            return {"told": told, "refused": refused, "later": str(error)}
        for number, ticket in enumerate(tickets, begin):
            try:
                ticket.wait()
                told.append(number)
            except EnvironmentFault as error:
                refused.append(str(error))
    raise AssertionError


WORKS = {work.__name__: work for work in (write, groups, hold, leave, fork, limited, mounted)}

if __name__ == "__main__":
    WORKS[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
