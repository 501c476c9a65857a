"""The store of finished units: one file per unit, complete or absent, and never changed in place.

A unit that was being written when the machine stopped runs again; a file that the study did not write is refused.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import winnow
from winnow.science.studies.framework.check import Row
from winnow.storage.atomic_files import make_folder, write_bytes


def unit_folder(out: Path, key: str) -> Path:
    """Return the folder of a unit."""
    return out / "units" / key


def load_unit(folder: Path) -> dict[str, Any] | None:
    """Return the finished unit of a folder, or None.

    Raises:
        BrokenPromise: the file does not hold the rows of a unit.
    """
    path = folder / "rows.json"
    if not path.exists():
        return None
    try:
        unit: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if isinstance(unit["rows"], list):
            return unit
        problem = "holds no list of rows"
    except (ValueError, KeyError, TypeError) as error:
        problem = f"is not the rows of a unit ({type(error).__name__})"
    raise winnow.BrokenPromise(str(path), problem, f"Remove {path.parent}: the unit will run again")


def write_whole_file(path: Path, text: str) -> None:
    """Write a small file atomically, and its folder if needed."""
    make_folder(path.parent)
    write_bytes(path, text.encode())


def format_rows(rows: Sequence[Row], file_format: str) -> str:
    """Return rows as "csv" or "jsonl": one line per row, with the columns of all rows."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if file_format == "jsonl":
        return "".join(json.dumps({name: row.get(name) for name in columns}) + "\n" for row in rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
