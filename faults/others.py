"""The faults that have their tests elsewhere, counted here: the journal and verifiers that misbehave.

The journal's writers are killed and its log is cut by the functions its tests have: of every byte at which it may end
it is counted whether it was appended to. The bad verifiers are counted by test, one for each thing that is thrown.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from data.journal.harness import append_to_tails, in_memory, kill_writers, left_by_a_killed_writer
from faults.acts import Found, folders

TESTS = Path(__file__).resolve().parent.parent / "tests"


def journal(most: int, seed: int = 0) -> Found:
    """Kill so many writers, and cut the log at every byte."""
    with folders() as place:
        tally = kill_writers(place, most, seed)
    bad = {"lost": tally.lost, "doubled": tally.doubled, "moved": tally.moved}
    broken = [f"{len(entries)} acknowledged entries were {what}" for what, entries in bad.items() if entries]
    figures = {
        "writers killed": most,
        "killed before it was open": tally.before_opening,
        "entries acknowledged": tally.acknowledged,
        **{what: len(entries) for what, entries in bad.items()},
    }
    found = half_written()
    return Found("journal", {**figures, **found.figures}, broken + found.broken)


def half_written() -> Found:
    """The log cut at every byte and then appended to."""
    with in_memory() as folder:
        left = left_by_a_killed_writer(folder / "j")
        tails = append_to_tails(left, folder / "j", left.tails())
    bad = {"lost": tails.lost, "glued": tails.glued}
    broken = [f"a log cut at byte {size} and appended to has entries {what}" for what in bad for size in bad[what]]
    if tails.appended != len(left.log) + 1:
        broken.append(f"the log of {len(left.log)} bytes was cut at {tails.appended} places only")
    figures = {"bytes of the log": len(left.log), "tails cut there and appended to": tails.appended}
    return Found("journal", {**figures, **{f"tails {what}": len(bad[what]) for what in bad}}, broken)


def verifiers(most: int | None = None, seed: int = 0) -> Found:
    """Every verifier that misbehaves, and every place of a row that kills its worker."""
    passed, failed = tested("verifiers/guarded")

    def held(name: str) -> str:
        good, bad = (sum(name in one for one in each) for each in (passed, failed))
        return f"{good} of {good + bad}"

    figures = {
        "bad verifiers that are an error": held("test_a_bad_row_is_an_error"),
        "poison rows that cost at most three workers": held("test_a_poison_row"),
        "all tests of them that hold": held(""),
    }
    return Found("verifiers", figures, failed)


def tested(path: str) -> tuple[list[str], list[str]]:
    """The names of the tests there that hold, and of those that do not."""
    with folders() as place:
        told = place / "told.xml"
        options = ["-q", "-p", "no:cacheprovider", f"--junitxml={told}"]
        command = [sys.executable, "-m", "pytest", *options, str(TESTS / path)]
        done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, check=False)
        if not told.is_file():
            return [], [f"{path}: the tests did not run: {done.stdout[-300:]}"]
        cases = list(ElementTree.parse(told).getroot().iter("testcase"))
    names = {case.get("name", ""): all(part.tag not in ("failure", "error") for part in case) for case in cases}
    failed = [name for name, holds in names.items() if not holds]
    return [name for name, holds in names.items() if holds], failed or ([] if names else [f"{path}: no test is there"])
