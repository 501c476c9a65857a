"""What all scripts here share: they read a public file, write a table, run winnow on it and record the results.

The command that is printed is the command that was run, in the folder of the table; a command that fails ends the
script. The results are rounded numbers without rows or texts of the data, paths or dates. The documentation changes
only if the results are written to results/real.
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
    """The folders of a script: the public file, the tables, and the results."""

    source: Path
    tables: Path
    results: Path
    temporary: object = None
    """The temporary folder of the tables, which is removed when this object is garbage collected."""

    def read_rows(self, name: str) -> Iterator[Row]:
        """Yield the rows of a compressed JSON Lines file."""
        if not (self.source / name).is_file():
            sys.exit(f"{self.source} holds no {name}")
        with gzip.open(self.source / name, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)

    def write_table(self, name: str, rows: Iterable[Row]) -> None:
        """Write a JSON Lines table with one row per candidate."""
        with (self.tables / name).open("w", encoding="utf-8") as out:
            out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

    def run_winnow(self, *arguments: str) -> dict[str, Any]:
        """Run a winnow command in the folder of the tables, print it with its output, and return its JSON document."""
        print(f"$ {format_command(arguments)}", flush=True)
        command = [sys.executable, "-m", "winnow.cli.main", *arguments, "--json"]
        process = subprocess.run(command, cwd=self.tables, capture_output=True, text=True, check=False)
        print(process.stderr, flush=True)
        if process.returncode:
            sys.exit(process.returncode)
        document: dict[str, Any] = json.loads(process.stdout)
        return document

    def copy_file(self, file: Path) -> None:
        """Copy a file of the project that a command needs into the folder of the tables."""
        shutil.copy(file, self.tables)

    def write_figures(self, name: str, figures: Figures) -> bool:
        """Write the results and return whether the documentation is made from them."""
        versions = {"python": platform.python_version(), "winnow": winnow.__version__}
        versions |= {library.__name__: str(library.__version__) for library in (duckdb, np, pa, scipy)}
        self.results.mkdir(parents=True, exist_ok=True)
        text = json.dumps(
            round_numbers({**figures, "versions": versions}), indent=1, ensure_ascii=False, allow_nan=False
        )
        (self.results / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        return self.results.resolve() == RESULTS


def parse_workspace(description: str | None) -> Workspace:
    """Parse the command line of a script."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder with the public file")
    parser.add_argument("--out", type=Path, help="folder of the tables (default: a temporary one)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of NAME.json")
    options = parser.parse_args()
    temporary = None if options.out else tempfile.TemporaryDirectory(prefix="winnow-real-")
    tables = Path(temporary.name) if temporary else options.out
    tables.mkdir(parents=True, exist_ok=True)
    return Workspace(options.folder, tables, options.results, temporary)


def format_command(arguments: Iterable[str]) -> str:
    """Return a command as it is typed in a shell."""
    return "winnow " + " ".join(f"'{word}'" if set(word) & set("<> ") else word for word in arguments)


def measure_verifiers(work: Workspace, *arguments: str) -> Figures:
    """Run measure; return the command, the numbers of its cards, and the differences between verifiers."""
    document = work.run_winnow("measure", *arguments)
    cards = document.get("verifiers", [document])
    pairs = [
        {
            **{name: pair[name] for name in ("first", "second", "reading", "better")},
            **_precision_difference(pair["differences"]),
        }
        for pair in document.get("pairs", [])
    ]
    return {
        "command": format_command(("measure", *arguments)),
        "cards": [card_figures(card) for card in cards],
        "pairs": pairs,
    }


def _precision_difference(differences: Mapping[str, Any]) -> Figures:
    difference = differences.get("precision", {})
    return {name: difference.get(name) for name in ("value", "low", "high")}


def card_figures(document: Mapping[str, Any]) -> Figures:
    """Return the numbers of a card that the documentation shows."""
    numbers = {name: document[name] for name in (*NAMES, *RATES, *GRADES) if name in document}
    texts = {name: document.get(name) for name in ("verifier", "name", "decision", "why") if name in document}
    slices = [card_figures(card) for card in document.get("slices", [])]
    notes = [warning["words"] for warning in document.get("warnings", [])]
    return {**texts, **numbers, **({"slices": slices} if slices else {}), **({"notes": notes} if notes else {})}


def hash_fraction(*parts: object) -> float:
    """Return a number in [0, 1) that depends on these parts only."""
    return int.from_bytes(sha256("|".join(map(str, parts)).encode()).digest()[:6], "big") / 2**48


def round_numbers(value: Any) -> Any:
    """Round every float of a JSON value."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, Mapping):
        return {key: round_numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [round_numbers(item) for item in value]
    return value
