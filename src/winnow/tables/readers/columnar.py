"""Typed sources: Parquet files, Arrow files and saved HF datasets, and anything that speaks the Arrow C stream.

Columns are read only when asked for, in batches whose bytes are bounded. Chosen rows of a Parquet file are
fetched by DuckDB, which skips what is not wanted faster than decoding everything; where DuckDB would change a
column's type, Arrow decodes. Files written by winnow are checked by their store before they come here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.errors import BadTable, EnvironmentFault, WinnowError, format_value
from winnow.storage.file_bytes import FREE_EXPANSION_BYTES, MAX_EXPANSION_RATIO, file_sha256, parquet_footer_sha256
from winnow.storage.locations.location import Location, arrow_input, memory_map_input
from winnow.storage.locations.remote_errors import match_remote_error
from winnow.tables.chunks import ArrowChunk, Chunk, RowNumbers
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.duckdb_fetch import fetch_rows, open_fetch_connection, split_rows
from winnow.tables.readers.json_lines import file_receipt
from winnow.tables.readers.source import Source

BATCH_ROWS = 1 << 16
BATCH_BYTES = 1 << 25
READ_BYTES = 1 << 18
REMOTE_READ_BYTES = 1 << 22
"""Asked for at once of a file in the cloud, where every request costs time."""
SAMPLE_GROUPS = 8
SAMPLE_ROWS = 2048


class ParquetSource(Source):
    """One or more Parquet files of one schema."""

    format = "parquet"
    has_uniform_columns = True

    def __init__(self, files: Sequence[Location], name: str) -> None:
        self.files = list(files)
        self.name = name
        self._metadata = [open_parquet(path).metadata for path in self.files]
        self._schema = require_same_schema(
            [(p, m.schema.to_arrow_schema()) for p, m in zip(self.files, self._metadata, strict=True)]
        )

    def paths(self) -> list[Location]:
        return self.files

    def names(self) -> list[str]:
        return list(self._schema.names)

    def receipt(self) -> dict[str, Any]:
        return {"format": self.format, "files": [file_receipt(p, parquet_footer_sha256(p)) for p in self.files]}

    def schema(self, bad: BadRows) -> pa.Schema:
        return self._schema

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        wanted = self.names() if names is None else [name for name in self.names() if name in names]
        for path, metadata, first in self._files_with_offsets():
            start = first[0]
            size = choose_batch_rows(metadata, len(wanted) / max(len(self.names()), 1))
            for batch in read_batches(path, wanted, size):
                yield make_arrow_chunk(batch, first[0], path, start)
                first[0] += batch.num_rows

    def read_rows(self, rows: RowNumbers, bad: BadRows) -> Iterator[Chunk]:
        for path, metadata, first in self._files_with_offsets():
            low, high = np.searchsorted(rows, [first[0], first[0] + metadata.num_rows])
            if high > low:
                yield from self._read_file_rows(path, first[0], rows[low:high], metadata)

    def sample_chunks(self, bad: BadRows, names: Sequence[str]) -> Iterator[Chunk]:
        groups = [(p, g) for p, m in zip(self.files, self._metadata, strict=True) for g in range(m.num_row_groups)]
        last = max(len(groups) - 1, 0)
        chosen = sorted({round(i * last / (SAMPLE_GROUPS - 1)) for i in range(SAMPLE_GROUPS)}) if groups else []
        first = 0
        for path, group in (groups[i] for i in chosen):
            # A row group may be empty.
            for batch in islice(read_batches(path, list(names), SAMPLE_ROWS, [group]), 1):
                yield make_arrow_chunk(batch, first, path)
                first += batch.num_rows

    def count_rows(self) -> int:
        """How many rows there are, as the footers say."""
        return sum(metadata.num_rows for metadata in self._metadata)

    def first_rows(self) -> Iterator[tuple[int, Location]]:
        """Each file with the number of its first row."""
        for path, _, first in self._files_with_offsets():
            yield first[0], path

    def _files_with_offsets(self) -> Iterator[tuple[Location, pq.FileMetaData, list[int]]]:
        first = 0
        for path, metadata in zip(self.files, self._metadata, strict=True):
            yield path, metadata, [first]
            first += metadata.num_rows

    def _read_file_rows(
        self, path: Location, first: int, rows: RowNumbers, metadata: pq.FileMetaData
    ) -> Iterator[Chunk]:
        import duckdb

        size = choose_batch_rows(metadata, 1.0)
        group_sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        group_starts = np.cumsum([0, *group_sizes[:-1]], dtype=np.int64)
        try:
            with open_fetch_connection(path, self._schema) as duck:
                if duck is not None:
                    rows_read = 0
                    for batch in fetch_rows(duck, path, split_rows(rows - first, group_starts, max(size // 2, 1))):
                        numbers = rows[rows_read : rows_read + batch.num_rows]
                        rows_read += batch.num_rows
                        typed_batch = pa.RecordBatch.from_arrays(batch.columns, schema=self._schema)
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


class ArrowSource(Source):
    """Arrow IPC files or streams; a folder written by `datasets.save_to_disk` is its list of them."""

    format = "arrow"
    has_uniform_columns = True

    def __init__(self, files: Sequence[Location], name: str) -> None:
        self.files = list(files)
        self.name = name
        self._schema = require_same_schema([(path, self._open(path).schema) for path in self.files])

    def paths(self) -> list[Location]:
        return self.files

    def names(self) -> list[str]:
        return list(self._schema.names)

    def receipt(self) -> dict[str, Any]:
        return {"format": self.format, "files": [file_receipt(p, file_sha256(p)) for p in self.files]}

    def schema(self, bad: BadRows) -> pa.Schema:
        return self._schema

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        wanted = self.names() if names is None else [name for name in self.names() if name in names]
        first = 0
        for path in self.files:
            start = first
            for batch in self._batches(path):
                if batch.num_rows:
                    yield make_arrow_chunk(batch.select(wanted), first, path, start)
                    first += batch.num_rows

    def _batches(self, path: Location) -> Iterator[pa.RecordBatch]:
        """Batches with every offset and text checked: Arrow trusts a file, and flipped bits would end the process."""
        max_bytes = max(FREE_EXPANSION_BYTES, MAX_EXPANSION_RATIO * path.stat().st_size)
        reader = self._open(path)
        bytes_read = 0
        try:
            is_indexed = isinstance(reader, pa.ipc.RecordBatchFileReader)
            for batch in (reader.get_batch(i) for i in range(reader.num_record_batches)) if is_indexed else reader:
                batch.validate(full=True)
                bytes_read += batch.nbytes
                if bytes_read > max_bytes:
                    problem = f"expands to more than {max_bytes >> 20} MB, over {MAX_EXPANSION_RATIO} times its size"
                    raise BadTable(str(path), problem, "If you trust it, rewrite it without compression")
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


class ArrowTableSource(Source):
    """A table in memory: pandas, Polars, DuckDB, datasets, pyarrow."""

    format = "memory"
    has_uniform_columns = True

    def __init__(self, table: pa.Table, name: str) -> None:
        schema = pa.schema([replace_view_types(f) for f in table.schema], metadata=table.schema.metadata)
        self.table = table if schema == table.schema else table.cast(schema)
        self.name = name
        require_same_schema([(Path(name), table.schema)])

    def names(self) -> list[str]:
        return list(self.table.schema.names)

    def receipt(self) -> dict[str, Any]:
        return {"format": self.format, "files": []}

    def schema(self, bad: BadRows) -> pa.Schema:
        return self.table.schema

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        table = self.table if names is None else self.table.select([n for n in self.names() if n in names])
        first = 0
        for batch in table.to_batches(max_chunksize=BATCH_ROWS):
            if batch.num_rows:
                yield make_arrow_chunk(batch, first, Path(self.name))
                first += batch.num_rows


def replace_view_types(field: pa.Field) -> pa.Field:
    """The field with plain text in place of string views, which Arrow cannot take rows of yet."""
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
    """The Arrow files of a dataset saved by `datasets`, as its state says; names are never followed outside it."""
    state = folder / "state.json"
    try:
        names = [entry["filename"] for entry in json.loads(state.read_bytes())["_data_files"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadTable(
            str(state), "does not list the dataset's files", "Save the dataset again with save_to_disk"
        ) from error
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or not is_plain_file(folder / name):
            raise BadTable(
                str(state), f"names {format_value(name)}, which is no file of this folder", "Save the dataset again"
            )
    return [folder / name for name in names]


def is_plain_file(path: Location) -> bool:
    """A file of the folder itself, not a link out of it."""
    return path.is_file() and not path.is_symlink()


def open_parquet(path: Location) -> pq.ParquetFile:
    """A Parquet file whose footer is whole and whose claimed size is in proportion."""
    try:
        size = READ_BYTES if isinstance(path, Path) else REMOTE_READ_BYTES
        file = pq.ParquetFile(arrow_input(path), pre_buffer=False, buffer_size=size)
        file.schema_arrow  # noqa: B018  # a damaged name shows only when it is read
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise read_error(path, error) from error
    groups = (file.metadata.row_group(i) for i in range(file.metadata.num_row_groups))
    expanded = sum(group.total_byte_size for group in groups)
    if expanded > max(FREE_EXPANSION_BYTES, MAX_EXPANSION_RATIO * path.stat().st_size):
        problem = f"expands to {expanded >> 20} MB, over {MAX_EXPANSION_RATIO} times its size"
        raise BadTable(str(path), problem, "If you trust it, rewrite it without compression and name the new file")
    return file


def read_batches(
    path: Location, names: Sequence[str], size: int, groups: list[int] | None = None
) -> Iterator[pa.RecordBatch]:
    """Columns of a file, or of some of its row groups, in batches of at most `size` rows."""
    try:
        for batch in open_parquet(path).iter_batches(size, row_groups=groups, columns=list(names)):
            # A dot in a name also matches nested paths, so the columns are chosen once more by name.
            yield batch.select(list(names))
    except (pa.ArrowException, OSError) as error:
        raise read_error(path, error) from error


def choose_batch_rows(metadata: pq.FileMetaData, share: float) -> int:
    """How many rows make a batch of bounded bytes, judged from the file's footer."""
    total = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    per_row = max(total * share / max(metadata.num_rows, 1), 1)
    return int(min(max(BATCH_BYTES / per_row, 64), BATCH_ROWS))


def make_arrow_chunk(batch: pa.RecordBatch, first: int, path: Location, start: int = 0) -> ArrowChunk:
    """A batch whose first row has this number in the table, of a file whose first row has the number `start`."""
    rows = np.arange(first, first + batch.num_rows, dtype=np.int64)
    return ArrowChunk(batch, rows, lambda row: f"{path}: row {row - start + 1}")


def require_same_schema(schemas: Sequence[tuple[Location, pa.Schema]]) -> pa.Schema:
    """The one schema of all files, each column named once."""
    first_path, first = schemas[0]
    for name in first.names:
        if first.names.count(name) > 1:
            raise BadTable(str(first_path), f"has two columns named {format_value(name)}", "Rename one of the two")
    for path, schema in schemas[1:]:
        if not schema.equals(first):
            raise BadTable(
                str(path), f"its columns or types are not those of {first_path}", "Read the files one by one"
            )
    return first


def read_error(path: Location, error: Exception) -> WinnowError:
    """A typed file that cannot be decoded; or that the machine did not give, which says nothing of the file."""
    if (translated := match_remote_error(str(path), error)) is not None:
        return translated
    if isinstance(error, OSError) and error.errno:
        step = "Check the path, its permissions and the disk"
        return EnvironmentFault(str(path), f"could not be read ({os.strerror(error.errno)})", step)
    kind = "Parquet" if path.suffix == ".parquet" else "Arrow"
    return BadTable(
        str(path),
        f"is not whole {kind} ({format_value(str(error).splitlines()[0] if str(error) else type(error).__name__)})",
        "Write or fetch it again",
    )
