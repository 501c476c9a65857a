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

from winnow.data.chunks import ArrowChunk, Chunk, Rows
from winnow.data.engine import OF_TEXTS, engine, feed
from winnow.data.errors import BadTable, UsageError, shown
from winnow.data.places.place import Place
from winnow.data.quarantine import BadRows
from winnow.data.readers.source import Source
from winnow.data.table import Table

BATCH = 1 << 16

Stream = Callable[[], Iterator[pa.RecordBatch]]
"""Batches of the row's number (ascending, each once) and then the columns to attach, known by their places."""


class Attached(Source):
    """The rows of a source that the stream names, with the stream's columns beside them.

    With `every`, all rows of the source, and nothing beside those the stream does not name.
    """

    labelers: tuple[str, ...] = ()
    """Who gave the labels, where the columns are those of several people."""
    lasting: bool = False
    """Whether the columns are part of the rows from here on, so that `pick` gives them too."""
    labels: list[Place] | None = None
    """The files the labels came from, where labels were attached; none for labels in memory."""

    def __init__(
        self, source: Source, stream: Stream, columns: Sequence[str], receipt: dict[str, Any], every: bool = False
    ) -> None:
        self.every = every
        self.source = source
        self.stream = stream
        self.columns = list(columns)
        self.name = source.name
        self.format = source.format
        self.regular = source.regular
        self._receipt = receipt

    def original(self) -> Source:
        return self if self.lasting else self.source.original()

    def names(self) -> list[str]:
        return [*(n for n in self.source.names() if n not in self.columns), *self.columns]

    def all_names(self, bad: BadRows) -> list[str]:
        return [*(n for n in self.source.all_names(bad) if n not in self.columns), *self.columns]

    def paths(self) -> list[Place]:
        return self.source.paths()

    def receipt(self) -> dict[str, Any]:
        return self._receipt

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        if not self.every and names is not None and set(names) <= set(self.columns):
            yield from self._alone(names, bad)
            return
        wanted = None if names is None else [name for name in names if name not in self.columns]
        feed = Feed(self.stream())
        for chunk in self.source.chunks(bad, wanted):
            extra = feed.upto(int(chunk.rows[-1]))
            numbers = extra.column(0).to_numpy()
            added = dict(zip(self.columns, extra.columns[1:], strict=True))
            positions = np.searchsorted(chunk.rows, numbers)
            if len(positions) and not np.array_equal(chunk.rows[np.minimum(positions, len(chunk) - 1)], numbers):
                raise BadTable(
                    self.name, "has no row where the joined store or labels have one", "Make the store again"
                )
            if self.every:
                found = {name: _spread(values, positions, len(chunk)) for name, values in added.items()}
                yield chunk.with_columns(found) if wanted != [] else _beside(chunk, found)
            elif len(positions):
                kept = chunk if len(positions) == len(chunk) else chunk.take(positions.astype(np.int64))
                yield kept.with_columns(added)

    def pick(self, rows: Rows, bad: BadRows) -> Iterator[Chunk]:
        """The rows as the source has them: what was attached stays behind, unless it replaced something there."""
        return super().pick(rows, bad) if self.lasting else self.source.pick(rows, bad)

    def schema(self, bad: BadRows) -> pa.Schema:
        fields = [f for f in self.source.schema(bad) if f.name not in self.columns]
        first = next(self.stream(), None)
        added = [] if first is None else map(pa.field, self.columns, first.schema.types[1:])
        return pa.schema([*fields, *added])

    def _alone(self, names: Sequence[str], bad: BadRows) -> Iterator[Chunk]:
        def place(row: int) -> str:
            found = next(iter(self.source.pick(np.array([row], np.int64), bad)), None)
            return found.place(0) if found is not None else self.name

        for batch in self.stream():
            if batch.num_rows:
                columns = [batch.column(1 + self.columns.index(name)) for name in names]
                alone = pa.RecordBatch.from_arrays(columns, names=list(names))
                yield ArrowChunk(alone, batch.column(0).to_numpy(), place)


def _spread(values: pa.Array, positions: Rows, length: int) -> pa.Array:
    """The values at their positions, null elsewhere."""
    index = np.full(length, -1, np.int64)
    index[positions] = np.arange(len(positions))
    return values.take(pa.array(index, mask=index < 0))


def _beside(chunk: Chunk, columns: dict[str, pa.Array]) -> Chunk:
    """These columns alone, at the places of a chunk's rows."""
    batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    return ArrowChunk(batch, chunk.rows, lambda row: chunk.place(int(np.searchsorted(chunk.rows, row))))


class Feed:
    """Hands out a stream's rows up to a row number, holding what is left of the last batch."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._left: pa.RecordBatch | None = next(batches, None)
        self._empty = pa.schema([("row", pa.int64())]) if self._left is None else self._left.schema

    def upto(self, last: int) -> pa.RecordBatch:
        """The next rows whose number is at most `last`."""
        parts: list[pa.RecordBatch] = []
        while self._left is not None:
            rows = self._left.column(0).to_numpy()
            cut = int(np.searchsorted(rows, last, side="right"))
            parts.append(self._left.slice(0, cut))
            if cut < len(rows):
                self._left = self._left.slice(cut)
                break
            self._left = next(self._batches, None)
        if not parts:
            return _no_rows(self._empty)
        return parts[0] if len(parts) == 1 else pa.concat_batches(parts)


def _no_rows(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], kind) for kind in schema.types], schema=schema)


class OnDisk:
    """A stream that is a file, read anew at every call; the file goes with the last one who could read it."""

    def __init__(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        folder = tempfile.mkdtemp(prefix="winnow-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._path = str(Path(folder) / "joined.arrow")
        with pa.OSFile(self._path, "wb") as file, pa.ipc.new_stream(file, schema) as writer:
            writer.write_batch(_no_rows(schema))
            for batch in batches:
                writer.write_batch(batch)

    def __call__(self) -> Iterator[pa.RecordBatch]:
        with pa.OSFile(self._path, "rb") as file, pa.ipc.open_stream(file) as reader:
            yield from reader


@dataclass(frozen=True)
class Beside:
    """What another table has for candidates: its columns, their types, and how a chunk of it is read.

    `apart` names the column that tells rows of the same candidate apart; without one a candidate stands once.
    """

    columns: Sequence[str]
    kinds: Sequence[pa.DataType]
    read: Callable[[Chunk], list[pa.Array]]
    apart: str | None = None


def by_id(table: Table, other: Table, beside: Beside) -> Stream:
    """Columns of another table, by candidate id, in this table's row order; every id of the other must exist here."""
    # Where ids are known to differ, those that nothing is laid beside need not be held.
    known = table.columns.id is not None and table.columns.id == table.source.distinct
    added = {f"added{number}": kind for number, kind in enumerate(beside.kinds)}
    with engine(OF_TEXTS) as duck:
        rows = ([pa.array(c.rows), p["id"], *beside.read(c)] for c, p in other.parts(["id"], also=beside.columns))
        _load(duck, "there", {"place": pa.int64(), "id": pa.string(), **added}, rows)
        ids = ([pa.array(c.rows), p["id"]] for c, p in table.parts(["id"]))
        _load(duck, "here", {"row": pa.int64(), "id": pa.string()}, ids, "semi join there using (id)" if known else "")
        _refuse_strangers(duck, (table, other), beside)
        chosen = "".join(f", there.{name}" for name in added)
        query = f"select here.row{chosen} from there join here using (id) order by here.row, there.place"
        reader = duck.sql(query).to_arrow_reader(BATCH)
        return OnDisk(reader.schema, reader)


def _load(
    duck: Any, name: str, columns: dict[str, pa.DataType], rows: Iterator[list[pa.Array]], only: str = ""
) -> None:
    schema = pa.schema(list(columns.items()))
    batches = (pa.RecordBatch.from_arrays(arrays, schema=schema) for arrays in rows)
    feed(duck, f"create table {name} as select * from incoming {only}", schema, batches)


def _refuse_strangers(duck: Any, sides: tuple[Table, Table], beside: Beside) -> None:
    (table, other), apart = sides, beside.apart
    of = "" if apart is None else f", added{list(beside.columns).index(apart)}"
    for side, name, at, key in ((table, "here", "row", "id"), (other, "there", "place", f"id{of}")):
        twice = duck.execute(
            f"select id, max({at}) from {name} group by {key} having count(*) > 1 order by 2 limit 1"
        ).fetchone()
        if twice:
            again = "" if apart is None or side is table else f" with the same {apart}"
            raise BadTable(
                side.place(twice[1]),
                f"the id {shown(twice[0])} stands twice{again}, so it cannot be joined by",
                "Name a column that differs in every row: --id",
            )
    stranger = duck.execute("select id, place from there anti join here using (id) order by place limit 1").fetchone()
    if stranger:
        raise BadTable(
            other.place(stranger[1]),
            f"the id {shown(stranger[0])} is no candidate of {table.name}",
            "Label rows of this table, or name the id column with --id",
        )


def by_row(table: Table, other: Table, beside: Beside) -> Stream:
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
    schema = pa.schema([("row", pa.int64()), *zip(beside.columns, beside.kinds, strict=True)])
    return OnDisk(schema, _row_by_row(table, other, beside, shared[0]))


def _row_by_row(table: Table, other: Table, beside: Beside, shared: str) -> Iterator[pa.RecordBatch]:
    """Both tables side by side, as long as the column they share says the same."""
    ours = (
        (int(row), value, chunk, position)
        for chunk, _ in table.parts([], also=[shared])
        for position, (row, value) in enumerate(zip(chunk.rows, chunk.values(shared), strict=True))
    )
    done = 0
    for chunk, _ in other.parts([], also=[shared, *beside.columns]):
        numbers = np.empty(len(chunk), np.int64)
        for position, value in enumerate(chunk.values(shared)):
            mine = next(ours, None)
            if mine is None or str(mine[1]) != str(value):
                against = "the end of the table" if mine is None else mine[2].place(mine[3])
                problem = f"its {shared} is {shown(str(value))}, which is not what stands at {against}"
                raise BadTable(chunk.place(position), problem, "Join by id instead: give both a column candidate_id")
            numbers[position] = mine[0]
        done += len(chunk)
        yield pa.RecordBatch.from_arrays([pa.array(numbers), *beside.read(chunk)], names=["row", *beside.columns])
    left = sum(1 for _ in ours)
    if left:
        problem = f"has {done} rows and {table.name} has {done + left}"
        raise BadTable(other.name, problem, "Join by id instead: give both a column candidate_id")


def attach(table: Table, stream: Stream, columns: Sequence[str], receipt: dict[str, Any]) -> Attached:
    """A source with the columns of a joined stream beside its own, null where the stream says nothing."""
    if clash := set(columns) & set(table.names()):
        raise UsageError(
            "--labels", f"both {table.name} and the file have a column {shown(min(clash))}", "Rename one of the two"
        )
    return Attached(table.source, stream, columns, {**table.source.receipt(), **receipt}, every=True)
