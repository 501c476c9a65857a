"""The faults that have their tests elsewhere, counted here: the journal and verifiers that misbehave.

The journal's writers are killed and its log is cut by the functions its tests have: of every byte at which it may end
it is counted whether it was appended to. The bad verifiers are counted by test, one for each thing that is thrown.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from fault_injection.workloads import AreaResult, temporary_folder
from tests.storage.journal.crash_harness import append_to_tails, kill_writers, make_killed_journal, memory_folder

TESTS = Path(__file__).resolve().parent.parent / "tests"


def inject_journal_faults(count: int, seed: int = 0) -> AreaResult:
    """Kill so many writers, and cut the log at every byte."""
    with temporary_folder() as place:
        tally = kill_writers(place, count, seed)
    bad = {"lost": tally.lost, "doubled": tally.doubled, "moved": tally.moved}
    broken = [f"{len(entries)} acknowledged entries were {what}" for what, entries in bad.items() if entries]
    figures = {
        "writers killed": count,
        "killed before it was open": tally.before_opening,
        "entries acknowledged": tally.acknowledged,
        **{what: len(entries) for what, entries in bad.items()},
    }
    found = append_to_cut_logs()
    return AreaResult("journal", {**figures, **found.figures}, broken + found.broken)


def append_to_cut_logs() -> AreaResult:
    """The log cut at every byte and then appended to."""
    with memory_folder() as folder:
        killed_journal = make_killed_journal(folder / "j")
        tails = append_to_tails(killed_journal, folder / "j", killed_journal.tails())
    bad = {"lost": tails.lost, "glued": tails.corrupt}
    broken = [f"a log cut at byte {size} and appended to has entries {what}" for what in bad for size in bad[what]]
    if tails.appended != len(killed_journal.log) + 1:
        broken.append(f"the log of {len(killed_journal.log)} bytes was cut at {tails.appended} places only")
    figures = {"bytes of the log": len(killed_journal.log), "tails cut there and appended to": tails.appended}
    return AreaResult("journal", {**figures, **{f"tails {what}": len(bad[what]) for what in bad}}, broken)


def count_verifier_tests(count: int | None = None, seed: int = 0) -> AreaResult:
    """Every verifier that misbehaves, and every place of a row that kills its worker."""
    passed, failed = run_tests("verifiers/guarded")

    def held(name: str) -> str:
        good, bad = (sum(name in one for one in each) for each in (passed, failed))
        return f"{good} of {good + bad}"

    figures = {
        "bad verifiers that are an error": held("test_a_bad_row_is_an_error"),
        "poison rows that cost at most three workers": held("test_a_poison_row"),
        "all tests of them that hold": held(""),
    }
    return AreaResult("verifiers", figures, failed)


def run_tests(path: str) -> tuple[list[str], list[str]]:
    """The names of the tests there that hold, and of those that do not."""
    with temporary_folder() as place:
        report_path = place / "told.xml"
        options = ["-q", "-p", "no:cacheprovider", f"--junitxml={report_path}"]
        command = [sys.executable, "-m", "pytest", *options, str(TESTS / path)]
        process = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, check=False)
        if not report_path.is_file():
            return [], [f"{path}: the tests did not run: {process.stdout[-300:]}"]
        cases = list(ElementTree.parse(report_path).getroot().iter("testcase"))
    names = {case.get("name", ""): all(part.tag not in ("failure", "error") for part in case) for case in cases}
    failed = [name for name, holds in names.items() if not holds]
    return [name for name, holds in names.items() if holds], failed or ([] if names else [f"{path}: no test is there"])
