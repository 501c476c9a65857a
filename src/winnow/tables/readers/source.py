"""What every reader is: a named source of chunks that can be read again.

A source numbers its rows 0, 1, 2 ... the same way at every reading, gives them in order, and says in its
receipt which bytes they came from. What a column means is the table's business, not the source's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.errors import BadTable
from winnow.storage.locations.location import Location
from winnow.tables.chunks import Chunk, RowNumbers
from winnow.tables.quarantine import BadRows


class Source(ABC):
    """Rows in order, from wherever they are."""

    name: str
    format: str
    has_uniform_columns: bool = False
    """Whether every row has the same columns."""
    unique_column: str | None = None
    """A column in which nothing stands twice, as was made sure of when a store was written."""

    def base_source(self) -> Source:
        """The source whose rows `pick` gives: this one, or the one that columns were attached to."""
        return self

    @abstractmethod
    def names(self) -> list[str]:
        """The columns, as far as the beginning of the source tells."""

    @abstractmethod
    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        """All rows in order; with `names`, at least those columns."""

    @abstractmethod
    def receipt(self) -> dict[str, Any]:
        """Format, files and hashes: what a stage that read this source depends on."""

    def paths(self) -> list[Location]:
        """The files behind the source; none for rows in memory."""
        return []

    def sample_chunks(self, bad: BadRows, names: Sequence[str]) -> Iterator[Chunk]:
        """Rows from all over the source, for means and not for choosing: all of them where that costs little."""
        return self.chunks(bad, names)

    def all_names(self, bad: BadRows) -> list[str]:
        """Every column any row has."""
        if self.has_uniform_columns:
            return self.names()
        return list(dict.fromkeys(name for chunk in self.chunks(bad) for name in chunk.names()))

    def schema(self, bad: BadRows) -> pa.Schema:
        """The Arrow types of all rows but those set aside, found by reading them where the format does not say."""
        return merge_schemas([bad.filter_chunk(chunk).to_arrow().schema for chunk in self.chunks(bad)], self.name)

    def read_rows(self, rows: RowNumbers, bad: BadRows) -> Iterator[Chunk]:
        """The whole rows with these numbers (ascending), in order."""
        for chunk in self.chunks(bad):
            if len(chunk) and (positions := find_positions(rows, chunk.row_numbers)).size:
                yield chunk.take(positions)


def find_positions(wanted: RowNumbers, rows: RowNumbers) -> RowNumbers:
    """Where the wanted row numbers stand within a chunk's ascending row numbers."""
    low, high = np.searchsorted(wanted, [rows[0], rows[-1] + 1])
    return np.flatnonzero(np.isin(rows, wanted[low:high], assume_unique=True)).astype(np.int64)


def merge_schemas(schemas: Sequence[pa.Schema], name: str) -> pa.Schema:
    """One schema for chunks whose types were inferred one by one: whole numbers widen to fractions, null to all."""
    try:
        return pa.unify_schemas(schemas, promote_options="permissive") if schemas else pa.schema([])
    except pa.ArrowException as error:
        raise BadTable(name, f"has a column without a single type ({error})", "Write .jsonl instead") from error
