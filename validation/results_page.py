"""Writes the results of a validation script: a JSON file, and tables between two markers of a documentation page.

The page is a function of the JSON file, so `write_pages.py` can write it again without simulating. The same results
give the same bytes; no date and no host name is written. A quick run leaves the documentation as it is.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy

ROOT = Path(__file__).resolve().parent.parent
EXPLANATION = ROOT / "docs" / "explanation"


def parse_arguments(description: str) -> argparse.Namespace:
    """Parse the options every validation script has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="few projects, a smoke test")
    parser.add_argument("--out", type=Path, default=ROOT / "results", help="folder for proofs/NAME.json")
    return parser.parse_args()


def write_results(
    name: str, figures: Mapping[str, Any], format_page: Callable[[Any], str], options: argparse.Namespace
) -> None:
    """Write the results as JSON and, unless the run is quick, the tables of the page made from them."""
    versions = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
    target = options.out / "proofs" / f"{name}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**figures, "versions": versions}, indent=1, allow_nan=False)
    target.write_text(text + "\n", encoding="utf-8")
    page = format_page(json.loads(text))
    print(page)
    if not options.quick:
        document = EXPLANATION / f"validation-{name}.md"
        document.write_text(replace_block(document.read_text("utf-8"), "tables", page), "utf-8")


def replace_block(page: str, marker: str, text: str) -> str:
    """Return the page with the text between `<!-- marker: begin -->` and `<!-- marker: end -->` replaced."""
    begin, end = f"<!-- {marker}: begin -->\n", f"<!-- {marker}: end -->"
    before, rest = page.split(begin)
    return f"{before}{begin}{text.rstrip()}\n{end}{rest.split(end)[1]}"


def format_holds(holds: bool) -> str:
    """Return the word a table shows for a check."""
    return "yes" if holds else "**no**"


def markdown_table(rows: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> str:
    """Return a Markdown table with one column for each key of `titles`, under its title."""
    lines = ["| " + " | ".join(titles.values()) + " |", "|" + "---|" * len(titles)]
    lines += ["| " + " | ".join(str(row[name]) for name in titles) + " |" for row in rows]
    return "\n".join(lines)
