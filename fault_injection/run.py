"""Throws faults at winnow and counts what breaks: `python faults/run.py [--short] [--only NAME] [--seed N]`.

Prints the figures of every area and names every promise that was broken; ends with 1 if there is one. The deep form,
when all areas were done, also writes results/faults.json and the part between the marks of docs/promises.md. The short
form is what a push does. Seeds are printed: the same seed draws the same faults, though not the same moments. Several
faults are thrown at once, each in a folder of its own, as many as there are cores; --at-once 1 leaves room for others.
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
PLACEHOLDER = "The deep form has not been run to its end yet; `make faults` writes its figures here."
PACKAGES = ("winnow-data", "duckdb", "numpy", "pyarrow")
MAX_PROCESSES = 4


@dataclass(frozen=True)
class FaultArea:
    """What is thrown there, how many times in the deep form (None: all there are) and in the short one."""

    inject: Callable[..., AreaResult]
    description: str
    deep_count: int | None
    short_count: int
    is_shared: bool = False
    """Whether several hands share its faults; the other areas are small, and done beside each other."""


AREAS = {
    "points": FaultArea(inject_syscall_faults, "a fault at every system call of a commit", None, 84, is_shared=True),
    "kills": FaultArea(inject_kills, "runs killed at random moments", 1000, 40, is_shared=True),
    "order": FaultArea(check_fsync_order, "the order in which things are forced to disk", None, 0),
    "damage": FaultArea(damage_stores, "damaged stores", 1100, 220),
    "folders": FaultArea(inject_folder_faults, "locks, closed folders, full disks", 20, 3),
    "journal": FaultArea(inject_journal_faults, "the journal's writers killed, its log cut", 200, 20),
    "verifiers": FaultArea(count_verifier_tests, "verifiers that misbehave", None, 0),
}


def parse_options() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="few faults of each kind; writes nothing")
    parser.add_argument("--only", choices=AREAS, help="one area; writes nothing")
    parser.add_argument("--seed", type=int, default=0, help="draws the moments and the bits")
    processes = min(MAX_PROCESSES, os.cpu_count() or 1)
    parser.add_argument(
        "--at-once", type=int, default=processes, help=f"faults thrown at the same time (here {processes})"
    )
    options = parser.parse_args()
    if options.at_once < 1:
        parser.error(f"--at-once: {options.at_once} is no number of faults; give 1 or more")
    return options


def main() -> int:
    """Throw, print, write."""
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
    """The areas that were asked for, one after the other where hands share its faults, else beside each other."""
    names = [name for name in AREAS if options.only in (None, name)]
    for name in names:
        if AREAS[name].is_shared:
            yield run_area(options, name, hands=options.at_once)
    # The last take longest, and begin first.
    unshared = [name for name in reversed(names) if not AREAS[name].is_shared]
    yield from map_in_processes(partial(run_area, options), unshared, options.at_once)


def run_area(options: argparse.Namespace, name: str, **hands: int) -> tuple[str, float, AreaResult]:
    """An area, how long it took and what was found."""
    start, area = perf_counter(), AREAS[name]
    result = area.inject(area.short_count if options.short else area.deep_count, options.seed, **hands)
    return name, perf_counter() - start, result


def format_area(name: str, result: dict[str, Any], broken: Sequence[str]) -> list[str]:
    """An area in words."""
    text_lines = [f"{name}: {AREAS[name].description} ({result['seconds']:,} s)"]
    text_lines += [f"  {figure:<46} {format_figure(value)}" for figure, value in result["figures"].items()]
    return [*text_lines, *(f"  BROKEN {word}" for word in broken)]


def format_figure(value: object) -> str:
    """A figure as people write it."""
    if isinstance(value, dict):
        return " · ".join(f"{name} {format_figure(figure)}" for name, figure in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)


def write_report(measured: dict[str, Any]) -> None:
    """The figures as JSON and in the page."""
    versions = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    document = {**measured, "versions": versions}
    path = ROOT / "results" / "faults.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    page = ROOT / "docs" / "promises.md"
    before, rest = page.read_text(encoding="utf-8").split(BEGIN_MARK)
    page.write_text(
        f"{before}{BEGIN_MARK}\n{format_table(document)}\n{END_MARK}{rest.split(END_MARK)[1]}", encoding="utf-8"
    )


def format_table(document: dict[str, Any]) -> str:
    """The figures as a Markdown table, and what they were measured with."""
    rows = ["| what is thrown | what is counted | figure |", "| --- | --- | --- |"]
    for name, result in document["areas"].items():
        for number, (figure, value) in enumerate(result["figures"].items()):
            rows.append(f"| {'' if number else AREAS[name].description} | {figure} | {format_figure(value)} |")
    used = ", ".join(f"{name} {number}" for name, number in document["versions"].items())
    outcome = f"{len(document['broken'])} promises broken" if document["broken"] else "Every promise held"
    settings = f"Seed {document['seed']}, {document['seconds']:,} seconds, {document['at_once']} at once"
    return "\n".join([*rows, "", f"{outcome}. {settings}; {used}."])


if __name__ == "__main__":
    sys.exit(main())
