"""Reads the rows of imported shards as they were imported: typed columns, or lines of JSON.

A shard has the column `winnow_row` (the number of the row in its source), `candidate_id` if winnow generated the ids,
and either the columns of the rows or `winnow_line`. The metadata of a shard of lines lists the columns of all lines of
all shards. Rows are numbered through all shards, in order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.errors import BrokenPromise
from winnow.storage.locations.location import Location, arrow_input
from winnow.storage.store import Store
from winnow.tables.chunks import ArrowChunk, Chunk, JsonChunk, RowNumbers
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.columnar import ParquetSource
from winnow.tables.readers.json_lines import parse_line
from winnow.tables.readers.source import Source

ROW_COLUMN = "winnow_row"
LINE_COLUMN = "winnow_line"
CANDIDATE_ID = "candidate_id"
LINE_COLUMNS_KEY = "winnow_columns"


class ShardSource(Source):
    """Rows of all shards of a store of candidates, or of consecutive ones."""

    format = "candidates"

    def __init__(self, store: Store, shards: slice = slice(None)) -> None:
        chosen_shards = store.receipt.shards[shards]
        earlier_shards = store.receipt.shards[: shards.indices(len(store.receipt.shards))[0]]
        self.store = store
        self.name = str(store.path)
        self._first_row = sum(shard.rows for shard in earlier_shards)
        self._inner = ParquetSource([store.path / shard.name for shard in chosen_shards], self.name)
        self._has_generated_ids = "id" not in store.receipt.work.source.get("columns", {})
        hidden_columns = {ROW_COLUMN, CANDIDATE_ID} if self._has_generated_ids else {ROW_COLUMN}
        self._own_columns = [name for name in self._inner.names() if name not in hidden_columns]
        self.has_uniform_columns = LINE_COLUMN not in self._own_columns
        self._line_columns = [] if self.has_uniform_columns else _read_line_columns(self._inner.files[0])

    def names(self) -> list[str]:
        return self._own_columns if self.has_uniform_columns else self._line_columns

    def paths(self) -> list[Location]:
        return self._inner.paths()

    def receipt(self) -> dict[str, Any]:
        return self.store.source_record()

    def schema(self, bad: BadRows) -> pa.Schema:
        if not self.has_uniform_columns:
            return super().schema(bad)
        stored_schema = self._inner.schema(bad)
        return pa.schema([stored_schema.field(name) for name in self._own_columns], metadata=stored_schema.metadata)

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        wanted = self._own_columns if names is None or not self.has_uniform_columns else names
        yield from map(self._restore_chunk, self._inner.chunks(bad, wanted))

    def read_rows(self, rows: RowNumbers, bad: BadRows) -> Iterator[Chunk]:
        yield from map(self._restore_chunk, self._inner.read_rows(rows - self._first_row, bad))

    def sample_chunks(self, bad: BadRows, names: Sequence[str]) -> Iterator[Chunk]:
        wanted = names if self.has_uniform_columns else self._own_columns
        yield from map(self._restore_chunk, self._inner.sample_chunks(bad, wanted))

    def iterate_generated_ids(self) -> Iterator[pa.RecordBatch]:
        """Yield the ids that winnow generated, by row; nothing where the rows have ids of their own."""
        if self._has_generated_ids:
            for chunk in self._inner.chunks(BadRows(), [CANDIDATE_ID]):
                columns = [pa.array(chunk.row_numbers + self._first_row), chunk.to_arrow().column(CANDIDATE_ID)]
                yield pa.RecordBatch.from_arrays(columns, names=["row", CANDIDATE_ID])

    def _restore_chunk(self, chunk: Chunk) -> Chunk:
        rows = chunk.row_numbers + self._first_row

        def locate_row(row: int) -> str:
            return chunk.locate(int(np.searchsorted(rows, row)))

        batch = chunk.to_arrow()
        if self.has_uniform_columns:
            return ArrowChunk(batch.select([n for n in batch.schema.names if n in self._own_columns]), rows, locate_row)
        lines = batch.column(LINE_COLUMN).to_pylist()
        try:
            objects = [parse_line(line) for line in lines]
        except ValueError as error:
            raise BrokenPromise(self.name, f"holds a line that is not a row ({error})", "Import it again") from error
        return JsonChunk(objects, rows, locate_row, lines)


def _read_line_columns(path: Location) -> list[str]:
    encoded_names = (pq.read_metadata(arrow_input(path)).metadata or {}).get(LINE_COLUMNS_KEY.encode())
    if encoded_names is None:
        raise BrokenPromise(str(path), "does not say which columns its lines have", "Import it again")
    names: list[str] = json.loads(encoded_names)
    return names
