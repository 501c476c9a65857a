"""A table brought into shards, so that all candidates of a prompt stand in one.

One pass, in bounded memory. Which shard a prompt goes to follows from its text and the number of shards alone;
within a shard rows keep their order. Rows are kept whole: typed columns as they are, JSON by its bytes.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.data.chunks import ArrowChunk, Chunk
from winnow.data.errors import UsageError, shown
from winnow.data.readers.columnar import Parquet
from winnow.data.readers.files import sha256_of
from winnow.data.stores.atomic import written
from winnow.data.stores.receipts import NAME, Books, Receipt, Shard, Work
from winnow.data.stores.shards.rows import CANDIDATE, COLUMNS, LINE, ROW
from winnow.data.stores.store import Store, open_store
from winnow.data.stores.unique import UniqueIds
from winnow.data.table import READ, Parts, Table

SHARD_ROWS = 100_000
"""About how many rows a shard should hold."""
MOST_SHARDS = 512
BYTES_A_ROW = 500
HELD_BYTES = 1 << 25
"""What may wait in memory before it is written."""

Integers = npt.NDArray[np.int64]


def shards_for(table: Table) -> int:
    """How many shards a table should have, judged from its files."""
    source = table.source.original()
    if isinstance(source, Parquet):
        rows = source.count()
    else:
        rows = sum(path.stat().st_size for path in source.paths()) // BYTES_A_ROW
    return int(min(max(math.ceil(rows / SHARD_ROWS), 1), MOST_SHARDS))


def import_table(table: Table, folder: Path, work: Work) -> Store:
    """Write a store of candidates into an empty folder; `work` says how many shards."""
    if own := {ROW, LINE} & set(table.names()):
        raise UsageError(table.name, f"has a column {shown(min(own))}, a name winnow keeps for itself", "Rename it")
    count = int(work.config["shards"])
    with ExitStack() as stack, UniqueIds(table) as ids:
        writers = [_Shard(folder / f"part-{number:05d}.parquet", stack) for number in range(count)]
        rows, names = 0, dict.fromkeys(table.names())
        for chunk, parts in _identified(table):
            if not isinstance(chunk, ArrowChunk):
                names |= dict.fromkeys(chunk.names())
            ids.add(chunk.rows, parts)
            batch = _kept(chunk, parts, made=table.columns.id is None)
            for number, positions in _parted(_shard_of(chunk, parts, count)):
                writers[number].add(batch.take(pa.array(positions)))
            rows += len(chunk)
            if sum(writer.held for writer in writers) > HELD_BYTES:
                for writer in writers:
                    writer.flush()
        ids.check()
        for writer in writers:
            writer.flush()
        schema = next((w.schema for w in writers if w.schema is not None), pa.schema([(ROW, pa.int64())]))
        for writer in writers:
            writer.end(schema, list(names))
    shards = [writer.shard() for writer in writers]
    bad = len(table.bad)
    Receipt("candidates", work, Books(rows + bad, rows, 0, bad, {"bad row": bad} if bad else {}), shards).write(
        folder / NAME
    )
    return open_store(folder)


def _identified(table: Table) -> Iterator[tuple[Chunk, Parts]]:
    """Whole rows with every part that can be read, so that a row that breaks a rule is met where it came from."""
    parts = [part for part in READ if table.has(part)]
    if table.columns.id is None and table.has("prompt"):
        parts.append("id")
    for chunk, read in table.parts(parts, None):
        yield chunk, read if "id" in read else {**read, "id": pa.array(chunk.rows).cast(pa.string())}


def _kept(chunk: Chunk, parts: Parts, made: bool) -> pa.RecordBatch:
    """The rows as a shard holds them."""
    arrays: dict[str, pa.Array] = {ROW: pa.array(chunk.rows)}
    if made:
        arrays[CANDIDATE] = parts["id"]
    if not isinstance(chunk, ArrowChunk):
        arrays[LINE] = pa.array(list(chunk.json_lines()), pa.large_binary())
        return pa.RecordBatch.from_pydict(arrays)
    fields = [*(pa.field(name, array.type) for name, array in arrays.items()), *chunk.batch.schema]
    schema = pa.schema(fields, metadata=chunk.batch.schema.metadata)
    return pa.RecordBatch.from_arrays([*arrays.values(), *chunk.batch.columns], schema=schema)


def _shard_of(chunk: Chunk, parts: Parts, count: int) -> Integers:
    """The shard of each row: by a checksum of its prompt, or by its number where there is no prompt."""
    if "prompt" not in parts:
        return chunk.rows // SHARD_ROWS % count
    coded = parts["prompt"].dictionary_encode()
    sums = [zlib.crc32(key.encode("utf-8", "surrogatepass")) % count for key in coded.dictionary.to_pylist()]
    found: Integers = np.array(sums, np.int64)[coded.indices.to_numpy()]
    return found


def _parted(shard: Integers) -> Iterator[tuple[int, Integers]]:
    """Each shard met, with the positions of its rows in their order."""
    order = np.argsort(shard, kind="stable")
    numbers, starts = np.unique(shard[order], return_index=True)
    for number, positions in zip(numbers, np.split(order, starts[1:]), strict=True):
        yield int(number), positions


@dataclass
class _Shard:
    """One shard being written."""

    path: Path
    stack: ExitStack
    rows: int = 0
    held: int = 0
    schema: pa.Schema | None = None
    _waiting: list[pa.RecordBatch] = field(default_factory=list)
    _writer: pq.ParquetWriter | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch)
        self.held += batch.nbytes

    def flush(self) -> None:
        if self._waiting:
            table = pa.Table.from_batches(self._waiting).combine_chunks()
            self._opened(table.schema).write_table(table)
            self.rows += table.num_rows
            self._waiting, self.held = [], 0

    def end(self, schema: pa.Schema, names: list[str]) -> None:
        """Close the file; a shard without rows has the columns of the others, and lines know those of all lines."""
        writer = self._opened(schema)
        if LINE in schema.names:
            writer.add_key_value_metadata({COLUMNS: json.dumps(names)})
        writer.close()

    def shard(self) -> Shard:
        """As the receipt names it, once all files have their names."""
        return Shard(self.path.name, self.rows, self.path.stat().st_size, sha256_of(self.path))

    def _opened(self, schema: pa.Schema) -> pq.ParquetWriter:
        if self._writer is None:
            partial = self.stack.enter_context(written(self.path))
            self._writer = self.stack.enter_context(pq.ParquetWriter(partial, schema, compression="zstd"))
            self.schema = schema
        return self._writer
