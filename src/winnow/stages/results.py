"""The results of stages: rows that are displayed, converted to other libraries, or read by the next stage."""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.storage.locations.location import Location
from winnow.tables.chunks import ArrowChunk, Chunk, JsonChunk, Row
from winnow.tables.columns import Columns, make_columns
from winnow.tables.open_table import open_rows
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.source import Source, merge_schemas
from winnow.tables.table import Table

PREVIEW_ROWS = 5
PREVIEW_WIDTH = 48


class MemorySource(Source):
    """Chunks in memory, whose rows are numbered from 0."""

    format = "memory"

    def __init__(self, chunks: Sequence[Chunk], name: str, names: Sequence[str]) -> None:
        self.name = name
        self._names = list(dict.fromkeys(names))
        self.stored_chunks = [chunk for chunk in chunks if len(chunk)]

    def names(self) -> list[str]:
        return self._names

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        first = 0
        for chunk in self.stored_chunks:
            rows = np.arange(first, first + len(chunk), dtype=np.int64)
            locate = _shift_location(chunk, first)
            if isinstance(chunk, ArrowChunk):
                yield ArrowChunk(chunk.batch, rows, locate)
            elif isinstance(chunk, JsonChunk):
                yield JsonChunk(chunk.objects, rows, locate, chunk.raw_lines)
            first += len(chunk)

    def receipt(self) -> dict[str, Any]:
        return {"format": self.format, "files": []}


def _shift_location(chunk: Chunk, first: int) -> Any:
    return lambda row: chunk.locate(row - first)


def align_columns(chunk: Chunk, schema: pa.Schema) -> Chunk:
    """Typed rows with the columns of this schema, in its order; a missing column is null."""
    if not isinstance(chunk, ArrowChunk):
        return chunk
    batch, rows = chunk.batch, len(chunk)
    present = batch.schema.names
    return chunk.with_columns({f.name: batch[f.name] if f.name in present else pa.nulls(rows, f.type) for f in schema})


def reopen_table(out: Location, columns: Columns, rows: int, names: Sequence[str]) -> Table:
    """The table that was just written. JSON Lines without rows have no columns, so an empty table stays in memory."""
    if rows or out.suffix != ".jsonl":
        return open_rows(out, columns)
    known = {part: name for part, name in columns.to_dict().items() if name in names}
    return Table(MemorySource([], str(out), names), make_columns(**known), BadRows())


class TextReport(ABC):
    """A result that a person reads in a terminal or a notebook."""

    @abstractmethod
    def describe(self) -> str:
        """Describe the result for a person."""

    def __repr__(self) -> str:
        return self.describe()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.describe())}</pre>"


class Rows(TextReport):
    """Rows of a result, which stay in memory or in the file that was written.

    Attributes:
        table: The rows, which the next stage can read.
        summary: What was done, in plain numbers; the JSON document of the command.
    """

    def __init__(self, table: Table, summary: dict[str, Any]) -> None:
        self.table = table
        self.summary = summary

    def __len__(self) -> int:
        return int(self.summary["rows"])

    def __iter__(self) -> Iterator[Row]:
        for chunk in self._chunks():
            yield from chunk.to_dicts()

    def to_dict(self) -> dict[str, Any]:
        """The summary, as the command prints it with `--json`."""
        return self.summary

    def to_list(self) -> list[Row]:
        """The rows as dictionaries."""
        return list(self)

    def to_arrow(self) -> pa.Table:
        """The rows as an Arrow table."""
        chunks = list(self._chunks())
        if not chunks:
            known, names = self.table.source.schema(self.table.bad_rows), self.table.names()
            fields = [known.field(name) if name in known.names else pa.field(name, pa.null()) for name in names]
            return pa.schema(fields).empty_table()
        schema = merge_schemas([chunk.to_arrow().schema for chunk in chunks], self.table.name)
        return pa.Table.from_batches([align_columns(chunk, schema).to_arrow(schema) for chunk in chunks], schema)

    def to_pandas(self) -> Any:
        """The rows as a pandas frame."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """The rows as a Polars frame."""
        import polars

        return polars.from_arrow(self.to_arrow())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def describe(self) -> str:
        """Describe what was done for a person."""
        return f"{len(self):,} rows of {self.table.name}"

    def _repr_html_(self) -> str:
        first_rows = [row for row, _ in zip(self, range(PREVIEW_ROWS), strict=False)]
        names = list(dict.fromkeys(name for row in first_rows for name in row))
        header = "".join(f"<th>{html.escape(str(name))}</th>" for name in names)
        body = "".join(
            "<tr>" + "".join(f"<td>{_shorten(row.get(name))}</td>" for name in names) + "</tr>" for row in first_rows
        )
        return f"<p>{html.escape(self.describe())}</p><table><tr>{header}</tr>{body}</table>"

    def _chunks(self) -> Iterator[Chunk]:
        yield from self.table.source.chunks(self.table.bad_rows)


def _shorten(value: Any) -> str:
    text = "" if value is None else str(value)
    return html.escape(text if len(text) <= PREVIEW_WIDTH else text[: PREVIEW_WIDTH - 1] + "…")
