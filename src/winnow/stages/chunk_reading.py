"""What stages need that read a table chunk by chunk: ids, short keys of prompts, and setting bad rows aside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import format_value
from winnow.tables.chunks import Chunk
from winnow.tables.column_values import MAX_KEY_LENGTH, shorten_key
from winnow.tables.table import RoleArrays, Table


def chunks_with_ids(
    table: Table, roles: Sequence[str] = (), extra_columns: Sequence[str] | None = ()
) -> Iterator[tuple[Chunk, RoleArrays]]:
    """Yield chunks with candidate ids and other roles; in a table without ids and prompts the row number is the id.

    Args:
        table: The table to read.
        roles: The roles to read besides the id.
        extra_columns: Further columns that the chunks must have; None for all columns.
    """
    if table.columns.id is not None or table.has_role("prompt"):
        yield from table.read_roles(["id", *roles], extra_columns)
        return
    for chunk, arrays in table.read_roles(roles, extra_columns):
        yield chunk, {**arrays, "id": pa.array(chunk.row_numbers).cast(pa.string())}


def shorten_keys(keys: pa.Array) -> pa.Array:
    """Replace keys that are whole texts by the start of their hash, so that millions of keys fit in memory."""
    if (pc.max(pc.utf8_length(keys)).as_py() or 0) <= MAX_KEY_LENGTH:
        return keys
    return pa.array([None if key is None else shorten_key(key) for key in keys.to_pylist()], pa.string())


def quarantine_rows(table: Table, chunk: Chunk, problems: Mapping[int, str]) -> None:
    """Set rows of a chunk aside, by position, or refuse the first of them where the table refuses bad rows."""
    for position, problem in sorted(problems.items()):
        row = chunk.take(np.array([position])).to_dicts()[0]
        table.bad_rows.add(chunk.locate(position), problem, format_value(row))
