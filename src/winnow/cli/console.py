"""Console output: text for people on stdout, or with --json one document there and the text on stderr.

Control characters are escaped, so that text from data cannot control the terminal.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from winnow.errors import WinnowError, escape_unprintable

if TYPE_CHECKING:
    from winnow.stages.results import Rows
    from winnow.stages.table_config import TableConfig
    from winnow.tables.table import Table


def print_lines(*lines: str) -> None:
    """Print text for a person."""
    for line in lines:
        print(*(escape_unprintable(part) for part in line.split("\n")), sep="\n")


def print_error(error: WinnowError) -> None:
    """Print an error on stderr."""
    print(f"winnow: {error}", file=sys.stderr)


def open_table(table: str, reading: TableConfig) -> Table:
    """Open the table of a command, and print which columns it uses."""
    from winnow.stages.table_config import open_input

    opened = open_input(table, reading)
    print_lines(opened.columns.summary())
    return opened


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
