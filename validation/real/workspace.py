"""What every script here does alike: read a public file, write a table, run winnow on it, keep the figures.

Promises: the command that is printed is the command that was run, in the folder of the table; a command that fails
ends the script. What is kept are figures, rounded: no row of the data, no text of it, no path, no date.
Figures that are written elsewhere than to the project's own folder leave the documentation alone.
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import scipy

import winnow

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "results" / "real"
DIGITS = 4
NAMES = "n labeled kept decided abstain error prompts design_effect".split()
RATES = "phi psi p p_star p_star_w margin precision uplift keep_rate".split()
GRADES = "mean_kept mean_raw gain keep_rate".split()

Row = dict[str, Any]
Figures = dict[str, Any]


@dataclass(frozen=True)
class Workspace:
    """Where a script reads, where its tables lie, and where its figures go."""

    source: Path
    tables: Path
    results: Path
    held: object = None
    """What must live as long as the tables: a temporary folder goes when nobody holds it."""

    def read_rows(self, name: str) -> Iterator[Row]:
        """The lines of a compressed JSON Lines file."""
        if not (self.source / name).is_file():
            sys.exit(f"{self.source} holds no {name}")
        with gzip.open(self.source / name, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)

    def write_table(self, name: str, rows: Iterable[Row]) -> None:
        """One row per candidate, as anyone would hand it to winnow."""
        with (self.tables / name).open("w", encoding="utf-8") as out:
            out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

    def run_winnow(self, *words: str) -> dict[str, Any]:
        """Run a command where the tables are, print it and what it says, and return its document."""
        print(f"$ {format_command(words)}", flush=True)
        command = [sys.executable, "-m", "winnow.cli.main", *words, "--json"]
        done = subprocess.run(command, cwd=self.tables, capture_output=True, text=True, check=False)
        print(done.stderr, flush=True)
        if done.returncode:
            sys.exit(done.returncode)
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def copy_file(self, file: Path) -> None:
        """A file of the project that a command names, beside the tables."""
        shutil.copy(file, self.tables)

    def write_figures(self, name: str, figures: Figures) -> bool:
        """Write the figures; whether the documentation shows them."""
        versions = {"python": platform.python_version(), "winnow": winnow.__version__}
        versions |= {one.__name__: str(one.__version__) for one in (duckdb, np, pa, scipy)}
        self.results.mkdir(parents=True, exist_ok=True)
        text = json.dumps(
            round_numbers({**figures, "versions": versions}), indent=1, ensure_ascii=False, allow_nan=False
        )
        (self.results / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        return self.results.resolve() == RESULTS


def parse_workspace(description: str | None) -> Workspace:
    """What the command line of a script says."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder with the public file")
    parser.add_argument("--out", type=Path, help="where the table goes, to run the commands on (default: not kept)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where NAME.json goes")
    options = parser.parse_args()
    held = None if options.out else tempfile.TemporaryDirectory(prefix="winnow-real-")
    tables = Path(held.name) if held else options.out
    tables.mkdir(parents=True, exist_ok=True)
    return Workspace(options.folder, tables, options.results, held)


def format_command(words: Iterable[str]) -> str:
    """A command as a person types it."""
    return "winnow " + " ".join(f"'{word}'" if set(word) & set("<> ") else word for word in words)


def measure_verifiers(work: Workspace, *words: str) -> Figures:
    """A measure command, the numbers of its cards, and how the verifiers differ in the share right among kept."""
    document = work.run_winnow("measure", *words)
    cards = document.get("verifiers", [document])
    pairs = [
        {
            **{name: pair[name] for name in ("first", "second", "reading", "better")},
            **_precision_difference(pair["differences"]),
        }
        for pair in document.get("pairs", [])
    ]
    return {
        "command": format_command(("measure", *words)),
        "cards": [card_figures(one) for one in cards],
        "pairs": pairs,
    }


def _precision_difference(differences: Mapping[str, Any]) -> Figures:
    found = differences.get("precision", {})
    return {name: found.get(name) for name in ("value", "low", "high")}


def card_figures(document: Mapping[str, Any]) -> Figures:
    """What the documentation shows of a card."""
    numbers = {name: document[name] for name in (*NAMES, *RATES, *GRADES) if name in document}
    texts = {name: document.get(name) for name in ("verifier", "name", "decision", "why") if name in document}
    slices = [card_figures(one) for one in document.get("slices", [])]
    notes = [one["words"] for one in document.get("warnings", [])]
    return {**texts, **numbers, **({"slices": slices} if slices else {}), **({"notes": notes} if notes else {})}


def hash_fraction(*parts: object) -> float:
    """A number in [0, 1) that depends on nothing but these words: the same on every machine and in any order."""
    return int.from_bytes(sha256("|".join(map(str, parts)).encode()).digest()[:6], "big") / 2**48


def round_numbers(value: Any) -> Any:
    """Numbers as far as they are shown anywhere."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, Mapping):
        return {key: round_numbers(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [round_numbers(one) for one in value]
    return value
