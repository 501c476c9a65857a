"""Fetches chosen rows of a Parquet file, whole and in order, with DuckDB, which skips the other rows.

The rows are fetched in slices of bounded size, some of them ahead. They are sorted here, because DuckDB 2.0 returns
the rows of a join in any order, even with preserve_insertion_order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from winnow.storage.locations.location import Location
from winnow.tables.chunks import RowNumbers
from winnow.tables.duckdb_session import open_duckdb

if TYPE_CHECKING:
    import duckdb

THREADS = 2
SLICES_AHEAD = 4
"""How many slices are fetched ahead of the one in use."""
MAX_SLICE_SPAN = 1 << 18
"""How many rows of the file one slice may span, however few of them are chosen."""

SCAN = "read_parquet({}, file_row_number = true, hive_partitioning = false)"
"""The table function that reads a Parquet file, given as a parameter or a literal."""


def is_scannable(files: Sequence[Location], schema: pa.Schema) -> bool:
    """Whether DuckDB reads these files as Arrow does: it expands glob patterns and ignores the case of names."""
    names = [name.lower() for name in schema.names]
    has_plain_paths = all(isinstance(path, Path) and not any(c in str(path) for c in "*?[]{}") for path in files)
    return has_plain_paths and len(set(names)) == len(names) and "file_row_number" not in names


@contextmanager
def open_fetch_connection(path: Location, schema: pa.Schema) -> Iterator[duckdb.DuckDBPyConnection | None]:
    """Yield a connection for `fetch_rows`, or None if DuckDB would change the type of a column."""
    if not is_scannable([path], schema):
        yield None
        return
    with open_duckdb() as duck:
        duck.execute("set threads = 1")
        query = f"select * exclude (file_row_number) from {SCAN.format('$path')} limit 0"
        duckdb_schema = duck.sql(query, params={"path": str(path)}).to_arrow_table().schema
        yield duck if duckdb_schema.names == schema.names and duckdb_schema.types == schema.types else None


def fetch_rows(
    duck: duckdb.DuckDBPyConnection, path: Location, slices: Iterable[RowNumbers]
) -> Iterator[pa.RecordBatch]:
    """Yield the rows with these ascending numbers, counted from 0 in this file, in one or more batches per slice."""
    remaining = iter(slices)
    with ThreadPoolExecutor(THREADS) as threads:

        def submit(count: int) -> list[Future[pa.Table]]:
            return [threads.submit(_fetch_slice, duck.cursor(), path, rows) for rows in islice(remaining, count)]

        pending = deque(submit(SLICES_AHEAD))
        while pending:
            yield from pending.popleft().result().to_batches()
            pending.extend(submit(1))


def split_rows(rows: RowNumbers, group_starts: RowNumbers, max_rows: int) -> Iterator[RowNumbers]:
    """Split row numbers into slices of at most `max_rows`, at the start of a row group where possible.

    A row group that is split is decoded more than once.
    """
    boundaries = np.append(np.searchsorted(rows, group_starts), len(rows))
    start = 0
    while start < len(rows):
        latest_end = min(start + max_rows, int(np.searchsorted(rows, rows[start] + MAX_SLICE_SPAN)))
        end = int(boundaries[np.searchsorted(boundaries, latest_end, "right") - 1])
        if end <= start:
            end = min(start + max_rows, int(boundaries[np.searchsorted(boundaries, start, "right")]))
        yield rows[start:end]
        start = end


def _fetch_slice(duck: duckdb.DuckDBPyConnection, path: Location, rows: RowNumbers) -> pa.Table:
    try:
        # An array, because an Arrow table makes DuckDB import pandas if it is installed.
        duck.register("chosen", {"row": rows})
        join = "semi join chosen on t.file_row_number = chosen.row"
        span = f"t.file_row_number between {rows[0]} and {rows[-1]}"
        query = (
            f"select t.* exclude (file_row_number), t.file_row_number from {SCAN.format('$path')} t {join} where {span}"
        )
        table = duck.sql(query, params={"path": str(path)}).to_arrow_table()
        numbers = table.column(table.num_columns - 1).to_numpy()
        table = table.remove_column(table.num_columns - 1)
        return table if np.array_equal(numbers, rows) else table.take(np.argsort(numbers))
    finally:
        duck.close()
