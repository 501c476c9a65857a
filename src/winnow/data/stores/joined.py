"""Columns from elsewhere, laid beside the rows they belong to.

`Attached` is a source with more columns: a store's verdicts beside its source, labels beside candidates. The
other side is a stream of batches in row order, so nothing is held but one chunk. `by_id` makes such a stream
out of anything keyed by candidate id, through DuckDB, which spills.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.data.chunks import ArrowChunk, Chunk, Rows
from winnow.data.engine import engine, feed
from winnow.data.errors import BadTable, UsageError, shown
from winnow.data.quarantine import BadRows
from winnow.data.readers.source import Source
from winnow.data.table import Table

Stream = Callable[[], Iterator[pa.RecordBatch]]
"""Batches that begin with `row` (ascending, each once) and go on with the columns to attach."""


class Attached(Source):
    """The rows of a source that the stream names, with the stream's columns beside them."""

    def __init__(self, source: Source, stream: Stream, columns: Sequence[str], receipt: dict[str, Any]) -> None:
        self.source = source
        self.stream = stream
        self.columns = list(columns)
        self.name = source.name
        self.format = source.format
        self.regular = source.regular
        self._receipt = receipt

    def original(self) -> Source:
        return self.source.original()

    def names(self) -> list[str]:
        return [*(n for n in self.source.names() if n not in self.columns), *self.columns]

    def all_names(self, bad: BadRows) -> list[str]:
        return [*(n for n in self.source.all_names(bad) if n not in self.columns), *self.columns]

    def paths(self) -> list[Path]:
        return self.source.paths()

    def receipt(self) -> dict[str, Any]:
        return self._receipt

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        if names is not None and set(names) <= set(self.columns):
            yield from self._alone(names, bad)
            return
        wanted = None if names is None else [name for name in names if name not in self.columns]
        feed = Feed(self.stream())
        for chunk in self.source.chunks(bad, wanted):
            extra = feed.upto(int(chunk.rows[-1]))
            numbers = extra.column("row").to_numpy()
            positions = np.searchsorted(chunk.rows, numbers)
            if len(positions) and not np.array_equal(chunk.rows[np.minimum(positions, len(chunk) - 1)], numbers):
                raise BadTable(
                    self.name, "has no row where the joined store or labels have one", "Make the store again"
                )
            if len(positions):
                kept = chunk if len(positions) == len(chunk) else chunk.take(positions.astype(np.int64))
                yield kept.with_columns({name: extra.column(name) for name in self.columns})

    def pick(self, rows: Rows, bad: BadRows) -> Iterator[Chunk]:
        """The rows as the source has them: what was attached stays behind."""
        return self.source.pick(rows, bad)

    def schema(self, bad: BadRows) -> pa.Schema:
        fields = [f for f in self.source.schema(bad) if f.name not in self.columns]
        first = next(self.stream(), None)
        added = [] if first is None else [first.schema.field(name) for name in self.columns]
        return pa.schema([*fields, *added])

    def _alone(self, names: Sequence[str], bad: BadRows) -> Iterator[Chunk]:
        def place(row: int) -> str:
            found = next(iter(self.source.pick(np.array([row], np.int64), bad)), None)
            return found.place(0) if found is not None else self.name

        for batch in self.stream():
            if batch.num_rows:
                yield ArrowChunk(batch.select(list(names)), batch.column("row").to_numpy(), place)


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
            rows = self._left.column("row").to_numpy()
            cut = int(np.searchsorted(rows, last, side="right"))
            parts.append(self._left.slice(0, cut))
            if cut < len(rows):
                self._left = self._left.slice(cut)
                break
            self._left = next(self._batches, None)
        if not parts:
            return pa.RecordBatch.from_pylist([], self._empty)
        return parts[0] if len(parts) == 1 else pa.concat_batches(parts)


def by_id(
    table: Table,
    other: Table,
    columns: Sequence[str],
    kinds: Sequence[pa.DataType],
    read: Callable[[Chunk], list[pa.Array]],
) -> pa.Table:
    """Columns of another table, by candidate id, in this table's row order; every id of the other must exist here."""
    with engine() as duck:
        _load(
            duck,
            "here",
            ["row", "id"],
            [pa.int64(), pa.string()],
            ([pa.array(c.rows), p["id"]] for c, p in table.parts(["id"])),
        )
        rows = ([pa.array(c.rows), p["id"], *read(c)] for c, p in other.parts(["id"], also=list(columns)))
        _load(duck, "there", ["place", "id", *columns], [pa.int64(), pa.string(), *kinds], rows)
        _refuse_strangers(duck, table, other)
        chosen = ", ".join('there."' + name.replace('"', '""') + '"' for name in columns)
        return duck.sql(
            f"select here.row, {chosen} from here left join there using (id) order by here.row"
        ).to_arrow_table()


def _load(
    duck: Any, name: str, names: Sequence[str], kinds: Sequence[pa.DataType], rows: Iterator[list[pa.Array]]
) -> None:
    schema = pa.schema(list(zip(names, kinds, strict=True)))
    batches = (pa.RecordBatch.from_arrays(arrays, schema=schema) for arrays in rows)
    feed(duck, f"create table {name} as select * from incoming", schema, batches)


def _refuse_strangers(duck: Any, table: Table, other: Table) -> None:
    for side, name, at in ((table, "here", "row"), (other, "there", "place")):
        twice = duck.execute(
            f"select id, max({at}) from {name} group by id having count(*) > 1 order by 2 limit 1"
        ).fetchone()
        if twice:
            raise BadTable(
                side.place(twice[1]),
                f"the id {shown(twice[0])} stands twice, so it cannot be joined by",
                "Name a column that differs in every row: --id",
            )
    stranger = duck.execute("select id, place from there anti join here using (id) order by place limit 1").fetchone()
    if stranger:
        raise BadTable(
            other.place(stranger[1]),
            f"the id {shown(stranger[0])} is no candidate of {table.name}",
            "Label rows of this table, or name the id column with --id",
        )


def by_row(table: Table, other: Table, columns: Sequence[str], read: Callable[[Chunk], list[pa.Array]]) -> pa.Table:
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
    ours = table.parts([], also=[shared[0]])
    here = [
        (int(row), value, chunk.place(i))
        for chunk, _ in ours
        for i, (row, value) in enumerate(zip(chunk.rows, chunk.values(shared[0]), strict=True))
    ]
    parts: list[list[pa.Array]] = []
    done = 0
    for chunk, _ in other.parts([], also=[shared[0], *columns]):
        for position, value in enumerate(chunk.values(shared[0])):
            if done + position >= len(here) or str(here[done + position][1]) != str(value):
                against = here[done + position][2] if done + position < len(here) else "the end of the table"
                problem = f"its {shared[0]} is {shown(str(value))}, which is not what stands at {against}"
                raise BadTable(chunk.place(position), problem, "Join by id instead: give both a column candidate_id")
        done += len(chunk)
        parts.append(read(chunk))
    if done != len(here):
        raise BadTable(
            other.name,
            f"has {done} rows and {table.name} has {len(here)}",
            "Join by id instead: give both a column candidate_id",
        )
    joined = [pa.chunked_array([part[i] for part in parts], pa.float64()) for i in range(len(columns))]
    return pa.table([pa.array([row for row, _, _ in here], pa.int64()), *joined], names=["row", *columns])


def attach(table: Table, joined: pa.Table, receipt: dict[str, Any]) -> Attached:
    """A source with the columns of a joined table beside its own."""
    columns = [name for name in joined.schema.names if name != "row"]
    if clash := set(columns) & set(table.names()):
        raise UsageError(
            "--labels", f"both {table.name} and the file have a column {shown(min(clash))}", "Rename one of the two"
        )
    return Attached(
        table.source,
        lambda: iter(joined.to_batches(max_chunksize=1 << 16)),
        columns,
        {**table.source.receipt(), **receipt},
    )
