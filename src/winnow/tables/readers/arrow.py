"""Arrow files, saved HF datasets and tables in memory, and what Parquet shares with them.

Only the required columns are passed on, in batches of bounded size.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from winnow.errors import BadTable, WinnowError, format_value
from winnow.storage.atomic_files import to_environment_fault
from winnow.storage.file_bytes import expansion_error, max_expanded_bytes
from winnow.storage.locations.filesystems import match_remote_error
from winnow.storage.locations.location import Location
from winnow.tables.chunks import Chunk, cast_columns
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.source import TypedSource, number_rows

BATCH_ROWS = 1 << 16
REWRITE_STEP = "If you trust it, rewrite it without compression and name the new file"


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
            batches = (batch.select(wanted) for batch in self._batches(path))
            first = yield from number_rows(batches, first, locate_rows_from(path, first))

    def _batches(self, path: Location) -> Iterator[pa.RecordBatch]:
        """Yield batches with every offset and text checked, because Arrow would crash on a damaged file."""
        max_bytes = max_expanded_bytes(path)
        batches = reader = self._open(path)
        bytes_read = 0
        try:
            if isinstance(reader, pa.ipc.RecordBatchFileReader):
                batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
            for batch in batches:
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
            data = pa.memory_map(str(path)) if isinstance(path, Path) else path.open_random_access()
            return pa.ipc.open_file(data) if is_indexed else pa.ipc.open_stream(data)
        except (pa.ArrowException, OSError) as error:
            raise read_error(path, error) from error


class ArrowTableSource(TypedSource):
    """A table in memory: pandas, Polars, DuckDB, datasets, pyarrow."""

    format = "memory"

    def __init__(self, table: pa.Table, name: str) -> None:
        schema = pa.schema([_replace_view_types(f) for f in table.schema], metadata=table.schema.metadata)
        self.table = pa.Table.from_arrays(cast_columns(table.columns, schema), schema=schema)
        self.arrow_schema = require_same_schema([(Path(name), self.table.schema)])
        self.name = name

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        batches = self.table.select(self.select_names(names)).to_batches(max_chunksize=BATCH_ROWS)
        yield from number_rows(batches, 0, locate_rows_from(Path(self.name), 0))


def _replace_view_types(field: pa.Field) -> pa.Field:
    """Replace string views in a field's type, because Arrow cannot take rows of them yet."""
    kind = field.type
    if pa.types.is_string_view(kind):
        return field.with_type(pa.large_string())
    if pa.types.is_binary_view(kind):
        return field.with_type(pa.large_binary())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = _replace_view_types(kind.value_field)
        return field.with_type(pa.large_list(inner) if pa.types.is_large_list(kind) else pa.list_(inner))
    if pa.types.is_struct(kind):
        return field.with_type(pa.struct([_replace_view_types(inner) for inner in kind]))
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


def locate_rows_from(path: Location, start: int) -> Callable[[int], str]:
    """Return the function that locates the rows of a file whose first row has the number `start`."""
    return lambda row: f"{path}: row {row - start + 1}"


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
