"""Columns from elsewhere, laid beside the rows they belong to.

`Attached` is a source with more columns: a store's verdicts beside its source, labels beside candidates. The
other side is a stream of batches in row order, so nothing is held but one chunk. `by_id` and `by_row` make such
a stream: it names only the rows the other side has, and lies in a file that goes when nobody can read it any more.
Joining by id goes through DuckDB, which spills.
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

from winnow.errors import BadTable, UsageError, format_value
from winnow.storage.locations.location import Location
from winnow.tables.chunks import ArrowChunk, Chunk, RowNumbers
from winnow.tables.duckdb_session import TEXT_GROUPING_MEMORY, open_duckdb, run_over_batches
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.source import Source
from winnow.tables.table import Table

BATCH_ROWS = 1 << 16

BatchStream = Callable[[], Iterator[pa.RecordBatch]]
"""Batches of the row's number (ascending, each once) and then the columns to attach, known by their places."""


class JoinedSource(Source):
    """The rows of a source that the stream names, with the stream's columns beside them.

    With `every`, all rows of the source, and nothing beside those the stream does not name.
    """

    labelers: tuple[str, ...] = ()
    """Who gave the labels, where the columns are those of several people."""
    is_permanent: bool = False
    """Whether the columns are part of the rows from here on, so that `pick` gives them too."""
    label_files: list[Location] | None = None
    """The files the labels came from, where labels were attached; none for labels in memory."""

    def __init__(
        self,
        source: Source,
        stream: BatchStream,
        columns: Sequence[str],
        receipt: dict[str, Any],
        keeps_all_rows: bool = False,
    ) -> None:
        self.keeps_all_rows = keeps_all_rows
        self.source = source
        self.stream = stream
        self.columns = list(columns)
        self.name = source.name
        self.format = source.format
        self.has_uniform_columns = source.has_uniform_columns
        self._receipt = receipt

    def base_source(self) -> Source:
        return self if self.is_permanent else self.source.base_source()

    def names(self) -> list[str]:
        return [*(n for n in self.source.names() if n not in self.columns), *self.columns]

    def all_names(self, bad: BadRows) -> list[str]:
        return [*(n for n in self.source.all_names(bad) if n not in self.columns), *self.columns]

    def paths(self) -> list[Location]:
        return self.source.paths()

    def receipt(self) -> dict[str, Any]:
        return self._receipt

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
            if len(positions) and not np.array_equal(chunk.row_numbers[np.minimum(positions, len(chunk) - 1)], numbers):
                raise BadTable(
                    self.name, "has no row where the joined store or labels have one", "Make the store again"
                )
            if self.keeps_all_rows:
                aligned = {name: _scatter(values, positions, len(chunk)) for name, values in added.items()}
                yield chunk.with_columns(aligned) if wanted != [] else _make_columns_chunk(chunk, aligned)
            elif len(positions):
                matched = chunk if len(positions) == len(chunk) else chunk.take(positions.astype(np.int64))
                yield matched.with_columns(added)

    def read_rows(self, rows: RowNumbers, bad: BadRows) -> Iterator[Chunk]:
        """The rows as the source has them: what was attached stays behind, unless it replaced something there."""
        return super().read_rows(rows, bad) if self.is_permanent else self.source.read_rows(rows, bad)

    def schema(self, bad: BadRows) -> pa.Schema:
        fields = [f for f in self.source.schema(bad) if f.name not in self.columns]
        first = next(self.stream(), None)
        added = [] if first is None else map(pa.field, self.columns, first.schema.types[1:])
        return pa.schema([*fields, *added])

    def _read_joined_columns(self, names: Sequence[str], bad: BadRows) -> Iterator[Chunk]:
        def place(row: int) -> str:
            found = next(iter(self.source.read_rows(np.array([row], np.int64), bad)), None)
            return found.locate(0) if found is not None else self.name

        for batch in self.stream():
            if batch.num_rows:
                columns = [batch.column(1 + self.columns.index(name)) for name in names]
                selected = pa.RecordBatch.from_arrays(columns, names=list(names))
                yield ArrowChunk(selected, batch.column(0).to_numpy(), place)


def _scatter(values: pa.Array, positions: RowNumbers, length: int) -> pa.Array:
    """The values at their positions, null elsewhere."""
    index = np.full(length, -1, np.int64)
    index[positions] = np.arange(len(positions))
    return values.take(pa.array(index, mask=index < 0))


def _make_columns_chunk(chunk: Chunk, columns: dict[str, pa.Array]) -> Chunk:
    """These columns alone, at the places of a chunk's rows."""
    batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    return ArrowChunk(batch, chunk.row_numbers, lambda row: chunk.locate(int(np.searchsorted(chunk.row_numbers, row))))


class BatchCursor:
    """Hands out a stream's rows up to a row number, holding what is left of the last batch."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._remainder: pa.RecordBatch | None = next(batches, None)
        self._schema = pa.schema([("row", pa.int64())]) if self._remainder is None else self._remainder.schema

    def take_up_to(self, last: int) -> pa.RecordBatch:
        """The next rows whose number is at most `last`."""
        parts: list[pa.RecordBatch] = []
        while self._remainder is not None:
            rows = self._remainder.column(0).to_numpy()
            split = int(np.searchsorted(rows, last, side="right"))
            parts.append(self._remainder.slice(0, split))
            if split < len(rows):
                self._remainder = self._remainder.slice(split)
                break
            self._remainder = next(self._batches, None)
        if not parts:
            return _make_empty_batch(self._schema)
        return parts[0] if len(parts) == 1 else pa.concat_batches(parts)


def _make_empty_batch(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], kind) for kind in schema.types], schema=schema)


class FileStream:
    """A stream that is a file, read anew at every call; the file goes with the last one who could read it."""

    def __init__(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        folder = tempfile.mkdtemp(prefix="winnow-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._path = str(Path(folder) / "joined.arrow")
        with pa.OSFile(self._path, "wb") as file, pa.ipc.new_stream(file, schema) as writer:
            writer.write_batch(_make_empty_batch(schema))
            for batch in batches:
                writer.write_batch(batch)

    def __call__(self) -> Iterator[pa.RecordBatch]:
        with pa.OSFile(self._path, "rb") as file, pa.ipc.open_stream(file) as reader:
            yield from reader


@dataclass(frozen=True)
class JoinColumns:
    """What another table has for candidates: its columns, their types, and how a chunk of it is read.

    `apart` names the column that tells rows of the same candidate apart; without one a candidate stands once.
    """

    columns: Sequence[str]
    types: Sequence[pa.DataType]
    read: Callable[[Chunk], list[pa.Array]]
    distinguishing_column: str | None = None


def join_by_id(table: Table, other: Table, joined_columns: JoinColumns) -> BatchStream:
    """Columns of another table, by candidate id, in this table's row order; every id of the other must exist here."""
    # Where ids are known to differ, those that nothing is laid beside need not be held.
    has_distinct_ids = table.columns.id is not None and table.columns.id == table.source.unique_column
    added = {f"added{number}": column_type for number, column_type in enumerate(joined_columns.types)}
    with open_duckdb(TEXT_GROUPING_MEMORY) as duck:
        rows = (
            [pa.array(c.row_numbers), p["id"], *joined_columns.read(c)]
            for c, p in other.read_roles(["id"], extra_columns=joined_columns.columns)
        )
        _load_table(duck, "there", {"place": pa.int64(), "id": pa.string(), **added}, rows)
        ids = ([pa.array(c.row_numbers), p["id"]] for c, p in table.read_roles(["id"]))
        _load_table(
            duck,
            "here",
            {"row": pa.int64(), "id": pa.string()},
            ids,
            "semi join there using (id)" if has_distinct_ids else "",
        )
        _check_join_ids(duck, (table, other), joined_columns)
        selected_columns = "".join(f", there.{name}" for name in added)
        query = f"select here.row{selected_columns} from there join here using (id) order by here.row, there.place"
        reader = duck.sql(query).to_arrow_reader(BATCH_ROWS)
        return FileStream(reader.schema, reader)


def _load_table(
    duck: Any, name: str, columns: dict[str, pa.DataType], rows: Iterator[list[pa.Array]], row_filter: str = ""
) -> None:
    schema = pa.schema(list(columns.items()))
    batches = (pa.RecordBatch.from_arrays(arrays, schema=schema) for arrays in rows)
    run_over_batches(duck, f"create table {name} as select * from incoming {row_filter}", schema, batches)


def _check_join_ids(duck: Any, sides: tuple[Table, Table], joined_columns: JoinColumns) -> None:
    (table, other), distinguishing_column = sides, joined_columns.distinguishing_column
    extra_key = (
        "" if distinguishing_column is None else f", added{list(joined_columns.columns).index(distinguishing_column)}"
    )
    for side, name, position_column, key in ((table, "here", "row", "id"), (other, "there", "place", f"id{extra_key}")):
        duplicate = duck.execute(
            f"select id, max({position_column}) from {name} group by {key} having count(*) > 1 order by 2 limit 1"
        ).fetchone()
        if duplicate:
            qualifier = (
                "" if distinguishing_column is None or side is table else f" with the same {distinguishing_column}"
            )
            raise BadTable(
                side.locate_row(duplicate[1]),
                f"the id {format_value(duplicate[0])} stands twice{qualifier}, so it cannot be joined by",
                "Name a column that differs in every row: --id",
            )
    unmatched = duck.execute("select id, place from there anti join here using (id) order by place limit 1").fetchone()
    if unmatched:
        raise BadTable(
            other.locate_row(unmatched[1]),
            f"the id {format_value(unmatched[0])} is no candidate of {table.name}",
            "Label rows of this table, or name the id column with --id",
        )


def join_by_row(table: Table, other: Table, joined_columns: JoinColumns) -> BatchStream:
    """Columns of another table that lists the same candidates in the same order, which its content must prove."""
    shared = [
        name
        for name in (table.columns.text, table.columns.prompt_text, table.columns.prompt)
        if name and name in other.names()
    ]
    if not shared:
        raise UsageError(
            "--labels",
            f"{other.name} shares neither an id nor a text with {table.name}",
            "Give it a column candidate_id",
        )
    schema = pa.schema([("row", pa.int64()), *zip(joined_columns.columns, joined_columns.types, strict=True)])
    return FileStream(schema, _match_rows(table, other, joined_columns, shared[0]))


def _match_rows(table: Table, other: Table, joined_columns: JoinColumns, shared: str) -> Iterator[pa.RecordBatch]:
    """Both tables side by side, as long as the column they share says the same."""
    own_rows = (
        (int(row), value, chunk, position)
        for chunk, _ in table.read_roles([], extra_columns=[shared])
        for position, (row, value) in enumerate(zip(chunk.row_numbers, chunk.values(shared), strict=True))
    )
    row_count = 0
    for chunk, _ in other.read_roles([], extra_columns=[shared, *joined_columns.columns]):
        numbers = np.empty(len(chunk), np.int64)
        for position, value in enumerate(chunk.values(shared)):
            own_row = next(own_rows, None)
            if own_row is None or str(own_row[1]) != str(value):
                own_place = "the end of the table" if own_row is None else own_row[2].locate(own_row[3])
                problem = f"its {shared} is {format_value(str(value))}, which is not what stands at {own_place}"
                raise BadTable(chunk.locate(position), problem, "Join by id instead: give both a column candidate_id")
            numbers[position] = own_row[0]
        row_count += len(chunk)
        yield pa.RecordBatch.from_arrays(
            [pa.array(numbers), *joined_columns.read(chunk)], names=["row", *joined_columns.columns]
        )
    unmatched_count = sum(1 for _ in own_rows)
    if unmatched_count:
        problem = f"has {row_count} rows and {table.name} has {row_count + unmatched_count}"
        raise BadTable(other.name, problem, "Join by id instead: give both a column candidate_id")


def attach_columns(table: Table, stream: BatchStream, columns: Sequence[str], receipt: dict[str, Any]) -> JoinedSource:
    """A source with the columns of a joined stream beside its own, null where the stream says nothing."""
    if clash := set(columns) & set(table.names()):
        raise UsageError(
            "--labels",
            f"both {table.name} and the file have a column {format_value(min(clash))}",
            "Rename one of the two",
        )
    return JoinedSource(table.source, stream, columns, {**table.source.receipt(), **receipt}, keeps_all_rows=True)
