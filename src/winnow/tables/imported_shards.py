"""Imports a table into shards, so that all candidates of a prompt are in the same shard, and reads these shards.

The table is read once, in bounded memory. The shard of a prompt depends only on its text and the number of shards; rows
keep their order within a shard. A shard has the column `winnow_row` (the number of the row in its source),
`candidate_id` if winnow generated the ids, and either the typed columns of the rows or `winnow_line`, their JSON.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.errors import BrokenPromise, UsageError, format_value
from winnow.storage.atomic_files import atomic_write
from winnow.storage.file_bytes import file_sha256
from winnow.storage.locations.location import Location, arrow_input
from winnow.storage.receipts import RECEIPT_NAME, Receipt, RowCounts, Shard, WorkSpec
from winnow.storage.shard_receipt import shard_name
from winnow.storage.store import Store, open_store
from winnow.tables.chunks import ArrowChunk, Chunk, JsonChunk, RowNumbers
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.json_lines import parse_line
from winnow.tables.readers.parquet import ParquetSource
from winnow.tables.readers.source import Source
from winnow.tables.table import ROLE_READERS, RoleArrays, Table
from winnow.tables.unique_ids import UniqueIdChecker

ROW_COLUMN = "winnow_row"
LINE_COLUMN = "winnow_line"
CANDIDATE_ID = "candidate_id"
LINE_COLUMNS_KEY = "winnow_columns"
"""The key in the metadata of a shard of lines that lists the columns of all lines of all shards."""

SHARD_ROWS = 100_000
"""About how many rows a shard holds."""
MAX_SHARDS = 512
BYTES_PER_ROW = 500
BUFFER_BYTES = 1 << 25
"""How many bytes may be held in memory before they are written."""


def choose_shard_count(table: Table) -> int:
    """Choose the number of shards of a table by the size of its files."""
    source = table.source.base_source()
    if isinstance(source, ParquetSource):
        rows = source.count_rows()
    else:
        rows = sum(path.stat().st_size for path in source.paths()) // BYTES_PER_ROW
    return int(min(max(math.ceil(rows / SHARD_ROWS), 1), MAX_SHARDS))


def import_table(table: Table, folder: Path, work: WorkSpec) -> Store:
    """Write a store of candidates into an empty folder; the config of `work` holds the number of shards.

    Raises:
        UsageError: The table has a column whose name winnow reserves.
        BadTable: A row breaks a rule, or an id appears twice.
    """
    if reserved := {ROW_COLUMN, LINE_COLUMN} & set(table.names()):
        problem = f"has a column {format_value(min(reserved))}, which is a name that winnow reserves"
        raise UsageError(table.name, problem, "Rename it")
    shard_count = int(work.config["shards"])
    with ExitStack() as stack, UniqueIdChecker(table) as ids:
        writers = [_ShardFile(folder / shard_name(number), stack) for number in range(shard_count)]
        rows, names = 0, dict.fromkeys(table.names())
        for chunk, arrays in _iterate_rows_with_ids(table):
            if not isinstance(chunk, ArrowChunk):
                names |= dict.fromkeys(chunk.names())
            ids.add(chunk.row_numbers, arrays)
            batch = _make_shard_batch(chunk, arrays, has_generated_ids=table.columns.id is None)
            for number, positions in _split_by_shard(_assign_shards(chunk, arrays, shard_count)):
                writers[number].add(batch.take(pa.array(positions)))
            rows += len(chunk)
            if sum(writer.buffered_bytes for writer in writers) > BUFFER_BYTES:
                for writer in writers:
                    writer.flush()
        ids.check()
        for writer in writers:
            writer.flush()
        schema = next((w.schema for w in writers if w.schema is not None), pa.schema([(ROW_COLUMN, pa.int64())]))
        for writer in writers:
            writer.close(schema, list(names))
    shards = [writer.to_shard() for writer in writers]
    bad_count = len(table.bad_rows)
    counts = RowCounts(rows + bad_count, rows, 0, bad_count, {"bad row": bad_count} if bad_count else {})
    Receipt("candidates", work, counts, shards).write(folder / RECEIPT_NAME)
    return open_store(folder)


def _iterate_rows_with_ids(table: Table) -> Iterator[tuple[Chunk, RoleArrays]]:
    """Yield whole rows after checking every role, so that an error names where the row came from."""
    roles = [role for role in ROLE_READERS if table.has_role(role)]
    if table.columns.id is None and table.has_role("prompt"):
        roles.append("id")
    for chunk, arrays in table.read_roles(roles, None):
        yield chunk, arrays if "id" in arrays else {**arrays, "id": pa.array(chunk.row_numbers).cast(pa.string())}


def _make_shard_batch(chunk: Chunk, arrays: RoleArrays, has_generated_ids: bool) -> pa.RecordBatch:
    columns: dict[str, pa.Array] = {ROW_COLUMN: pa.array(chunk.row_numbers)}
    if has_generated_ids:
        columns[CANDIDATE_ID] = arrays["id"]
    if not isinstance(chunk, ArrowChunk):
        columns[LINE_COLUMN] = pa.array(list(chunk.json_lines()), pa.large_binary())
        return pa.RecordBatch.from_pydict(columns)
    fields = [*(pa.field(name, array.type) for name, array in columns.items()), *chunk.batch.schema]
    schema = pa.schema(fields, metadata=chunk.batch.schema.metadata)
    return pa.RecordBatch.from_arrays([*columns.values(), *chunk.batch.columns], schema=schema)


def _assign_shards(chunk: Chunk, arrays: RoleArrays, shard_count: int) -> RowNumbers:
    """Assign each row to a shard by a checksum of its prompt, or by its number where there is no prompt."""
    if "prompt" not in arrays:
        return chunk.row_numbers // SHARD_ROWS % shard_count
    encoded = arrays["prompt"].dictionary_encode()
    sums = [zlib.crc32(key.encode("utf-8", "surrogatepass")) % shard_count for key in encoded.dictionary.to_pylist()]
    shard_numbers: RowNumbers = np.array(sums, np.int64)[encoded.indices.to_numpy()]
    return shard_numbers


def _split_by_shard(shard_numbers: RowNumbers) -> Iterator[tuple[int, RowNumbers]]:
    """Yield each shard that has rows, with the positions of its rows in order."""
    order = np.argsort(shard_numbers, kind="stable")
    numbers, starts = np.unique(shard_numbers[order], return_index=True)
    for number, positions in zip(numbers, np.split(order, starts[1:]), strict=True):
        yield int(number), positions


@dataclass
class _ShardFile:
    """One shard being written."""

    path: Path
    stack: ExitStack
    rows: int = 0
    buffered_bytes: int = 0
    schema: pa.Schema | None = None
    _pending: list[pa.RecordBatch] = field(default_factory=list)
    _writer: pq.ParquetWriter | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        self._pending.append(batch)
        self.buffered_bytes += batch.nbytes

    def flush(self) -> None:
        if self._pending:
            table = pa.Table.from_batches(self._pending).combine_chunks()
            self._open_writer(table.schema).write_table(table)
            self.rows += table.num_rows
            self._pending, self.buffered_bytes = [], 0

    def close(self, schema: pa.Schema, names: list[str]) -> None:
        """Close the file; a shard without rows gets the schema of the others, and one of lines their column names."""
        writer = self._open_writer(schema)
        if LINE_COLUMN in schema.names:
            writer.add_key_value_metadata({LINE_COLUMNS_KEY: json.dumps(names)})
        writer.close()

    def to_shard(self) -> Shard:
        """Describe the file for the receipt, after it was renamed."""
        return Shard(self.path.name, self.rows, self.path.stat().st_size, file_sha256(self.path))

    def _open_writer(self, schema: pa.Schema) -> pq.ParquetWriter:
        if self._writer is None:
            partial = self.stack.enter_context(atomic_write(self.path))
            self._writer = self.stack.enter_context(pq.ParquetWriter(partial, schema, compression="zstd"))
            self.schema = schema
        return self._writer


class ShardSource(Source):
    """Rows of all shards of a store of candidates, or of consecutive ones, numbered through all shards in order."""

    format = "candidates"

    def __init__(self, store: Store, shards: slice = slice(None)) -> None:
        all_shards = store.receipt.shards
        self.store = store
        self.name = str(store.path)
        first_row = sum(shard.rows for shard in all_shards[: shards.indices(len(all_shards))[0]])
        self._inner = ParquetSource([store.path / shard.name for shard in all_shards[shards]], self.name, first_row)
        self._has_generated_ids = has_generated_ids(store.receipt)
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
        stored_schema = self._inner.arrow_schema
        return pa.schema([stored_schema.field(name) for name in self._own_columns], metadata=stored_schema.metadata)

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        wanted = self._own_columns if names is None or not self.has_uniform_columns else names
        yield from map(self._restore_chunk, self._inner.chunks(bad, wanted))

    def read_rows(self, rows: RowNumbers, bad: BadRows) -> Iterator[Chunk]:
        yield from map(self._restore_chunk, self._inner.read_rows(rows, bad))

    def sample_chunks(self, bad: BadRows, names: Sequence[str]) -> Iterator[Chunk]:
        wanted = names if self.has_uniform_columns else self._own_columns
        yield from map(self._restore_chunk, self._inner.sample_chunks(bad, wanted))

    def iterate_generated_ids(self) -> Iterator[pa.RecordBatch]:
        """Yield the ids that winnow generated, by row; nothing where the rows have ids of their own."""
        if self._has_generated_ids:
            for chunk in self._inner.chunks(BadRows(), [CANDIDATE_ID]):
                columns = [pa.array(chunk.row_numbers), chunk.to_arrow().column(CANDIDATE_ID)]
                yield pa.RecordBatch.from_arrays(columns, names=["row", CANDIDATE_ID])

    def _restore_chunk(self, chunk: Chunk) -> Chunk:
        batch, rows = chunk.to_arrow(), chunk.row_numbers
        if self.has_uniform_columns:
            own_columns = batch.select([name for name in batch.schema.names if name in self._own_columns])
            return ArrowChunk(own_columns, rows, chunk.locate_row)
        lines = batch.column(LINE_COLUMN).to_pylist()
        try:
            objects = [parse_line(line) for line in lines]
        except ValueError as error:
            raise BrokenPromise(self.name, f"holds a line that is not a row ({error})", "Import it again") from error
        return JsonChunk(objects, rows, chunk.locate_row, lines)


def has_generated_ids(receipt: Receipt) -> bool:
    """Whether winnow generated the ids of the candidates, so that only the store has them."""
    return "id" not in receipt.work.source.get("columns", {})


def _read_line_columns(path: Location) -> list[str]:
    encoded_names = (pq.read_metadata(arrow_input(path)).metadata or {}).get(LINE_COLUMNS_KEY.encode())
    if encoded_names is None:
        raise BrokenPromise(str(path), "does not say which columns its lines have", "Import it again")
    names: list[str] = json.loads(encoded_names)
    return names
