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

from faults.acts import Found, each
from faults.damage import damage
from faults.folders import runs_and_folders
from faults.kills import kills
from faults.order import order
from faults.others import journal, verifiers
from faults.points import points

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
NOT_YET = "The deep form has not been run to its end yet; `make faults` writes its figures here."
PACKAGES = ("winnow-data", "duckdb", "numpy", "pyarrow")
MOST_HANDS = 4


@dataclass(frozen=True)
class Area:
    """What is thrown there, how many times in the deep form (None: all there are) and in the short one."""

    throw: Callable[..., Found]
    about: str
    deep: int | None
    short: int
    shared: bool = False
    """Whether several hands share its faults; the other areas are small, and done beside each other."""


AREAS = {
    "points": Area(points, "a fault at every system call of a commit", None, 84, shared=True),
    "kills": Area(kills, "runs killed at random moments", 1000, 40, shared=True),
    "order": Area(order, "the order in which things are forced to disk", None, 0),
    "damage": Area(damage, "damaged stores", 1100, 220),
    "folders": Area(runs_and_folders, "locks, closed folders, full disks", 20, 3),
    "journal": Area(journal, "the journal's writers killed, its log cut", 200, 20),
    "verifiers": Area(verifiers, "verifiers that misbehave", None, 0),
}


def asked() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="few faults of each kind; writes nothing")
    parser.add_argument("--only", choices=AREAS, help="one area; writes nothing")
    parser.add_argument("--seed", type=int, default=0, help="draws the moments and the bits")
    hands = min(MOST_HANDS, os.cpu_count() or 1)
    parser.add_argument("--at-once", type=int, default=hands, help=f"faults thrown at the same time (here {hands})")
    options = parser.parse_args()
    if options.at_once < 1:
        parser.error(f"--at-once: {options.at_once} is no number of faults; give 1 or more")
    return options


def main() -> int:
    """Throw, print, write."""
    options, start = asked(), perf_counter()
    results: dict[str, Any] = {}
    broken: list[str] = []
    for name, seconds, found in thrown(options):
        broken += found.broken
        results[name] = {"figures": found.figures, "seconds": round(seconds)}
        print("\n".join(lines(name, results[name], found.broken)), flush=True)
    if not options.short and options.only is None:
        how = {"seed": options.seed, "seconds": round(perf_counter() - start), "at_once": options.at_once}
        write({**how, "broken": broken, "areas": {name: results[name] for name in AREAS}})
    print(f"{len(broken)} promises broken" if broken else "every promise held")
    return 1 if broken else 0


def thrown(options: argparse.Namespace) -> Iterator[tuple[str, float, Found]]:
    """The areas that were asked for, one after the other where hands share its faults, else beside each other."""
    names = [name for name in AREAS if options.only in (None, name)]
    for name in names:
        if AREAS[name].shared:
            yield one(options, name, hands=options.at_once)
    # The last take longest, and begin first.
    rest = [name for name in reversed(names) if not AREAS[name].shared]
    yield from each(partial(one, options), rest, options.at_once)


def one(options: argparse.Namespace, name: str, **hands: int) -> tuple[str, float, Found]:
    """An area, how long it took and what was found."""
    start, area = perf_counter(), AREAS[name]
    found = area.throw(area.short if options.short else area.deep, options.seed, **hands)
    return name, perf_counter() - start, found


def lines(name: str, result: dict[str, Any], broken: Sequence[str]) -> list[str]:
    """An area in words."""
    told = [f"{name}: {AREAS[name].about} ({result['seconds']:,} s)"]
    told += [f"  {figure:<46} {shown(value)}" for figure, value in result["figures"].items()]
    return [*told, *(f"  BROKEN {word}" for word in broken)]


def shown(value: object) -> str:
    """A figure as people write it."""
    if isinstance(value, dict):
        return " · ".join(f"{name} {shown(one)}" for name, one in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)


def write(measured: dict[str, Any]) -> None:
    """The figures as JSON and in the page."""
    versions = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    document = {**measured, "versions": versions}
    path = ROOT / "results" / "faults.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    page = ROOT / "docs" / "promises.md"
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{table(document)}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def table(document: dict[str, Any]) -> str:
    """The figures as a Markdown table, and what they were measured with."""
    rows = ["| what is thrown | what is counted | figure |", "| --- | --- | --- |"]
    for name, result in document["areas"].items():
        for number, (figure, value) in enumerate(result["figures"].items()):
            rows.append(f"| {'' if number else AREAS[name].about} | {figure} | {shown(value)} |")
    used = ", ".join(f"{name} {number}" for name, number in document["versions"].items())
    held = f"{len(document['broken'])} promises broken" if document["broken"] else "Every promise held"
    how = f"Seed {document['seed']}, {document['seconds']:,} seconds, {document['at_once']} at once"
    return "\n".join([*rows, "", f"{held}. {how}; {used}."])


if __name__ == "__main__":
    sys.exit(main())
