"""Chosen rows of a Parquet file, whole and in order, by DuckDB, which skips what is not wanted.

The file is fetched in slices of bounded bytes, some ahead of the one in use. The order is held here: DuckDB 2.0
gives the rows of a join out of order, whatever its preserve_insertion_order says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
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
"""Slices fetched or being fetched while one is in use."""
MAX_SLICE_SPAN = 1 << 18
"""Rows of the file that the groups of one slice may span together, however few of them are chosen."""

SCAN = "read_parquet($path, file_row_number = true, hive_partitioning = false)"


def is_scannable(files: Sequence[Location], schema: pa.Schema) -> bool:
    """Whether DuckDB takes each path for one local file and tells columns apart: it has patterns and no cases."""
    names = [name.lower() for name in schema.names]
    has_plain_paths = all(isinstance(path, Path) and not any(c in str(path) for c in "*?[]{}") for path in files)
    return has_plain_paths and len(set(names)) == len(names) and "file_row_number" not in names


@contextmanager
def open_fetch_connection(path: Location, schema: pa.Schema) -> Iterator[duckdb.DuckDBPyConnection | None]:
    """A connection to fetch by, or None where DuckDB would not give every column back as Arrow knows it."""
    if not is_scannable([path], schema):
        yield None
        return
    with open_duckdb() as duck:
        duck.execute("set threads = 1")
        query = f"select * exclude (file_row_number) from {SCAN} limit 0"
        duckdb_schema = duck.sql(query, params={"path": str(path)}).to_arrow_table().schema
        is_same = [(field.name, field.type) for field in duckdb_schema] == [
            (field.name, field.type) for field in schema
        ]
        yield duck if is_same else None


def fetch_rows(
    duck: duckdb.DuckDBPyConnection, path: Location, slices: Iterable[RowNumbers]
) -> Iterator[pa.RecordBatch]:
    """The rows of these numbers (ascending, from 0 in this file), a batch or more to a slice."""
    remaining = iter(slices)
    with ThreadPoolExecutor(THREADS) as threads:
        pending = deque(
            threads.submit(_fetch_slice, duck.cursor(), path, one) for one in islice(remaining, SLICES_AHEAD)
        )
        while pending:
            yield from pending.popleft().result().to_batches()
            pending.extend(threads.submit(_fetch_slice, duck.cursor(), path, one) for one in islice(remaining, 1))


def split_rows(rows: RowNumbers, group_starts: RowNumbers, max_rows: int) -> Iterator[RowNumbers]:
    """At most `most` rows at once, the starts of the row groups being known: cut between groups where that is possible.

    A group cut in two is in part decoded twice.
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
        # As an array, because handing over an Arrow table makes DuckDB import pandas wherever it is installed.
        duck.register("chosen", {"row": rows})
        join = "semi join chosen on t.file_row_number = chosen.row"
        span = f"t.file_row_number between {rows[0]} and {rows[-1]}"
        query = f"select t.* exclude (file_row_number), t.file_row_number from {SCAN} t {join} where {span}"
        table = duck.sql(query, params={"path": str(path)}).to_arrow_table()
        numbers = table.column(table.num_columns - 1).to_numpy()
        table = table.remove_column(table.num_columns - 1)
        return table if np.array_equal(numbers, rows) else table.take(np.argsort(numbers))
    finally:
        duck.close()
