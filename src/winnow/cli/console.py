"""Console output: text for people on stdout, or with --json one document there and the text on stderr.

Control characters are escaped, so text from data cannot steer the terminal.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from winnow.errors import WinnowError, escape_unprintable

if TYPE_CHECKING:
    from winnow.stages.results import Rows


def print_lines(*lines: str) -> None:
    """Print text for a person."""
    for line in lines:
        print(*(escape_unprintable(part) for part in line.split("\n")), sep="\n")


def print_document(content: dict[str, Any]) -> None:
    """Print the JSON document of a command."""
    print(json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False))


def print_error(error: WinnowError, as_json: bool) -> None:
    """Print an error on stderr and, with --json, as the document."""
    print(f"winnow: {escape_unprintable(str(error))}", file=sys.stderr)
    if as_json:
        parts = {"where": error.where, "problem": error.problem, "next_step": error.next_step}
        print_document({"error": {**parts, "exit_code": error.exit_code}})


def report_result(result: Rows, out: str | None) -> dict[str, Any]:
    """Print what was done and where the rows are, and return the document."""
    print_lines(result.describe())
    if result.summary.get("quarantined"):
        print_lines(f"  set aside: {result.summary['quarantined']:,} bad rows, listed in {out}.quarantine.jsonl")
    if out is None:
        print_lines("nothing was written: name a file or folder with --out")
    elif result.summary.get("already_done"):
        print_lines(f"{out} already holds this result; nothing was done again")
    else:
        print_lines(f"wrote {out}")
    return result.to_dict()
