"""Typed sources: Parquet files, Arrow files and saved HF datasets, and tables with the Arrow PyCapsule interface.

Only the required columns are read, in batches of bounded size. Chosen rows of a Parquet file are fetched by DuckDB,
which skips the others; where DuckDB would change a column's type, Arrow decodes the file. The hashes of files written
by winnow are checked by their store, not here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.errors import BadTable, WinnowError, format_value
from winnow.storage.atomic_files import to_environment_fault
from winnow.storage.file_bytes import expansion_error, max_expanded_bytes, parquet_footer_sha256
from winnow.storage.locations.location import Location, arrow_input, memory_map_input
from winnow.storage.locations.remote_errors import match_remote_error
from winnow.tables.chunks import ArrowChunk, Chunk, RowNumbers, cast_columns
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.duckdb_fetch import fetch_rows, open_fetch_connection, split_rows
from winnow.tables.readers.source import Source

BATCH_ROWS = 1 << 16
BATCH_BYTES = 1 << 25
READ_BYTES = 1 << 18
REMOTE_READ_BYTES = 1 << 22
"""How much is read at once from a cloud store, where every request costs time."""
SAMPLE_GROUPS = 8
SAMPLE_ROWS = 2048
REWRITE_STEP = "If you trust it, rewrite it without compression and name the new file"


class TypedSource(Source):
    """A source whose rows all have the columns of one Arrow schema."""

    has_uniform_columns = True
    arrow_schema: pa.Schema

    def names(self) -> list[str]:
        return list(self.arrow_schema.names)

    def schema(self, bad: BadRows) -> pa.Schema:
        return self.arrow_schema


class ParquetSource(TypedSource):
    """One or more Parquet files of one schema."""

    format = "parquet"

    def __init__(self, files: Sequence[Location], name: str) -> None:
        self.files = list(files)
        self.name = name
        self._metadata = [open_parquet(path).metadata for path in self.files]
        schemas = [metadata.schema.to_arrow_schema() for metadata in self._metadata]
        self.arrow_schema = require_same_schema(list(zip(self.files, schemas, strict=True)))

    def hash_file(self, path: Location) -> str:
        return parquet_footer_sha256(path)

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        wanted = self.select_names(names)
        for path, metadata, start in self._files_with_offsets():
            first = start
            size = choose_batch_rows(metadata, len(wanted) / max(len(self.names()), 1))
            for batch in read_batches(path, wanted, size):
                yield make_arrow_chunk(batch, first, path, start)
                first += batch.num_rows

    def read_rows(self, rows: RowNumbers, bad: BadRows) -> Iterator[Chunk]:
        for path, metadata, first in self._files_with_offsets():
            low, high = np.searchsorted(rows, [first, first + metadata.num_rows])
            if high > low:
                yield from self._read_file_rows(path, first, rows[low:high], metadata)

    def sample_chunks(self, bad: BadRows, names: Sequence[str]) -> Iterator[Chunk]:
        groups = [(p, g) for p, m in zip(self.files, self._metadata, strict=True) for g in range(m.num_row_groups)]
        last = max(len(groups) - 1, 0)
        chosen = sorted({round(i * last / (SAMPLE_GROUPS - 1)) for i in range(SAMPLE_GROUPS)}) if groups else []
        first = 0
        for path, group in (groups[i] for i in chosen):
            # At most one batch; an empty row group has none.
            for batch in islice(read_batches(path, list(names), SAMPLE_ROWS, [group]), 1):
                yield make_arrow_chunk(batch, first, path)
                first += batch.num_rows

    def count_rows(self) -> int:
        """Return the number of rows that the footers state."""
        return sum(metadata.num_rows for metadata in self._metadata)

    def first_rows(self) -> Iterator[tuple[int, Location]]:
        """Yield the number of the first row of each file, and its path."""
        for path, _, first in self._files_with_offsets():
            yield first, path

    def _files_with_offsets(self) -> Iterator[tuple[Location, pq.FileMetaData, int]]:
        first = 0
        for path, metadata in zip(self.files, self._metadata, strict=True):
            yield path, metadata, first
            first += metadata.num_rows

    def _read_file_rows(
        self, path: Location, first: int, rows: RowNumbers, metadata: pq.FileMetaData
    ) -> Iterator[Chunk]:
        import duckdb

        size = choose_batch_rows(metadata, 1.0)
        group_sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        group_starts = np.cumsum([0, *group_sizes[:-1]], dtype=np.int64)
        try:
            with open_fetch_connection(path, self.arrow_schema) as duck:
                if duck is not None:
                    rows_read = 0
                    for batch in fetch_rows(duck, path, split_rows(rows - first, group_starts, max(size // 2, 1))):
                        numbers = rows[rows_read : rows_read + batch.num_rows]
                        rows_read += batch.num_rows
                        typed_batch = pa.RecordBatch.from_arrays(batch.columns, schema=self.arrow_schema)
                        yield ArrowChunk(typed_batch, numbers, lambda row: f"{path}: row {row - first + 1}")
                    return
        except (duckdb.Error, pa.ArrowException) as error:
            raise read_error(path, error) from error
        batch_start = first
        for batch in read_batches(path, self.names(), size):
            numbers = np.arange(batch_start, batch_start + batch.num_rows, dtype=np.int64)
            wanted = rows[slice(*np.searchsorted(rows, [batch_start, batch_start + batch.num_rows]))]
            if wanted.size:
                yield make_arrow_chunk(batch, batch_start, path, first).take(np.searchsorted(numbers, wanted))
            batch_start += batch.num_rows


class ArrowSource(TypedSource):
    """Arrow IPC files or streams, such as those of a folder written by `datasets.save_to_disk`."""

    format = "arrow"

    def __init__(self, files: Sequence[Location], name: str) -> None:
        self.files = list(files)
        self.name = name
        self.arrow_schema = require_same_schema([(path, self._open(path).schema) for path in self.files])

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        wanted = self.select_names(names)
        first = 0
        for path in self.files:
            start = first
            for batch in self._batches(path):
                if batch.num_rows:
                    yield make_arrow_chunk(batch.select(wanted), first, path, start)
                    first += batch.num_rows

    def _batches(self, path: Location) -> Iterator[pa.RecordBatch]:
        """Yield batches with every offset and text checked, because Arrow would crash on a damaged file."""
        max_bytes = max_expanded_bytes(path)
        reader = self._open(path)
        bytes_read = 0
        try:
            is_indexed = isinstance(reader, pa.ipc.RecordBatchFileReader)
            for batch in (reader.get_batch(i) for i in range(reader.num_record_batches)) if is_indexed else reader:
                batch.validate(full=True)
                bytes_read += batch.nbytes
                if bytes_read > max_bytes:
                    raise expansion_error(path, f"more than {max_bytes >> 20} MB", REWRITE_STEP)
                yield batch
        except (pa.ArrowException, OSError) as error:
            raise read_error(path, error) from error

    def _open(self, path: Location) -> pa.ipc.RecordBatchFileReader | pa.ipc.RecordBatchStreamReader:
        try:
            with path.open("rb") as file:
                is_indexed = file.read(6) == b"ARROW1"
            data = memory_map_input(path)
            return pa.ipc.open_file(data) if is_indexed else pa.ipc.open_stream(data)
        except (pa.ArrowException, OSError) as error:
            raise read_error(path, error) from error


class ArrowTableSource(TypedSource):
    """A table in memory: pandas, Polars, DuckDB, datasets, pyarrow."""

    format = "memory"

    def __init__(self, table: pa.Table, name: str) -> None:
        schema = pa.schema([replace_view_types(f) for f in table.schema], metadata=table.schema.metadata)
        self.table = pa.Table.from_arrays(cast_columns(table.columns, schema), schema=schema)
        self.arrow_schema = require_same_schema([(Path(name), self.table.schema)])
        self.name = name

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        first = 0
        for batch in self.table.select(self.select_names(names)).to_batches(max_chunksize=BATCH_ROWS):
            if batch.num_rows:
                yield make_arrow_chunk(batch, first, Path(self.name))
                first += batch.num_rows


def replace_view_types(field: pa.Field) -> pa.Field:
    """Replace string views in a field's type, because Arrow cannot take rows of them yet."""
    kind = field.type
    if pa.types.is_string_view(kind):
        return field.with_type(pa.large_string())
    if pa.types.is_binary_view(kind):
        return field.with_type(pa.large_binary())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = replace_view_types(kind.value_field)
        return field.with_type(pa.large_list(inner) if pa.types.is_large_list(kind) else pa.list_(inner))
    if pa.types.is_struct(kind):
        return field.with_type(pa.struct([replace_view_types(inner) for inner in kind]))
    return field


def list_dataset_files(folder: Location) -> list[Location]:
    """Return the Arrow files of a dataset saved by `datasets`; a name that leaves the folder is refused."""
    state = folder / "state.json"
    try:
        names = [entry["filename"] for entry in json.loads(state.read_bytes())["_data_files"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        problem = "does not list the dataset's files"
        raise BadTable(str(state), problem, "Save the dataset again with save_to_disk") from error
    for name in names:
        is_inside = isinstance(name, str) and Path(name).name == name
        if not is_inside or not (folder / name).is_file() or (folder / name).is_symlink():
            problem = f"names {format_value(name)}, which is not a file of this folder"
            raise BadTable(str(state), problem, "Save the dataset again")
    return [folder / name for name in names]


def open_parquet(path: Location) -> pq.ParquetFile:
    """Open a Parquet file, or raise BadTable if its footer is damaged or its stated size out of proportion."""
    try:
        size = READ_BYTES if isinstance(path, Path) else REMOTE_READ_BYTES
        file = pq.ParquetFile(arrow_input(path), pre_buffer=False, buffer_size=size)
        file.schema_arrow  # noqa: B018  # a damaged name is found only when it is read
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise read_error(path, error) from error
    groups = (file.metadata.row_group(i) for i in range(file.metadata.num_row_groups))
    expanded_bytes = sum(group.total_byte_size for group in groups)
    if expanded_bytes > max_expanded_bytes(path):
        raise expansion_error(path, f"{expanded_bytes >> 20} MB", REWRITE_STEP)
    return file


def read_batches(
    path: Location, names: Sequence[str], size: int, groups: list[int] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield columns of a file, or of some of its row groups, in batches of at most `size` rows."""
    try:
        for batch in open_parquet(path).iter_batches(size, row_groups=groups, columns=list(names)):
            # A name with a dot also matches nested columns, so the columns are selected again by name.
            yield batch.select(list(names))
    except (pa.ArrowException, OSError) as error:
        raise read_error(path, error) from error


def choose_batch_rows(metadata: pq.FileMetaData, share: float) -> int:
    """Choose how many rows make a batch of bounded size, when this share of the columns is read."""
    total = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    per_row = max(total * share / max(metadata.num_rows, 1), 1)
    return int(min(max(BATCH_BYTES / per_row, 64), BATCH_ROWS))


def make_arrow_chunk(batch: pa.RecordBatch, first: int, path: Location, start: int = 0) -> ArrowChunk:
    """Make a chunk whose first row has the number `first`, of a file whose first row has the number `start`."""
    rows = np.arange(first, first + batch.num_rows, dtype=np.int64)
    return ArrowChunk(batch, rows, lambda row: f"{path}: row {row - start + 1}")


def require_same_schema(schemas: Sequence[tuple[Location, pa.Schema]]) -> pa.Schema:
    """Return the schema of all files, or raise BadTable if schemas differ or a column name is repeated."""
    first_path, first = schemas[0]
    for name in first.names:
        if first.names.count(name) > 1:
            raise BadTable(str(first_path), f"has two columns named {format_value(name)}", "Rename one of the two")
    for path, schema in schemas[1:]:
        if not schema.equals(first):
            problem = f"its columns or types are not those of {first_path}"
            raise BadTable(str(path), problem, "Read the files one by one")
    return first


def read_error(path: Location, error: Exception) -> WinnowError:
    """Explain why a typed file could not be read: an error of the machine, or damage to the file."""
    if (translated := match_remote_error(str(path), error)) is not None:
        return translated
    if isinstance(error, OSError) and error.errno:
        return to_environment_fault(path, error, "read")
    kind = "Parquet" if path.suffix == ".parquet" else "Arrow"
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return BadTable(str(path), f"is not whole {kind} ({format_value(reason)})", "Write or fetch it again")
