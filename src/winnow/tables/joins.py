"""Joins columns of another table or a store to the rows of a source: verdicts, labels, scores.

A `JoinedSource` reads the added columns from a stream of batches in row order, so only one chunk is held in memory.
`join_by_id` and `join_by_row` make such a stream, with only the rows that the other table has, in a temporary file.
Joining by id uses DuckDB, which spills to disk. `join_by_labeler` holds all labels in memory.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import BadTable, UsageError, format_value
from winnow.storage.locations.location import Location
from winnow.tables.chunks import ArrowChunk, Chunk, RowNumbers
from winnow.tables.column_values import read_grades, read_keys
from winnow.tables.duckdb_session import TEXT_GROUPING_MEMORY, open_duckdb, run_over_batches
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.source import Source
from winnow.tables.table import Table

BATCH_ROWS = 1 << 16
LABELER_COLUMN = "by"
"""The column that says who gave a label."""
JOIN_BY_ID_STEP = "Join by id instead: add a column candidate_id to both"

BatchStream = Callable[[], Iterator[pa.RecordBatch]]
"""Yields batches of ascending row numbers, each once, followed by the columns to add, identified by position."""


@dataclass(eq=False)
class JoinedSource(Source):
    """The rows of a source that are in the stream, with the stream's columns added."""

    source: Source
    stream: BatchStream
    columns: Sequence[str]
    joined_receipt: dict[str, Any]
    keeps_all_rows: bool = False
    """Whether all rows of the source are kept, with nulls where the stream has no row."""
    labelers: tuple[str, ...] = ()
    """The people who labeled, if there is a column of labels for each."""
    is_permanent: bool = False
    """Whether the added columns are part of the rows, so that `read_rows` yields them too."""
    label_files: list[Location] | None = None
    """The files the labels came from, if labels were joined; empty for labels in memory."""

    def __post_init__(self) -> None:
        self.name, self.format = self.source.name, self.source.format
        self.has_uniform_columns = self.source.has_uniform_columns

    def base_source(self) -> Source:
        return self if self.is_permanent else self.source.base_source()

    def names(self) -> list[str]:
        return [*(name for name in self.source.names() if name not in self.columns), *self.columns]

    def all_names(self, bad: BadRows) -> list[str]:
        return [*(name for name in self.source.all_names(bad) if name not in self.columns), *self.columns]

    def paths(self) -> list[Location]:
        return self.source.paths()

    def receipt(self) -> dict[str, Any]:
        return self.joined_receipt

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        if not self.keeps_all_rows and names is not None and set(names) <= set(self.columns):
            yield from self._read_joined_columns(names, bad)
            return
        wanted = None if names is None else [name for name in names if name not in self.columns]
        cursor = BatchCursor(self.stream())
        for chunk in self.source.chunks(bad, wanted):
            joined_batch = cursor.take_up_to(int(chunk.row_numbers[-1]))
            numbers = joined_batch.column(0).to_numpy()
            added = dict(zip(self.columns, joined_batch.columns[1:], strict=True))
            positions = np.searchsorted(chunk.row_numbers, numbers)
            if not np.isin(numbers, chunk.row_numbers).all():
                problem = "has no row where the joined store or labels have one"
                raise BadTable(self.name, problem, "Make the store again")
            if self.keeps_all_rows:
                added = {name: _scatter(values, positions, len(chunk)) for name, values in added.items()}
                if wanted == []:
                    yield ArrowChunk(pa.RecordBatch.from_pydict(added), chunk.row_numbers, chunk.locate_row)
                else:
                    yield chunk.with_columns(added)
            elif len(positions):
                matched = chunk if len(positions) == len(chunk) else chunk.take(positions.astype(np.int64))
                yield matched.with_columns(added)

    def read_rows(self, rows: RowNumbers, bad: BadRows) -> Iterator[Chunk]:
        """Yield rows as the source has them, without the added columns unless these are permanent."""
        return super().read_rows(rows, bad) if self.is_permanent else self.source.read_rows(rows, bad)

    def schema(self, bad: BadRows) -> pa.Schema:
        fields = [f for f in self.source.schema(bad) if f.name not in self.columns]
        first = next(self.stream(), None)
        added = [] if first is None else map(pa.field, self.columns, first.schema.types[1:])
        return pa.schema([*fields, *added])

    def _read_joined_columns(self, names: Sequence[str], bad: BadRows) -> Iterator[Chunk]:
        for batch in self.stream():
            if batch.num_rows:
                columns = [batch.column(1 + self.columns.index(name)) for name in names]
                selected = pa.RecordBatch.from_arrays(columns, names=list(names))
                yield ArrowChunk(selected, batch.column(0).to_numpy(), lambda row: self.source.locate_row(row, bad))


def _scatter(values: pa.Array, positions: RowNumbers, length: int) -> pa.Array:
    """Place values at positions of an array of this length, with nulls elsewhere."""
    index = np.full(length, -1, np.int64)
    index[positions] = np.arange(len(positions))
    return values.take(pa.array(index, mask=index < 0))


class BatchCursor:
    """Returns a stream's rows up to a row number, and holds the rest of the last batch."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._remainder: pa.RecordBatch | None = next(batches, None)
        self._schema = pa.schema([("row", pa.int64())]) if self._remainder is None else self._remainder.schema

    def take_up_to(self, last: int) -> pa.RecordBatch:
        """Return the next rows whose number is at most `last`."""
        slices: list[pa.RecordBatch] = []
        while self._remainder is not None:
            rows = self._remainder.column(0).to_numpy()
            split = int(np.searchsorted(rows, last, side="right"))
            slices.append(self._remainder.slice(0, split))
            if split < len(rows):
                self._remainder = self._remainder.slice(split)
                break
            self._remainder = next(self._batches, None)
        if not slices:
            return pa.RecordBatch.from_pylist([], self._schema)
        return slices[0] if len(slices) == 1 else pa.concat_batches(slices)


class FileStream:
    """A stream stored in a temporary file, read again at every call; it is removed with the object."""

    def __init__(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        folder = tempfile.mkdtemp(prefix="winnow-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._path = str(Path(folder) / "joined.arrow")
        with pa.OSFile(self._path, "wb") as file, pa.ipc.new_stream(file, schema) as writer:
            writer.write_batch(pa.RecordBatch.from_pylist([], schema))
            for batch in batches:
                writer.write_batch(batch)

    def __call__(self) -> Iterator[pa.RecordBatch]:
        with pa.OSFile(self._path, "rb") as file, pa.ipc.open_stream(file) as reader:
            yield from reader


@dataclass(frozen=True)
class JoinColumns:
    """The columns of another table to join, their types, and how they are read from a chunk of it.

    With a `distinguishing_column` a candidate may have several rows that differ in it; without, only one.
    """

    columns: Sequence[str]
    types: Sequence[pa.DataType]
    read: Callable[[Chunk], list[pa.Array]]
    distinguishing_column: str | None = None


def join_by_id(table: Table, other: Table, joined_columns: JoinColumns) -> BatchStream:
    """Join columns of another table by candidate id, in this table's row order.

    Raises:
        BadTable: An id appears twice, or the other table has an id that this table does not have.
    """
    # If ids are known to be unique, only those of the other table must be held.
    has_distinct_ids = table.columns.id is not None and table.columns.id == table.source.unique_column
    added = {f"added{number}": column_type for number, column_type in enumerate(joined_columns.types)}
    with open_duckdb(TEXT_GROUPING_MEMORY) as duck:
        rows = (
            [pa.array(c.row_numbers), p["id"], *joined_columns.read(c)]
            for c, p in other.read_roles(["id"], extra_columns=joined_columns.columns)
        )
        _load_table(duck, "other_rows", {"other_row": pa.int64(), "id": pa.string(), **added}, rows)
        ids = ([pa.array(c.row_numbers), p["id"]] for c, p in table.read_roles(["id"]))
        row_filter = "semi join other_rows using (id)" if has_distinct_ids else ""
        _load_table(duck, "own_rows", {"row": pa.int64(), "id": pa.string()}, ids, row_filter)
        _check_join_ids(duck, table, other, joined_columns)
        query = f"select {', '.join(['row', *added])} from other_rows join own_rows using (id) order by row, other_row"
        reader = duck.sql(query).to_arrow_reader(BATCH_ROWS)
        return FileStream(reader.schema, reader)


def _load_table(
    duck: Any, name: str, columns: dict[str, pa.DataType], rows: Iterator[list[pa.Array]], row_filter: str = ""
) -> None:
    schema = pa.schema(list(columns.items()))
    batches = (pa.RecordBatch.from_arrays(arrays, schema=schema) for arrays in rows)
    run_over_batches(duck, f"create table {name} as select * from incoming {row_filter}", schema, batches)


def _check_join_ids(duck: Any, table: Table, other: Table, joined_columns: JoinColumns) -> None:
    column = joined_columns.distinguishing_column
    other_key = "id" if column is None else f"id, added{list(joined_columns.columns).index(column)}"
    qualifier = "" if column is None else f" with the same {column}"
    for side, query, suffix in (
        (table, "select id, max(row) from own_rows group by id", ""),
        (other, f"select id, max(other_row) from other_rows group by {other_key}", qualifier),
    ):
        if duplicate := duck.execute(f"{query} having count(*) > 1 order by 2 limit 1").fetchone():
            problem = f"the id {format_value(duplicate[0])} appears twice{suffix}, so rows cannot be joined by it"
            raise BadTable(side.locate_row(duplicate[1]), problem, "Name a column that differs in every row: --id")
    query = "select id, other_row from other_rows anti join own_rows using (id) order by other_row limit 1"
    if unmatched := duck.execute(query).fetchone():
        problem = f"the id {format_value(unmatched[0])} is not a candidate of {table.name}"
        next_step = "Label rows of this table, or name the id column with --id"
        raise BadTable(other.locate_row(unmatched[1]), problem, next_step)


def join_by_row(table: Table, other: Table, joined_columns: JoinColumns) -> BatchStream:
    """Join columns of another table that lists the same candidates in the same order.

    Raises:
        UsageError: The tables have no column in common that shows they list the same candidates.
        BadTable: The tables differ in that column, or in their number of rows.
    """
    own_names = (table.columns.text, table.columns.prompt_text, table.columns.prompt)
    shared = [name for name in own_names if name and name in other.names()]
    if not shared:
        problem = f"{other.name} shares neither an id nor a text with {table.name}"
        raise UsageError("--labels", problem, "Add a column candidate_id to it")
    schema = pa.schema([("row", pa.int64()), *zip(joined_columns.columns, joined_columns.types, strict=True)])
    return FileStream(schema, _match_rows(table, other, joined_columns, shared[0]))


def _match_rows(table: Table, other: Table, joined_columns: JoinColumns, shared: str) -> Iterator[pa.RecordBatch]:
    """Read both tables in parallel, and require equal values in the shared column."""
    own_rows = (
        (int(row), value, chunk.locate_row)
        for chunk, _ in table.read_roles([], extra_columns=[shared])
        for row, value in zip(chunk.row_numbers, chunk.values(shared), strict=True)
    )
    row_count = 0
    for chunk, _ in other.read_roles([], extra_columns=[shared, *joined_columns.columns]):
        numbers = np.empty(len(chunk), np.int64)
        for position, value in enumerate(chunk.values(shared)):
            row, own_value, locate_row = next(own_rows, (-1, None, str))
            if row < 0 or str(own_value) != str(value):
                too_many = f"but {table.name} has no more rows"
                difference = too_many if row < 0 else f"unlike the row at {locate_row(row)}"
                problem = f"its {shared} is {format_value(str(value))}, {difference}"
                raise BadTable(chunk.locate(position), problem, JOIN_BY_ID_STEP)
            numbers[position] = row
        row_count += len(chunk)
        columns = [pa.array(numbers), *joined_columns.read(chunk)]
        yield pa.RecordBatch.from_arrays(columns, names=["row", *joined_columns.columns])
    unmatched_count = sum(1 for _ in own_rows)
    if unmatched_count:
        problem = f"has {row_count} rows and {table.name} has {row_count + unmatched_count}"
        raise BadTable(other.name, problem, JOIN_BY_ID_STEP)


def attach_columns(table: Table, stream: BatchStream, columns: Sequence[str], receipt: dict[str, Any]) -> JoinedSource:
    """Add the columns of a stream to a table's source, null where the stream has no row.

    Raises:
        UsageError: The table has a column of the same name.
    """
    if clash := set(columns) & set(table.names()):
        problem = f"both {table.name} and the file have a column {format_value(min(clash))}"
        raise UsageError("--labels", problem, "Rename one of the two")
    return JoinedSource(table.source, stream, columns, {**table.source.receipt(), **receipt}, keeps_all_rows=True)


def labeler_column(label_column: str, person: str) -> str:
    """Return the name of one person's column of labels, without commas, because commas separate column names."""
    return f"{label_column} by {person.replace(',', ' ')}"


def join_by_labeler(table: Table, other: Table, names: list[str]) -> tuple[BatchStream, list[str]]:
    """Join labels by id, with one column per person, then the other columns of `names`, of which the label is first.

    The column `by` of the other table names the person of each label.

    Returns:
        The stream of columns, and the sorted names of the people.

    Raises:
        BadTable: A person labels a candidate twice.
    """
    readers = [(LABELER_COLUMN, read_keys), *((name, read_grades) for name in names)]
    columns, types = [LABELER_COLUMN, *names], [pa.string(), *[pa.float64()] * len(names)]
    joined_columns = JoinColumns(columns, types, lambda chunk: other.read_checked(chunk, readers), LABELER_COLUMN)
    joined = pa.Table.from_batches(join_by_id(table, other, joined_columns)())
    rows = np.unique(joined.column(0).to_numpy())
    joined = joined.filter(pc.is_valid(joined.column(1)))
    people = sorted(joined.column(1).unique().to_pylist())

    def align(labels: pa.Table, position: int) -> pa.ChunkedArray:
        return _scatter(labels.column(position), np.searchsorted(rows, labels.column(0).to_numpy()), len(rows))

    by_person = {person: align(joined.filter(pc.equal(joined.column(1), person)), 2) for person in people}
    label_columns = {labeler_column(names[0], person): labels for person, labels in by_person.items()}
    other_columns = {name: align(joined, position) for position, name in enumerate(names[1:], 3)}
    result = pa.table({"row": pa.array(rows, pa.int64()), **label_columns, **other_columns})
    return FileStream(result.schema, result.to_batches()), people
