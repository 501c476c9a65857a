"""Labels by several people in one file: a row for each label, a column `by` for who gave it.

They become a column for each person, beside the candidates. Labels are few: all of them are held. A person who labels a
candidate twice is refused with the line of the second label. What the people make of each other is not judged here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from winnow.tables.chunks import Chunk
from winnow.tables.column_values import read_grades, read_keys
from winnow.tables.joins import BatchStream, FileStream, JoinColumns, join_by_id
from winnow.tables.table import Table

LABELER_COLUMN = "by"


def labeler_column(label_column: str, person: str) -> str:
    """The column of one person's labels; several columns are named with commas, so a name cannot have one."""
    return f"{label_column} by {person.replace(',', ' ')}"


def join_by_labeler(table: Table, other: Table, names: list[str]) -> tuple[BatchStream, list[str]]:
    """A column for each person, then the others of `names`, which begins with the label; and the people, sorted."""

    def read(chunk: Chunk) -> list[pa.Array]:
        checked = [read_keys(chunk, LABELER_COLUMN), *(read_grades(chunk, name) for name in names)]
        for one in checked:
            for position, problem in one.problems.items():
                other.bad_rows.add(chunk.locate(position), problem)
        return [one.array for one in checked]

    joined_columns = JoinColumns(
        [LABELER_COLUMN, *names],
        [pa.string(), *[pa.float64()] * len(names)],
        read,
        distinguishing_column=LABELER_COLUMN,
    )
    joined_table = pa.Table.from_batches(join_by_id(table, other, joined_columns)())
    row, row_labelers, *value_columns = joined_table.columns
    people = sorted({one for one in row_labelers.to_pylist() if one is not None})
    rows, row_index = np.unique(row.to_numpy(), return_inverse=True)
    labeler_numbers = {person: place for place, person in enumerate(people)}
    labeler_index = np.array([labeler_numbers.get(one, -1) for one in row_labelers.to_pylist()], np.int64)
    labels = np.full((len(people), len(rows)), np.nan)
    has_labeler = labeler_index >= 0
    labels[labeler_index[has_labeler], row_index[has_labeler]] = _to_floats(value_columns[0])[has_labeler]
    columns = {
        labeler_column(names[0], person): _to_nullable_array(labels[place]) for place, person in enumerate(people)
    }
    for name, column in zip(names[1:], value_columns[1:], strict=True):
        values = np.full(len(rows), np.nan)
        values[row_index[has_labeler]] = _to_floats(column)[has_labeler]
        columns[name] = _to_nullable_array(values)
    result = pa.table({"row": pa.array(rows, pa.int64()), **columns})
    return FileStream(result.schema, result.to_batches()), people


def _to_floats(column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(column.to_numpy(), np.float64)


def _to_nullable_array(values: np.ndarray[Any, np.dtype[np.float64]]) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))
