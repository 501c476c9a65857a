"""How commands speak: words for people on stdout; with --json one document there, and the words on stderr.

Text that came from data is shown without control characters, so a row cannot write to the terminal.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from winnow.errors import WinnowError, escape_unprintable


def print_lines(*lines: str) -> None:
    """Words for a person."""
    for line in lines:
        print(*(escape_unprintable(part) for part in line.split("\n")), sep="\n")


def print_document(content: dict[str, Any]) -> None:
    """The one JSON document of a command."""
    print(json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False))


def print_error(error: WinnowError, as_json: bool) -> None:
    """An error in words on stderr and, with --json, as the document."""
    print(f"winnow: {escape_unprintable(str(error))}", file=sys.stderr)
    if as_json:
        parts = {"where": error.where, "problem": error.problem, "next_step": error.next_step}
        print_document({"error": {**parts, "exit_code": error.exit_code}})
