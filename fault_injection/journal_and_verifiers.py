"""Faults of the journal and of verifiers.

Writers of a journal are killed, and its log is truncated at every byte and appended to. Misbehaving verifiers are
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
    "misbehaving verifiers recorded as an error": "test_a_bad_row_is_an_error",
    "rows that kill their worker and cost at most three workers": "test_a_poison_row",
    "tests of this passed": "test_",
}
"""For each figure, what the names of its tests contain."""
TESTS = Path(__file__).resolve().parent.parent / "tests"


def inject_journal_faults(count: int, seed: int = 0) -> AreaResult:
    """Kill this many writers, and truncate the log at every byte."""
    with temporary_folder() as place:
        tally = kill_writers(place, count, seed)
    wrong = {"lost": tally.lost, "duplicated": tally.duplicated, "out of order": tally.moved}
    broken = [f"{len(entries)} acknowledged entries were {what}" for what, entries in wrong.items() if entries]
    figures = {
        "writers killed": count,
        "killed before the journal was open": tally.before_opening,
        "entries acknowledged": tally.acknowledged,
        **{f"entries {what}": len(entries) for what, entries in wrong.items()},
    }
    truncations = append_to_truncated_logs()
    return AreaResult("journal", {**figures, **truncations.figures}, broken + truncations.broken)


def append_to_truncated_logs() -> AreaResult:
    """Truncate the log at every byte and append to it."""
    with memory_folder() as folder:
        killed_journal = make_killed_journal(folder / "j")
        tails = append_to_tails(killed_journal, folder / "j", killed_journal.tails())
    wrong = {"lost": tails.lost, "merged": tails.corrupt}
    broken = [
        f"entries were {what} when the log was truncated at byte {size} and appended to"
        for what, sizes in wrong.items()
        for size in sizes
    ]
    if tails.appended != len(killed_journal.log) + 1:
        broken.append(f"the log of {len(killed_journal.log)} bytes was truncated at {tails.appended} places only")
    figures = {
        "bytes of the log": len(killed_journal.log),
        "truncations, each appended to and read again": tails.appended,
    }
    return AreaResult(
        "journal", {**figures, **{f"entries {what} after a truncation": len(s) for what, s in wrong.items()}}, broken
    )


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
