"""What a study has found so far: one file per unit, written whole or not at all.

Promises: a unit that was being written when the machine stopped is as if it had never run; a file that is not what
this study wrote is refused and named. Nothing is ever changed in place.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import winnow
from winnow.science.studies.framework.check import Row


def unit_folder(out: Path, key: str) -> Path:
    """Where a unit keeps what is its own."""
    return out / "units" / key


def load_unit(out: Path, key: str) -> dict[str, Any] | None:
    """The finished unit, if it is there."""
    path = unit_folder(out, key) / "rows.json"
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text("utf-8"))
        rows = found["rows"]
    except (ValueError, KeyError, TypeError) as error:
        problem = f"is not the rows of a unit ({type(error).__name__})"
        raise winnow.BrokenPromise(str(path), problem, f"Remove {path.parent}: the unit will be run again") from None
    if not isinstance(rows, list):
        raise winnow.BrokenPromise(str(path), "holds no list of rows", "Remove its folder: the unit will be run again")
    return dict(found)


def save_unit(out: Path, key: str, unit: dict[str, Any]) -> None:
    """Keep a finished unit."""
    write_whole_file(unit_folder(out, key) / "rows.json", json.dumps(unit, indent=1) + "\n")


def write_whole_file(path: Path, text: str) -> None:
    """A small file, whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        problem = f"could not be written ({error.strerror or error})"
        raise winnow.EnvironmentFault(
            str(path), problem, "Name another folder with --out, or free some space"
        ) from None


def format_rows(rows: Sequence[Row], form: str) -> str:
    """The rows as csv or as jsonl: one line per row, the same columns throughout."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if form == "jsonl":
        return "".join(json.dumps({name: row.get(name) for name in columns}) + "\n" for row in rows)
    page = io.StringIO()
    lines = csv.DictWriter(page, columns, lineterminator="\n")
    lines.writeheader()
    lines.writerows(rows)
    return page.getvalue()
