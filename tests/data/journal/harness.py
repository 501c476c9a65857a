"""Starts the process of child.py, kills it at random moments, and counts what was lost; for any number of kills."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from data.journal.child import key, value
from winnow.data.errors import UsageError
from winnow.data.journal.reader import JournalReader

TESTS = Path(__file__).parents[2]
STEP_BACK = 40
KILLS_OF_ONE_JOURNAL = 50


def command(*arguments: str | Path) -> list[str]:
    """How the child is called."""
    return [sys.executable, "-W", "ignore", str(Path(__file__).with_name("child.py")), *map(str, arguments)]


def environment() -> dict[str, str]:
    """One in which the child finds the code under test."""
    paths = [str(TESTS), str(TESTS.parent / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """The child, running; what it says is read from its standard output."""
    return subprocess.Popen(command(*arguments), env=environment(), stdout=subprocess.PIPE, text=True)


def done(*arguments: str | Path) -> str:
    """What the child said, once it ended well."""
    ended = subprocess.run(
        command(*arguments), env=environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def numbers(said: str) -> list[int]:
    """The entries the child was told are durable."""
    return [int(line) for line in said.splitlines() if line.isdigit()]


def kept(path: Path) -> list[int]:
    """The entries of a journal, all of it checked, each being what the child wrote."""
    with JournalReader(path) as journal:
        entries = list(journal.entries())
        assert journal.check() == len(entries)
    found = [entry.value["n"] for entry in entries]
    assert [(entry.key, entry.value) for entry in entries] == [(key(number), value(number)) for number in found]
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    return found


def _kept_so_far(path: Path, told: set[int]) -> list[int]:
    """The same where the writer may have died before there was a journal, if it was not told otherwise."""
    try:
        return kept(path)
    except UsageError:
        if told:
            raise
        return []


@dataclass
class Kills:
    """What many kills did."""

    acknowledged: int = 0
    before_opening: int = 0
    lost: list[int] = field(default_factory=list)
    doubled: list[int] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)


def kill_writers(folder: Path, kills: int, seed: int = 0) -> Kills:
    """Writers one after another on the same journal, each killed at a random moment, some while they open it.

    Each begins some entries before the last one known, so that what stands there is handed over again.
    """
    tally, chance = Kills(), random.Random(seed)
    told: set[int] = set()
    before: list[int] = []
    for kill in range(kills):
        path = folder / f"{kill // KILLS_OF_ONE_JOURNAL}.journal"
        if kill % KILLS_OF_ONE_JOURNAL == 0:
            told, before = set(), []
        with start("write", path, str(max([STEP_BACK, *told, *before]) - STEP_BACK)) as process:
            assert process.stdout is not None
            opened = kill % 4 > 0 and process.stdout.readline() == "open\n"
            time.sleep(chance.uniform(0, 0.3))
            process.kill()
            said = process.stdout.read()
        tally.before_opening += not opened and "open" not in said
        told |= set(numbers(said))
        tally.acknowledged += len(numbers(said))
        now = _kept_so_far(path, told)
        tally.lost += sorted(told - set(now))
        tally.doubled += sorted({number for number in now if now.count(number) > 1}) if len(set(now)) < len(now) else []
        tally.moved += [number for number, again in zip(before, now, strict=False) if number != again]
        before = now
    return tally
