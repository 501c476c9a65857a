"""Where the figures of a proof go: a JSON file, and a table between markers in a page of the documentation.

Promises: the same figures give the same bytes; neither a date nor a host is written. A quick run, which only shows
that the proof runs, leaves the documentation alone.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- proofs: begin -->", "<!-- proofs: end -->"


def parse_arguments(description: str) -> argparse.Namespace:
    """The options every proof has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="few projects, a smoke test")
    parser.add_argument("--out", type=Path, default=ROOT / "results", help="folder for proofs/NAME.json")
    return parser.parse_args()


def write_results(name: str, figures: Mapping[str, Any], page: str, options: argparse.Namespace) -> None:
    """The figures as JSON, and the page's part between the markers."""
    versions = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
    target = options.out / "proofs" / f"{name}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**figures, "versions": versions}, indent=1, allow_nan=False)
    target.write_text(text + "\n", encoding="utf-8")
    print(page)
    if options.quick:
        return
    document = ROOT / "docs" / f"proofs-{name}.md"
    before, rest = document.read_text(encoding="utf-8").split(BEGIN)
    document.write_text(f"{before}{BEGIN}\n{page}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def markdown_table(rows: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> str:
    """A Markdown table with the named columns."""
    lines = ["| " + " | ".join(titles.values()) + " |", "|" + "---|" * len(titles)]
    lines += ["| " + " | ".join(str(row[name]) for name in titles) + " |" for row in rows]
    return "\n".join(lines)
