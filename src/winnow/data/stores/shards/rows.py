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

from winnow.data.chunks import ArrowChunk, Chunk, JsonChunk, Rows
from winnow.data.errors import BrokenPromise
from winnow.data.places.place import Place, for_arrow
from winnow.data.quarantine import BadRows
from winnow.data.readers.columnar import Parquet
from winnow.data.readers.jsonl import parse
from winnow.data.readers.source import Source
from winnow.data.stores.store import Store

ROW = "winnow_row"
LINE = "winnow_line"
CANDIDATE = "candidate_id"
COLUMNS = "winnow_columns"


class ShardRows(Source):
    """Rows of all shards of a store of candidates, or of some that follow each other."""

    format = "candidates"

    def __init__(self, store: Store, shards: slice = slice(None)) -> None:
        chosen = store.receipt.shards[shards]
        before = store.receipt.shards[: shards.indices(len(store.receipt.shards))[0]]
        self.store = store
        self.name = str(store.path)
        self._first = sum(shard.rows for shard in before)
        self._inner = Parquet([store.path / shard.name for shard in chosen], self.name)
        made = {CANDIDATE} if "id" not in store.receipt.work.source.get("columns", {}) else set()
        self._own = [name for name in self._inner.names() if name not in {ROW, *made}]
        self._made = bool(made)
        self.regular = LINE not in self._own
        self._of_lines = [] if self.regular else _columns_of_lines(self._inner.files[0])

    def names(self) -> list[str]:
        return self._own if self.regular else self._of_lines

    def paths(self) -> list[Place]:
        return self._inner.files

    def receipt(self) -> dict[str, Any]:
        return {
            "format": "store",
            "store": {"path": str(self.store.path), "identity": self.store.receipt.work.identity()},
        }

    def schema(self, bad: BadRows) -> pa.Schema:
        if not self.regular:
            return super().schema(bad)
        whole = self._inner.schema(bad)
        return pa.schema([whole.field(name) for name in self._own], metadata=whole.metadata)

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        for chunk in self._inner.chunks(bad, self._own if names is None or not self.regular else names):
            yield self._as_it_came(chunk)

    def pick(self, rows: Rows, bad: BadRows) -> Iterator[Chunk]:
        for chunk in self._inner.pick(rows - self._first, bad):
            yield self._as_it_came(chunk)

    def glimpse(self, bad: BadRows, names: Sequence[str]) -> Iterator[Chunk]:
        for chunk in self._inner.glimpse(bad, names if self.regular else self._own):
            yield self._as_it_came(chunk)

    def made_ids(self) -> Iterator[pa.RecordBatch]:
        """The ids winnow made, by row; nothing where the rows have ids of their own."""
        if self._made:
            for chunk in self._inner.chunks(BadRows(), [CANDIDATE]):
                ids = chunk.arrow().column(CANDIDATE)
                yield pa.RecordBatch.from_arrays([pa.array(chunk.rows + self._first), ids], names=["row", CANDIDATE])

    def _as_it_came(self, chunk: Chunk) -> Chunk:
        rows = chunk.rows + self._first

        def place(row: int) -> str:
            position = int(np.searchsorted(rows, row))
            return chunk.place(position)

        batch = chunk.arrow()
        if self.regular:
            return ArrowChunk(batch.select([n for n in batch.schema.names if n in self._own]), rows, place)
        lines = batch.column(LINE).to_pylist()
        try:
            objects = [parse(line) for line in lines]
        except ValueError as error:
            raise BrokenPromise(self.name, f"holds a line that is no row ({error})", "Import it again") from error
        return JsonChunk(objects, rows, place, lines)


def _columns_of_lines(path: Place) -> list[str]:
    known = (pq.read_metadata(for_arrow(path)).metadata or {}).get(COLUMNS.encode())
    if known is None:
        raise BrokenPromise(str(path), "does not say which columns its lines have", "Import it again")
    names: list[str] = json.loads(known)
    return names
