"""DuckDB connections with little memory, a spill folder of their own and no access to the network.

They group by prompt, join by id and sort what does not fit in memory.
"""

from __future__ import annotations

import os
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


_idle_databases: list[duckdb.DuckDBPyConnection] = []
"""Databases in memory that wait for the next session, because making one costs about 30 ms."""


@contextmanager
def open_duckdb(memory_limit: str = DUCKDB_MEMORY, threads: int = 2) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to an empty database in memory that spills to a temporary folder.

    The database goes back to the idle ones after a session without an error.

    Args:
        memory_limit: How much memory DuckDB may count before it spills.
        threads: Threads to use; 1 where other work runs at the same time.
    """
    with tempfile.TemporaryDirectory(prefix="winnow-") as spill:
        settings = f"set memory_limit = '{memory_limit}'; set threads = {threads}; set temp_directory = '{spill}'"
        database, connection = _start_session(settings)
        is_reusable = False
        try:
            yield connection
            connection.execute("use memory; detach session")
            is_reusable = not os.listdir(spill)
        finally:
            connection.close()
            if is_reusable:
                _idle_databases.append(database)
            else:
                database.close()


def _start_session(settings: str) -> tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection]:
    """Return a database and a connection to it, with these settings and a catalog of its own."""
    import duckdb

    while True:
        is_new = not _idle_databases
        database = duckdb.connect(config={"autoinstall_known_extensions": False}) if is_new else _idle_databases.pop()
        connection = database.cursor()
        try:
            connection.execute(f"{settings}; attach ':memory:' as session; use session")
        except duckdb.Error:  # a database that spilled keeps its folder
            database.close()
            if is_new:
                raise
        else:
            return database, connection


def _forget_idle_databases() -> None:
    """Drop the databases of the parent process, whose threads do not exist after a fork."""
    global _idle_databases
    _inherited.append(_idle_databases)  # closing them would wait for those threads
    _idle_databases = []


_inherited: list[list[duckdb.DuckDBPyConnection]] = []
os.register_at_fork(after_in_child=_forget_idle_databases)


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
