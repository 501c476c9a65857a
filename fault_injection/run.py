"""Injects faults into winnow and counts what breaks: `python fault_injection/run.py [--short] [--only NAME]`.

It prints the figures of every area and every broken promise, and exits with 1 if a promise is broken. The full form
also writes results/faults.json and the table in docs/explanation/promises.md. The short form runs on every push. The
same seed draws the same faults, though not at the same moments. Several faults are injected at once, each in its own
folder, by default one for each core; --at-once 1 leaves cores for other work.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fault_injection.folder_faults import inject_folder_faults
from fault_injection.fsync_order import check_fsync_order
from fault_injection.journal_and_verifiers import count_verifier_tests, inject_journal_faults
from fault_injection.random_kills import inject_kills
from fault_injection.store_damage import damage_stores
from fault_injection.syscall_faults import inject_syscall_faults
from fault_injection.workloads import AreaResult, map_in_processes

ROOT = Path(__file__).resolve().parent.parent
BEGIN_MARK, END_MARK = "<!-- faults: begin -->", "<!-- faults: end -->"
PAGE = ROOT / "docs" / "explanation" / "promises.md"
PLACEHOLDER = "The full form has not been run to its end yet. `make faults` writes its results here."
PACKAGES = ("winnow-data", "duckdb", "numpy", "pyarrow")
MAX_PROCESSES = 4


@dataclass(frozen=True)
class FaultArea:
    """An area of faults, and how many are injected in the full form (None: all there are) and in the short one."""

    inject: Callable[..., AreaResult]
    description: str
    full_count: int | None
    short_count: int
    is_shared: bool = False
    """Whether its faults are divided among several processes; the other areas are small and run at the same time."""


AREAS = {
    "points": FaultArea(inject_syscall_faults, "a fault at every system call of a commit", None, 84, is_shared=True),
    "kills": FaultArea(inject_kills, "runs killed at random moments", 1000, 40, is_shared=True),
    "order": FaultArea(check_fsync_order, "order of fsync and rename", None, 0),
    "damage": FaultArea(damage_stores, "damaged stores", 1100, 220),
    "folders": FaultArea(inject_folder_faults, "locks, read-only folders, full disks", 20, 3),
    "journal": FaultArea(inject_journal_faults, "journal writers killed, journal log truncated", 200, 20),
    "verifiers": FaultArea(count_verifier_tests, "verifiers that misbehave", None, 0),
}


def parse_options() -> argparse.Namespace:
    """Read the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="few faults of each kind; write nothing")
    parser.add_argument("--only", choices=AREAS, help="run one area; write nothing")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random moments and bits")
    processes = min(MAX_PROCESSES, os.cpu_count() or 1)
    parser.add_argument(
        "--at-once", type=int, default=processes, help=f"faults injected at the same time (here {processes})"
    )
    options = parser.parse_args()
    if options.at_once < 1:
        parser.error(f"--at-once: {options.at_once} is not a number of faults; give 1 or more")
    return options


def main() -> int:
    """Inject the faults, print the figures and write the report."""
    options, start = parse_options(), perf_counter()
    results: dict[str, Any] = {}
    broken: list[str] = []
    for name, seconds, result in run_areas(options):
        broken += result.broken
        results[name] = {"figures": result.figures, "seconds": round(seconds)}
        print("\n".join(format_area(name, results[name], result.broken)), flush=True)
    if not options.short and options.only is None:
        settings = {"seed": options.seed, "seconds": round(perf_counter() - start), "at_once": options.at_once}
        write_report({**settings, "broken": broken, "areas": {name: results[name] for name in AREAS}})
    print(f"{len(broken)} promises broken" if broken else "every promise held")
    return 1 if broken else 0


def run_areas(options: argparse.Namespace) -> Iterator[tuple[str, float, AreaResult]]:
    """Run the chosen areas: those that use several processes one after the other, the others at the same time."""
    names = [name for name in AREAS if options.only in (None, name)]
    for name in names:
        if AREAS[name].is_shared:
            yield run_area(options, name, processes=options.at_once)
    # The last areas take longest, so they start first.
    unshared = [name for name in reversed(names) if not AREAS[name].is_shared]
    yield from map_in_processes(partial(run_area, options), unshared, options.at_once)


def run_area(options: argparse.Namespace, name: str, **processes: int) -> tuple[str, float, AreaResult]:
    """Run one area; return its name, the seconds it took and its result."""
    start, area = perf_counter(), AREAS[name]
    result = area.inject(area.short_count if options.short else area.full_count, options.seed, **processes)
    return name, perf_counter() - start, result


def format_area(name: str, result: dict[str, Any], broken: Sequence[str]) -> list[str]:
    """Format the result of an area for the terminal."""
    text_lines = [f"{name}: {AREAS[name].description} ({result['seconds']:,} s)"]
    text_lines += [f"  {figure:<55} {format_figure(value)}" for figure, value in result["figures"].items()]
    return [*text_lines, *(f"  BROKEN {problem}" for problem in broken)]


def format_figure(value: object) -> str:
    """Format a figure with separators between thousands."""
    if isinstance(value, dict):
        return ", ".join(f"{name}: {format_figure(figure)}" for name, figure in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)


def write_report(measured: dict[str, Any]) -> None:
    """Write the figures to results/ and into the documentation."""
    versions = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    document = {**measured, "versions": versions}
    path = ROOT / "results" / "faults.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN_MARK)
    PAGE.write_text(
        f"{before}{BEGIN_MARK}\n{format_table(document)}\n{END_MARK}{rest.split(END_MARK)[1]}", encoding="utf-8"
    )


def format_table(document: dict[str, Any]) -> str:
    """Format the figures as a Markdown table with the settings and versions."""
    rows = ["| fault | count | result |", "| --- | --- | --- |"]
    for name, result in document["areas"].items():
        for number, (figure, value) in enumerate(result["figures"].items()):
            rows.append(f"| {'' if number else AREAS[name].description} | {figure} | {format_figure(value)} |")
    used = ", ".join(f"{name} {number}" for name, number in document["versions"].items())
    outcome = f"{len(document['broken'])} promises broken" if document["broken"] else "Every promise held"
    settings = f"Seed {document['seed']}, {document['seconds']:,} seconds, {document['at_once']} faults at once"
    return "\n".join([*rows, "", f"{outcome}. {settings}. {used}."])


if __name__ == "__main__":
    sys.exit(main())
