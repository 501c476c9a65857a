"""Faults of the journal and of verifiers.

Writers of the journal are killed, and its log is truncated at every byte and appended to. Misbehaving verifiers are
counted by running the tests of isolated verifiers.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from fault_injection.journal_crashes import append_to_tails, kill_writers, make_killed_journal, memory_folder
from fault_injection.workloads import AreaResult, temporary_folder

VERIFIER_TESTS = {
    "bad verifiers that are an error": "test_a_bad_row_is_an_error",
    "poison rows that cost at most three workers": "test_a_poison_row",
    "all tests of them that hold": "test_",
}
"""What the names of the tests of each figure contain."""
TESTS = Path(__file__).resolve().parent.parent / "tests"


def inject_journal_faults(count: int, seed: int = 0) -> AreaResult:
    """Kill this many writers, and truncate the log at every byte."""
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
    """Truncate the log at every byte and append to it."""
    with memory_folder() as folder:
        killed_journal = make_killed_journal(folder / "j")
        tails = append_to_tails(killed_journal, folder / "j", killed_journal.tails())
    bad = {"lost": tails.lost, "glued": tails.corrupt}
    broken = [
        f"a log truncated at byte {size} and appended to has entries {what}" for what in bad for size in bad[what]
    ]
    if tails.appended != len(killed_journal.log) + 1:
        broken.append(f"the log of {len(killed_journal.log)} bytes was truncated at {tails.appended} places only")
    figures = {"bytes of the log": len(killed_journal.log), "tails cut there and appended to": tails.appended}
    return AreaResult("journal", {**figures, **{f"tails {what}": len(bad[what]) for what in bad}}, broken)


def count_verifier_tests(count: int | None = None, seed: int = 0) -> AreaResult:
    """Run the tests of isolated verifiers, and count those about misbehaving verifiers and rows that kill workers."""
    passed, failed = run_tests("verifiers/isolated")
    figures, broken = {}, list(failed)
    for figure, name in VERIFIER_TESTS.items():
        passed_count, failed_count = (sum(name in test for test in tests) for tests in (passed, failed))
        figures[figure] = f"{passed_count} of {passed_count + failed_count}"
        broken += [] if passed_count + failed_count else [f"no test has a name that contains {name!r}"]
    return AreaResult("verifiers", figures, broken)


def run_tests(path: str) -> tuple[list[str], list[str]]:
    """Run the tests in a folder or file; return the names of those that passed and of those that failed."""
    with temporary_folder() as place:
        report_path = place / "report.xml"
        options = ["-q", "-p", "no:cacheprovider", f"--junitxml={report_path}"]
        command = [sys.executable, "-m", "pytest", *options, str(TESTS / path)]
        process = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, check=False)
        if not report_path.is_file():
            return [], [f"{path}: the tests did not run: {process.stdout[-300:]}"]
        cases = list(ElementTree.parse(report_path).getroot().iter("testcase"))
    names = {case.get("name", ""): all(part.tag not in ("failure", "error") for part in case) for case in cases}
    failed = [name for name, holds in names.items() if not holds]
    return [name for name, holds in names.items() if holds], failed or ([] if names else [f"{path}: contains no test"])
