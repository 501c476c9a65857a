"""The base classes of everything rows are read from: a named source of chunks that can be read again.

A source numbers its rows 0, 1, 2 ... in the same order at every reading, and its receipt says which bytes they came
from. What a column means is decided by the table, not by the source.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.errors import BadTable
from winnow.storage.file_bytes import file_sha256
from winnow.storage.locations.location import Location
from winnow.tables.chunks import ArrowChunk, Chunk, RowNumbers
from winnow.tables.quarantine import BadRows


class Source(ABC):
    """Rows in order, from files or from memory."""

    name: str
    format: str
    files: Sequence[Location] = ()
    """The files the rows are read from; none for rows in memory."""
    has_uniform_columns: bool = False
    """Whether every row has the same columns."""
    unique_column: str | None = None
    """A column without duplicates, as was checked when a store was written."""

    def base_source(self) -> Source:
        """Return the source whose rows `read_rows` yields: this one, or the one that columns were joined to."""
        return self

    def names(self) -> list[str]:
        """Return the columns that the beginning of the source has."""
        first = next(self.chunks(BadRows(limit=1 << 30)), None)
        return first.names() if first else []

    @abstractmethod
    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        """Yield all rows in order, with at least the columns `names`, or with all columns if it is None."""

    def receipt(self) -> dict[str, Any]:
        """Return format, files and hashes: what a result made from this source depends on."""
        files = [
            {"path": str(path), "bytes": path.stat().st_size, "sha256": self.hash_file(path)} for path in self.files
        ]
        return {"format": self.format, "files": files}

    def hash_file(self, path: Location) -> str:
        """Return the hash by which a change of a file is noticed."""
        return file_sha256(path)

    def paths(self) -> list[Location]:
        """Return the user's files behind the source; none for rows from memory or a pipe."""
        return list(self.files)

    def sample_chunks(self, bad: BadRows, names: Sequence[str]) -> Iterator[Chunk]:
        """Yield rows spread over the source, enough to estimate a mean; all rows where that costs little."""
        return self.chunks(bad, names)

    def all_names(self, bad: BadRows) -> list[str]:
        """Return every column that any row has."""
        if self.has_uniform_columns:
            return self.names()
        return list(dict.fromkeys(name for chunk in self.chunks(bad) for name in chunk.names()))

    def schema(self, bad: BadRows) -> pa.Schema:
        """Return the Arrow types of all rows that are not set aside; they are read where the format has no types."""
        return merge_schemas([bad.filter_chunk(chunk).to_arrow().schema for chunk in self.chunks(bad)], self.name)

    def read_rows(self, rows: RowNumbers, bad: BadRows) -> Iterator[Chunk]:
        """Yield the whole rows with these ascending numbers, in order."""
        return pick_rows(self.chunks(bad), rows)

    def locate_row(self, row: int, bad: BadRows) -> str:
        """Read a row again to return its location."""
        chunk = next(iter(self.read_rows(np.array([row], np.int64), bad)), None)
        return self.name if chunk is None else chunk.locate(0)


class TypedSource(Source):
    """A source whose rows all have the columns of one Arrow schema."""

    has_uniform_columns = True
    arrow_schema: pa.Schema

    def names(self) -> list[str]:
        return list(self.arrow_schema.names)

    def schema(self, bad: BadRows) -> pa.Schema:
        return self.arrow_schema

    def select_names(self, names: Sequence[str] | None) -> list[str]:
        """Return those columns of the source that are in `names`, in the order of the source; None selects all."""
        return [name for name in self.names() if names is None or name in names]


def number_rows(
    batches: Iterable[pa.RecordBatch], first: int, locate_row: Callable[[int], str]
) -> Generator[ArrowChunk, None, int]:
    """Yield batches as chunks whose rows are numbered from `first`, and return the number after the last row."""
    for batch in batches:
        if batch.num_rows:
            yield ArrowChunk(batch, np.arange(first, first + batch.num_rows, dtype=np.int64), locate_row)
            first += batch.num_rows
    return first


def pick_rows(chunks: Iterable[Chunk], rows: RowNumbers) -> Iterator[Chunk]:
    """Yield those rows of chunks that have one of these ascending numbers."""
    for chunk in chunks:
        if len(chunk):
            low, high = np.searchsorted(rows, [chunk.row_numbers[0], chunk.row_numbers[-1] + 1])
            positions = np.flatnonzero(np.isin(chunk.row_numbers, rows[low:high], assume_unique=True))
            if positions.size:
                yield chunk.take(positions.astype(np.int64))


def merge_schemas(schemas: Sequence[pa.Schema], name: str) -> pa.Schema:
    """Merge the inferred schemas of several chunks: whole numbers widen to floats, null to any type."""
    try:
        return pa.unify_schemas(schemas, promote_options="permissive") if schemas else pa.schema([])
    except pa.ArrowException as error:
        raise BadTable(name, f"has a column without a single type ({error})", "Write .jsonl instead") from error
