"""The same candidates in every format a table can have: same rows, same order, same values.

Each row has its number in the column `n`, so that a result shows which rows were selected.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]

KINDS = {
    "n": pa.int64(),
    "id": pa.string(),
    "prompt_id": pa.string(),
    "question": pa.string(),
    "text": pa.string(),
    "score": pa.float64(),
    "verdict": pa.string(),
    "a.verdict": pa.string(),
    "b.verdict": pa.string(),
}


def arrow(rows: list[Row]) -> pa.Table:
    """Typed, with the columns of the first row."""
    return pa.Table.from_pylist(rows, pa.schema([(name, KINDS[name]) for name in rows[0]]))


def jsonl(rows: list[Row], folder: Path) -> str:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8", newline="")
    return str(path)


def parquet(rows: list[Row], folder: Path) -> str:
    pq.write_table(arrow(rows), folder / "rows.parquet", row_group_size=max(5, len(rows) // 4))
    return str(folder / "rows.parquet")


def two_files(rows: list[Row], folder: Path) -> str:
    """Two Parquet files under one pattern."""
    whole, half = arrow(rows), len(rows) // 2
    pq.write_table(whole.slice(0, half), folder / "0.part.parquet")
    pq.write_table(whole.slice(half), folder / "1.part.parquet")
    return str(folder / "*.part.parquet")


def csv(rows: list[Row], folder: Path) -> str:
    """Every text in quotes; null is an empty cell."""
    lines = [",".join(rows[0]), *(",".join(_cell(value) for value in row.values()) for row in rows)]
    (folder / "rows.csv").write_text("\n".join(lines) + "\n", "utf-8", newline="")
    return str(folder / "rows.csv")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return '"' + value.replace('"', '""') + '"' if isinstance(value, str) else repr(value)


FORMS: dict[str, Callable[[list[Row], Path], object]] = {
    "jsonl": jsonl,
    "parquet": parquet,
    "parquet files": two_files,
    "csv": csv,
    "dictionaries": lambda rows, folder: rows,
    "arrow": lambda rows, folder: arrow(rows),
}
FRAMES: dict[str, Callable[[list[Row], Path], object]] = {
    "pandas": lambda rows, folder: pd.DataFrame(rows),
    "polars": lambda rows, folder: pl.from_arrow(arrow(rows)),
}


def numbers(rows: Any) -> list[int]:
    """Which rows came out, in the order they came."""
    return [int(row["n"]) for row in rows]
