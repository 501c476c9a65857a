"""DuckDB, opened the one way winnow opens it: little memory, a spill folder of its own, nothing from the network.

Used for what does not fit in memory: grouping by prompt, joins by id, large sorts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from winnow.errors import WinnowError

if TYPE_CHECKING:
    import duckdb

DUCKDB_MEMORY = "384MB"
"""What DuckDB may hold before it spills; the stated buffer of every command that groups."""
TEXT_GROUPING_MEMORY = "288MB"
"""Grouping texts, DuckDB holds about 100 MB more than it counts; counting to here, both stay within the buffer."""


@contextmanager
def open_duckdb(memory_limit: str = DUCKDB_MEMORY, threads: int = 2) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that spills to a folder that goes when the work is done; one thread where others work beside it."""
    import duckdb

    with tempfile.TemporaryDirectory(prefix="winnow-") as spill:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory_limit,
            "threads": threads,
            "temp_directory": spill,
            "autoinstall_known_extensions": False,
        }
        connection = duckdb.connect(config=settings)
        try:
            yield connection
        finally:
            connection.close()


def run_over_batches(
    duck: duckdb.DuckDBPyConnection, query: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
) -> None:
    """Run a query over the relation `incoming`, streamed from these batches.

    DuckDB wraps what goes wrong while it reads; here the error of the reader itself comes out, unwrapped.
    """
    import duckdb

    reader_errors: list[WinnowError | KeyboardInterrupt] = []

    def record_errors() -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except (WinnowError, KeyboardInterrupt) as error:
            reader_errors.append(error)
            raise

    duck.register("incoming", pa.RecordBatchReader.from_batches(schema, record_errors()))
    # DuckDB takes a stream for a single row, and would hold all of it to join it to anything.
    duck.execute("set disabled_optimizers = 'build_side_probe_side'")
    try:
        duck.execute(query)
    except duckdb.Error:
        if reader_errors:
            raise reader_errors[0] from None
        raise
    finally:
        duck.execute("reset disabled_optimizers")
        duck.unregister("incoming")
