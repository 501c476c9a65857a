"""The rows of imported shards, as they came: typed columns, or the very lines of JSON.

A shard holds `winnow_row` (the number the row had where it came from), `candidate_id` where winnow made the ids,
and then either the columns of the row or `winnow_line`; lines differ, so the file says which columns any line of any
shard has. Rows are numbered through all shards, in their order.
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
    """Rows of all shards of a store of candidates, or of some that follow each other."""

    format = "candidates"

    def __init__(self, store: Store, shards: slice = slice(None)) -> None:
        chosen_shards = store.receipt.shards[shards]
        earlier_shards = store.receipt.shards[: shards.indices(len(store.receipt.shards))[0]]
        self.store = store
        self.name = str(store.path)
        self._first_row = sum(shard.rows for shard in earlier_shards)
        self._inner = ParquetSource([store.path / shard.name for shard in chosen_shards], self.name)
        generated_columns = {CANDIDATE_ID} if "id" not in store.receipt.work.source.get("columns", {}) else set()
        self._own_columns = [name for name in self._inner.names() if name not in {ROW_COLUMN, *generated_columns}]
        self._has_generated_ids = bool(generated_columns)
        self.has_uniform_columns = LINE_COLUMN not in self._own_columns
        self._line_columns = [] if self.has_uniform_columns else _read_line_columns(self._inner.files[0])

    def names(self) -> list[str]:
        return self._own_columns if self.has_uniform_columns else self._line_columns

    def paths(self) -> list[Location]:
        return self._inner.files

    def receipt(self) -> dict[str, Any]:
        return {
            "format": "store",
            "store": {"path": str(self.store.path), "identity": self.store.receipt.work.identity()},
        }

    def schema(self, bad: BadRows) -> pa.Schema:
        if not self.has_uniform_columns:
            return super().schema(bad)
        stored_schema = self._inner.schema(bad)
        return pa.schema([stored_schema.field(name) for name in self._own_columns], metadata=stored_schema.metadata)

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        for chunk in self._inner.chunks(
            bad, self._own_columns if names is None or not self.has_uniform_columns else names
        ):
            yield self._restore_chunk(chunk)

    def read_rows(self, rows: RowNumbers, bad: BadRows) -> Iterator[Chunk]:
        for chunk in self._inner.read_rows(rows - self._first_row, bad):
            yield self._restore_chunk(chunk)

    def sample_chunks(self, bad: BadRows, names: Sequence[str]) -> Iterator[Chunk]:
        for chunk in self._inner.sample_chunks(bad, names if self.has_uniform_columns else self._own_columns):
            yield self._restore_chunk(chunk)

    def iterate_generated_ids(self) -> Iterator[pa.RecordBatch]:
        """The ids winnow made, by row; nothing where the rows have ids of their own."""
        if self._has_generated_ids:
            for chunk in self._inner.chunks(BadRows(), [CANDIDATE_ID]):
                ids = chunk.to_arrow().column(CANDIDATE_ID)
                yield pa.RecordBatch.from_arrays(
                    [pa.array(chunk.row_numbers + self._first_row), ids], names=["row", CANDIDATE_ID]
                )

    def _restore_chunk(self, chunk: Chunk) -> Chunk:
        rows = chunk.row_numbers + self._first_row

        def place(row: int) -> str:
            position = int(np.searchsorted(rows, row))
            return chunk.locate(position)

        batch = chunk.to_arrow()
        if self.has_uniform_columns:
            return ArrowChunk(batch.select([n for n in batch.schema.names if n in self._own_columns]), rows, place)
        lines = batch.column(LINE_COLUMN).to_pylist()
        try:
            objects = [parse_line(line) for line in lines]
        except ValueError as error:
            raise BrokenPromise(self.name, f"holds a line that is no row ({error})", "Import it again") from error
        return JsonChunk(objects, rows, place, lines)


def _read_line_columns(path: Location) -> list[str]:
    encoded_names = (pq.read_metadata(arrow_input(path)).metadata or {}).get(LINE_COLUMNS_KEY.encode())
    if encoded_names is None:
        raise BrokenPromise(str(path), "does not say which columns its lines have", "Import it again")
    names: list[str] = json.loads(encoded_names)
    return names
