"""Labels by several people in one file: a row for each label, a column `by` for who gave it.

They become a column for each person, beside the candidates. Labels are few: all of them are held. A person who labels a
candidate twice is refused with the line of the second label. What the people make of each other is not judged here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from winnow.data.chunks import Chunk
from winnow.data.stores.joined import Beside, OnDisk, Stream, by_id
from winnow.data.table import Table
from winnow.data.values import grades, keys

BY = "by"


def label_by(label: str, person: str) -> str:
    """The column of one person's labels; several columns are named with commas, so a name cannot have one."""
    return f"{label} by {person.replace(',', ' ')}"


def by_labeler(table: Table, other: Table, names: list[str]) -> tuple[Stream, list[str]]:
    """A column for each person, then the others of `names`, which begins with the label; and the people, sorted."""

    def read(chunk: Chunk) -> list[pa.Array]:
        checked = [keys(chunk, BY), *(grades(chunk, name) for name in names)]
        for one in checked:
            for position, problem in one.problems.items():
                other.bad.add(chunk.place(position), problem)
        return [one.array for one in checked]

    beside = Beside([BY, *names], [pa.string(), *[pa.float64()] * len(names)], read, apart=BY)
    long = pa.Table.from_batches(by_id(table, other, beside)())
    row, by, *values_of = long.columns
    people = sorted({one for one in by.to_pylist() if one is not None})
    rows, at = np.unique(row.to_numpy(), return_inverse=True)
    number = {person: place for place, person in enumerate(people)}
    of = np.array([number.get(one, -1) for one in by.to_pylist()], np.int64)
    labels = np.full((len(people), len(rows)), np.nan)
    known = of >= 0
    labels[of[known], at[known]] = _floats(values_of[0])[known]
    columns = {label_by(names[0], person): _nullable(labels[place]) for place, person in enumerate(people)}
    for name, found in zip(names[1:], values_of[1:], strict=True):
        values = np.full(len(rows), np.nan)
        values[at[known]] = _floats(found)[known]
        columns[name] = _nullable(values)
    wide = pa.table({"row": pa.array(rows, pa.int64()), **columns})
    return OnDisk(wide.schema, wide.to_batches()), people


def _floats(column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(column.to_numpy(), np.float64)


def _nullable(values: np.ndarray[Any, np.dtype[np.float64]]) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))
