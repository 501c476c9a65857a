"""Helpers of stages that read columns chunk by chunk: short keys of prompts, and rows that break a rule."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import format_value
from winnow.tables.chunks import Chunk
from winnow.tables.column_values import MAX_KEY_LENGTH, shorten_key
from winnow.tables.table import Table


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
