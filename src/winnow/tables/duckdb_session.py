"""DuckDB connections with little memory, a spill folder of their own and no access to the network.

They group by prompt, join by id and sort what does not fit in memory.
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
"""How much memory DuckDB may use before it spills: the documented limit of every command that groups."""
TEXT_GROUPING_MEMORY = "288MB"
"""When grouping texts, DuckDB uses about 100 MB more than it counts; with this setting it stays within the limit."""


@contextmanager
def open_duckdb(memory_limit: str = DUCKDB_MEMORY, threads: int = 2) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection that spills to a temporary folder.

    Args:
        memory_limit: How much memory DuckDB may count before it spills.
        threads: Threads to use; 1 where other work runs at the same time.
    """
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
    """Run a query over the relation `incoming`, which is streamed from these batches.

    An error raised by the batches is raised unchanged, not wrapped in an error of DuckDB.
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
    # DuckDB estimates a stream as a single row, and would hold all of it in memory for a join.
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
