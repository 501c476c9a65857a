"""Labels by several people in one file: one row per label, with the column `by` for the person.

They become one column per person. All labels are held in memory. A person who labels a candidate twice is refused with
the line of the second label. Agreement between people is not computed here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from winnow.tables.column_values import read_grades, read_keys
from winnow.tables.joins import BatchStream, FileStream, JoinColumns, join_by_id
from winnow.tables.table import Table

LABELER_COLUMN = "by"


def labeler_column(label_column: str, person: str) -> str:
    """Return the name of one person's column of labels, without commas, because commas separate column names."""
    return f"{label_column} by {person.replace(',', ' ')}"


def join_by_labeler(table: Table, other: Table, names: list[str]) -> tuple[BatchStream, list[str]]:
    """Join labels by id, with one column per person, then the other columns of `names`, of which the label is first.

    Returns:
        The stream of columns, and the sorted names of the people.
    """
    readers = [(LABELER_COLUMN, read_keys), *((name, read_grades) for name in names)]
    columns, types = [LABELER_COLUMN, *names], [pa.string(), *[pa.float64()] * len(names)]
    joined_columns = JoinColumns(columns, types, lambda chunk: other.read_checked(chunk, readers), LABELER_COLUMN)
    joined_table = pa.Table.from_batches(join_by_id(table, other, joined_columns)())
    row, row_labelers, *value_columns = joined_table.columns
    people = sorted({person for person in row_labelers.to_pylist() if person is not None})
    rows, row_index = np.unique(row.to_numpy(), return_inverse=True)
    labeler_numbers = {person: number for number, person in enumerate(people)}
    labeler_index = np.array([labeler_numbers.get(person, -1) for person in row_labelers.to_pylist()], np.int64)
    labels = np.full((len(people), len(rows)), np.nan)
    has_labeler = labeler_index >= 0
    labels[labeler_index[has_labeler], row_index[has_labeler]] = _to_floats(value_columns[0])[has_labeler]
    label_columns = {labeler_column(names[0], person): _to_nullable_array(labels[i]) for i, person in enumerate(people)}
    for name, column in zip(names[1:], value_columns[1:], strict=True):
        values = np.full(len(rows), np.nan)
        values[row_index[has_labeler]] = _to_floats(column)[has_labeler]
        label_columns[name] = _to_nullable_array(values)
    result = pa.table({"row": pa.array(rows, pa.int64()), **label_columns})
    return FileStream(result.schema, result.to_batches()), people


def _to_floats(column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(column.to_numpy(), np.float64)


def _to_nullable_array(values: np.ndarray[Any, np.dtype[np.float64]]) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))
