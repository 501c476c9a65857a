"""DuckDB, opened the one way winnow opens it: little memory, a spill folder of its own, nothing from the network.

Used for what does not fit in memory: grouping by prompt, joins by id, large sorts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

MEMORY = "384MB"
"""What DuckDB may hold before it spills; the stated buffer of every command that groups."""


@contextmanager
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that spills to a folder that goes when the work is done."""
    import duckdb

    with tempfile.TemporaryDirectory(prefix="winnow-") as spill:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": MEMORY,
            "threads": 2,
            "temp_directory": spill,
            "autoinstall_known_extensions": False,
        }
        connection = duckdb.connect(config=settings)
        try:
            yield connection
        finally:
            connection.close()
