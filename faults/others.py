"""The faults that have their tests elsewhere, counted here: the journal and verifiers that misbehave.

The journal's writers are killed by the function its tests have, as often as is asked; its half-written tails and the
bad verifiers are counted by test, one for each thing that is thrown. Nothing is thrown twice in two places.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from data.journal.harness import kill_writers
from faults.acts import Found, folders

TESTS = Path(__file__).resolve().parent.parent / "tests"


def journal(most: int, seed: int = 0) -> Found:
    """Kill so many writers, and cut the log at every byte."""
    with folders() as place:
        tally = kill_writers(place, most, seed)
    bad = {"lost": tally.lost, "doubled": tally.doubled, "moved": tally.moved}
    broken = [f"{len(entries)} acknowledged entries were {what}" for what, entries in bad.items() if entries]
    passed, failed = tested("data/journal/test_half_written.py")
    figures = {
        "writers killed": most,
        "killed before it was open": tally.before_opening,
        "entries acknowledged": tally.acknowledged,
        **{what: len(entries) for what, entries in bad.items()},
        "half-written tails, tests that hold": f"{len(passed)} of {len(passed) + len(failed)}",
    }
    return Found("journal", figures, broken + failed)


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
