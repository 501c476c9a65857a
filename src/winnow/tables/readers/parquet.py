"""Parquet files: all rows in batches of bounded size, chosen rows, and SQL that reads columns without Arrow.

Only the required columns are read. Chosen rows are fetched by DuckDB, which skips the others; where DuckDB would change
a column's type, Arrow decodes the file. The hashes of files written by winnow are checked by their store, not here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.storage.file_bytes import expansion_error, max_expanded_bytes, parquet_footer_sha256
from winnow.storage.locations.location import Location, arrow_input
from winnow.tables.chunks import ArrowChunk, Chunk, RowNumbers
from winnow.tables.duckdb_session import open_duckdb
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.arrow import (
    BATCH_ROWS,
    REWRITE_STEP,
    locate_rows_from,
    read_error,
    require_same_schema,
)
from winnow.tables.readers.source import Source, TypedSource, number_rows, pick_rows

if TYPE_CHECKING:
    import duckdb

BATCH_BYTES = 1 << 25
READ_BYTES = 1 << 18
REMOTE_READ_BYTES = 1 << 22
"""How much is read at once from a cloud store, where every request costs time."""
SAMPLE_GROUPS = 8
SAMPLE_ROWS = 2048

THREADS = 2
SLICES_AHEAD = 4
"""How many slices of chosen rows are fetched ahead of the one in use."""
MAX_SLICE_SPAN = 1 << 18
"""How many rows of the file one slice may span, however few of them are chosen."""

SCAN = "read_parquet({}, file_row_number = true, hive_partitioning = false)"
"""The table function that reads a Parquet file, given as a parameter or a literal."""
MAX_SCANNED_FILES = 64
"""How many files one query may read; more files are read one after the other by Arrow."""


class ParquetSource(TypedSource):
    """One or more Parquet files of one schema, whose rows are numbered from `first_row`."""

    format = "parquet"

    def __init__(self, files: Sequence[Location], name: str, first_row: int = 0) -> None:
        self.files = list(files)
        self.name = name
        self._first_row = first_row
        self._metadata = [_open_parquet(path).metadata for path in self.files]
        schemas = [metadata.schema.to_arrow_schema() for metadata in self._metadata]
        self.arrow_schema = require_same_schema(list(zip(self.files, schemas, strict=True)))

    def hash_file(self, path: Location) -> str:
        return parquet_footer_sha256(path)

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        wanted = self.select_names(names)
        for path, metadata, first in self.files_with_offsets():
            size = _choose_batch_rows(metadata, len(wanted) / max(len(self.names()), 1))
            yield from number_rows(_read_batches(path, wanted, size), first, locate_rows_from(path, first))

    def read_rows(self, rows: RowNumbers, bad: BadRows) -> Iterator[Chunk]:
        for path, metadata, first in self.files_with_offsets():
            low, high = np.searchsorted(rows, [first, first + metadata.num_rows])
            if high > low:
                yield from self._read_file_rows(path, metadata, first, rows[low:high])

    def sample_chunks(self, bad: BadRows, names: Sequence[str]) -> Iterator[Chunk]:
        groups = [(path, group) for path, m, _ in self.files_with_offsets() for group in range(m.num_row_groups)]
        chosen = np.unique(np.linspace(0, len(groups) - 1, SAMPLE_GROUPS).round().astype(int))
        first = 0
        for path, group in (groups[i] for i in chosen if groups):
            # At most one batch; an empty row group has none.
            batches = islice(_read_batches(path, list(names), SAMPLE_ROWS, [group]), 1)
            first = yield from number_rows(batches, first, locate_rows_from(path, 0))

    def count_rows(self) -> int:
        """Return the number of rows that the footers state."""
        return sum(metadata.num_rows for metadata in self._metadata)

    def files_with_offsets(self) -> Iterator[tuple[Location, pq.FileMetaData, int]]:
        """Yield each file with its metadata and the number of its first row."""
        first = self._first_row
        for path, metadata in zip(self.files, self._metadata, strict=True):
            yield path, metadata, first
            first += metadata.num_rows

    def _read_file_rows(
        self, path: Location, metadata: pq.FileMetaData, first: int, rows: RowNumbers
    ) -> Iterator[Chunk]:
        """Read rows of one file with DuckDB if it keeps the types of all columns, else with Arrow."""
        import duckdb

        size = _choose_batch_rows(metadata, 1.0)
        locate_row = locate_rows_from(path, first)
        if _is_scannable([path], self.arrow_schema):
            group_sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
            group_starts = np.cumsum([0, *group_sizes[:-1]], dtype=np.int64)
            try:
                with open_duckdb(threads=1) as duck:
                    if _keeps_types(duck, path, self.arrow_schema):
                        slices = _split_rows(rows - first, group_starts, max(size // 2, 1))
                        for batch in _fetch_rows(duck, path, slices):
                            numbers, rows = rows[: batch.num_rows], rows[batch.num_rows :]
                            typed_batch = pa.RecordBatch.from_arrays(batch.columns, schema=self.arrow_schema)
                            yield ArrowChunk(typed_batch, numbers, locate_row)
                        return
            except (duckdb.Error, pa.ArrowException) as error:
                raise read_error(path, error) from error
        yield from pick_rows(number_rows(_read_batches(path, self.names(), size), first, locate_row), rows)


def _open_parquet(path: Location) -> pq.ParquetFile:
    """Open a Parquet file, or raise BadTable if its footer is damaged or its stated size out of proportion."""
    try:
        size = READ_BYTES if isinstance(path, Path) else REMOTE_READ_BYTES
        file = pq.ParquetFile(arrow_input(path), pre_buffer=False, buffer_size=size)
        file.schema_arrow  # noqa: B018  # a damaged name is found only when it is read
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise read_error(path, error) from error
    expanded_bytes = _count_expanded_bytes(file.metadata)
    if expanded_bytes > max_expanded_bytes(path):
        raise expansion_error(path, f"{expanded_bytes >> 20} MB", REWRITE_STEP)
    return file


def _count_expanded_bytes(metadata: pq.FileMetaData) -> int:
    return sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))


def _choose_batch_rows(metadata: pq.FileMetaData, share: float) -> int:
    """Choose how many rows make a batch of bounded size, when this share of the columns is read."""
    bytes_per_row = max(_count_expanded_bytes(metadata) * share / max(metadata.num_rows, 1), 1)
    return int(min(max(BATCH_BYTES / bytes_per_row, 64), BATCH_ROWS))


def _read_batches(
    path: Location, names: Sequence[str], size: int, groups: list[int] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield columns of a file, or of some of its row groups, in batches of at most `size` rows."""
    try:
        for batch in _open_parquet(path).iter_batches(size, row_groups=groups, columns=list(names)):
            # A name with a dot also matches nested columns, so the columns are selected again by name.
            yield batch.select(list(names))
    except (pa.ArrowException, OSError) as error:
        raise read_error(path, error) from error


def _is_scannable(files: Sequence[Location], schema: pa.Schema) -> bool:
    """Whether DuckDB reads these files as Arrow does: it expands glob patterns and ignores the case of names."""
    names = [name.lower() for name in schema.names]
    has_plain_paths = all(isinstance(path, Path) and not any(c in str(path) for c in "*?[]{}") for path in files)
    return has_plain_paths and len(set(names)) == len(names) and "file_row_number" not in names


def _keeps_types(duck: duckdb.DuckDBPyConnection, path: Location, schema: pa.Schema) -> bool:
    """Whether DuckDB reads every column of a file with its type in the schema."""
    query = f"select * exclude (file_row_number) from {SCAN.format('$path')} limit 0"
    duckdb_schema = duck.sql(query, params={"path": str(path)}).to_arrow_table().schema
    return bool(duckdb_schema.names == schema.names and duckdb_schema.types == schema.types)


def _fetch_rows(
    duck: duckdb.DuckDBPyConnection, path: Location, slices: Iterable[RowNumbers]
) -> Iterator[pa.RecordBatch]:
    """Yield the rows with these ascending numbers, counted from 0 in this file, in one or more batches per slice."""
    remaining = iter(slices)
    with ThreadPoolExecutor(THREADS) as threads:

        def submit(count: int) -> list[Future[pa.Table]]:
            return [threads.submit(_fetch_slice, duck.cursor(), path, rows) for rows in islice(remaining, count)]

        pending = deque(submit(SLICES_AHEAD))
        while pending:
            yield from pending.popleft().result().to_batches()
            pending.extend(submit(1))


def _split_rows(rows: RowNumbers, group_starts: RowNumbers, max_rows: int) -> Iterator[RowNumbers]:
    """Split row numbers into slices of at most `max_rows`, at the start of a row group where possible.

    A row group that is split is decoded more than once.
    """
    boundaries = np.append(np.searchsorted(rows, group_starts), len(rows))
    start = 0
    while start < len(rows):
        latest_end = min(start + max_rows, int(np.searchsorted(rows, rows[start] + MAX_SLICE_SPAN)))
        end = int(boundaries[np.searchsorted(boundaries, latest_end, "right") - 1])
        if end <= start:
            end = min(start + max_rows, int(boundaries[np.searchsorted(boundaries, start, "right")]))
        yield rows[start:end]
        start = end


def _fetch_slice(duck: duckdb.DuckDBPyConnection, path: Location, rows: RowNumbers) -> pa.Table:
    """Fetch rows in order; they are sorted here, because DuckDB 2.0 returns the rows of a join in any order."""
    with duck:
        # An array, because an Arrow table makes DuckDB import pandas if it is installed.
        duck.register("chosen", {"row": rows})
        query = (
            f"select t.* exclude (file_row_number), t.file_row_number from {SCAN.format('$path')} t "
            "semi join chosen on t.file_row_number = chosen.row "
            f"where t.file_row_number between {rows[0]} and {rows[-1]}"
        )
        table = duck.sql(query, params={"path": str(path)}).to_arrow_table()
        numbers = table.column(table.num_columns - 1).to_numpy()
        table = table.remove_column(table.num_columns - 1)
        return table if np.array_equal(numbers, rows) else table.take(np.argsort(numbers))


def build_scan_query(
    source: Source, keys: Mapping[str, str], numbers: Mapping[str, str], texts: Mapping[str, str]
) -> str | None:
    """Build the SQL that selects `row`, numbered as in the source, and columns by alias; None if Arrow has to read.

    Keys are text or whole numbers and selected as text, numbers are selected as doubles, and texts are text or booleans
    and selected as text. For these types DuckDB reads the same values as Arrow.
    """
    if not isinstance(source, ParquetSource) or len(source.files) > MAX_SCANNED_FILES:
        return None
    schema = source.arrow_schema
    text, integers = {pa.string(), pa.large_string()}, {kind for kind in schema.types if pa.types.is_integer(kind)}
    floats = {pa.float32(), pa.float64()}
    allowed_types = ((keys, text | integers), (numbers, integers | floats), (texts, text | {pa.bool_()}))
    if not _is_scannable(source.files, schema) or not all(
        schema.field(name).type in types for named, types in allowed_types for name in named.values()
    ):
        return None
    columns = [
        f"t.{_quote_name(name)}::{sql_type} as {alias}"
        for named, sql_type in ((keys, "varchar"), (texts, "varchar"), (numbers, "double"))
        for alias, name in named.items()
    ]
    selects = []
    for path, _, first in source.files_with_offsets():
        names = ", ".join([f"t.file_row_number + {first} as row", *columns])
        selects.append(f"select {names} from {SCAN.format(_quote_text(str(path)))} t")
    return " union all ".join(selects)


def _quote_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quote_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
