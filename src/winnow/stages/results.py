"""What a stage hands back: rows that print well, convert to what people use, and are a table again.

`Rows` reads from where the rows are, in memory or in a file winnow wrote. It never copies what it need not.
"""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.data.chunks import ArrowChunk, Chunk, JsonChunk, Row
from winnow.data.columns import Columns, stated
from winnow.data.places.place import Place
from winnow.data.quarantine import BadRows
from winnow.data.readers.source import Source, merged_schema
from winnow.data.stores.opening import open_rows
from winnow.data.table import Table

SHOWN_ROWS = 5
SHOWN_WIDTH = 48


class Held(Source):
    """Chunks in memory, numbered anew."""

    format = "memory"

    def __init__(self, chunks: Sequence[Chunk], name: str, names: Sequence[str]) -> None:
        self.name = name
        self._names = list(dict.fromkeys(names))
        self.held = [chunk for chunk in chunks if len(chunk)]

    def names(self) -> list[str]:
        return self._names

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        first = 0
        for chunk in self.held:
            rows = np.arange(first, first + len(chunk), dtype=np.int64)
            place = _place_of(chunk, first)
            if isinstance(chunk, ArrowChunk):
                yield ArrowChunk(chunk.batch, rows, place)
            elif isinstance(chunk, JsonChunk):
                yield JsonChunk(chunk.objects, rows, place, chunk.raw)
            first += len(chunk)

    def receipt(self) -> dict[str, Any]:
        return {"format": self.format, "files": []}


def _place_of(chunk: Chunk, first: int) -> Any:
    return lambda row: chunk.place(row - first)


def laid_out(chunk: Chunk, schema: pa.Schema) -> Chunk:
    """Typed rows with the columns of this schema, in its order, null where they have none."""
    if not isinstance(chunk, ArrowChunk):
        return chunk
    batch, rows = chunk.batch, len(chunk)
    has = batch.schema.names
    return chunk.with_columns({f.name: batch[f.name] if f.name in has else pa.nulls(rows, f.type) for f in schema})


def reopened(out: Place, columns: Columns, rows: int, names: Sequence[str]) -> Table:
    """The table that was just written. JSON Lines without rows know no columns, so an empty one is kept in memory."""
    if rows or out.suffix != ".jsonl":
        return open_rows(out, columns)
    known = {part: name for part, name in columns.named().items() if name in names}
    return Table(Held([], str(out), names), stated(**known), BadRows())


class Spoken(ABC):
    """What says itself in words, in a terminal as in a notebook."""

    @abstractmethod
    def words(self) -> str:
        """What a person reads."""

    def __repr__(self) -> str:
        return self.words()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.words())}</pre>"


class Rows:
    """Rows of a result. `summary` says in plain numbers what was done."""

    def __init__(self, table: Table, summary: dict[str, Any]) -> None:
        self.table = table
        self.summary = summary

    def __len__(self) -> int:
        return int(self.summary["rows"])

    def __iter__(self) -> Iterator[Row]:
        for chunk in self._chunks():
            yield from chunk.dicts()

    def to_list(self) -> list[Row]:
        """The rows as dictionaries."""
        return list(self)

    def to_arrow(self) -> pa.Table:
        """The rows as an Arrow table."""
        chunks = list(self._chunks())
        if not chunks:
            return self._without_rows()
        schema = merged_schema([chunk.arrow().schema for chunk in chunks], self.table.name)
        return pa.Table.from_batches([laid_out(chunk, schema).arrow(schema) for chunk in chunks], schema)

    def _without_rows(self) -> pa.Table:
        """Every column, of the type its source says, or of none."""
        known = self.table.source.schema(self.table.bad)
        names = self.table.names()
        return pa.schema([known.field(n) if n in known.names else pa.field(n, pa.null()) for n in names]).empty_table()

    def to_pandas(self) -> Any:
        """The rows as a pandas frame."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """The rows as a Polars frame."""
        import polars

        return polars.from_arrow(self.to_arrow())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def words(self) -> str:
        """What was done, in a line or two."""
        return f"{len(self):,} rows of {self.table.name}"

    def __repr__(self) -> str:
        return self.words()

    def _repr_html_(self) -> str:
        head = [row for row, _ in zip(self, range(SHOWN_ROWS), strict=False)]
        names = list(dict.fromkeys(name for row in head for name in row))
        top = "".join(f"<th>{html.escape(str(name))}</th>" for name in names)
        body = "".join(
            "<tr>" + "".join(f"<td>{_shortened(row.get(name))}</td>" for name in names) + "</tr>" for row in head
        )
        return f"<p>{html.escape(self.words())}</p><table><tr>{top}</tr>{body}</table>"

    def _chunks(self) -> Iterator[Chunk]:
        yield from self.table.source.chunks(self.table.bad)


def _shortened(value: Any) -> str:
    text = "" if value is None else str(value)
    return html.escape(text if len(text) <= SHOWN_WIDTH else text[: SHOWN_WIDTH - 1] + "…")
