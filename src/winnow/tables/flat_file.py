"""Flat results: the rows of a table in one .jsonl, .csv or .parquet file, with a receipt beside it.

JSON Lines keep the bytes of rows that came as JSON Lines. CSV writes text as it is, null as nothing and empty
text as "". Parquet keeps Arrow types. A file is replaced only if winnow made it and nobody changed it since.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from winnow.errors import UsageError, format_value
from winnow.storage.atomic_files import atomic_write, remove_abandoned_partials, translate_os_errors, write_bytes
from winnow.storage.file_bytes import file_sha256
from winnow.storage.hashing_writer import BackgroundHasher
from winnow.storage.locations.location import Location, is_same_file
from winnow.storage.receipts import Receipt, RowCounts, Shard, WorkSpec, read_receipt
from winnow.tables.chunks import ArrowChunk, Chunk
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.source import Source

FLAT_SUFFIXES = (".jsonl", ".csv", ".parquet")
DICTIONARY_COLUMNS = ["winnow_rule", "winnow_weight"]
"""Columns whose few values a Parquet file keeps once."""


class RowWriter(Protocol):
    """Takes chunks in order."""

    def write(self, chunk: Chunk) -> None:
        """More rows."""
        ...


def is_flat_path(path: Location) -> bool:
    """Whether a result of this name is one file; a name without an ending is a store."""
    if path.suffix in FLAT_SUFFIXES:
        return True
    if path.suffix in (".gz", ".zst", ".json", ".txt", ".tsv", ".arrow"):
        raise UsageError(
            "--out",
            f"{format_value(str(path))} ends in {path.suffix}",
            f"A flat result ends in {', '.join(FLAT_SUFFIXES)}; a store is a folder without ending",
        )
    return False


def receipt_path(path: Location) -> Location:
    """Where the receipt of a flat file stands."""
    return path.with_name(path.name + ".receipt.json")


def refuse_overwriting(path: Location, option: str = "--out") -> None:
    """A file in the way is refused unless winnow made it and it is still as it was."""
    if not path.exists():
        return
    receipt_file = receipt_path(path)
    if path.is_file() and _is_marked_unfinished(path):
        return
    if path.is_file() and receipt_file.is_file():
        shard = read_receipt(receipt_file).shards[0]
        if path.stat().st_size == shard.bytes and file_sha256(path) == shard.sha256:
            return
    raise UsageError(
        option,
        f"{format_value(str(path))} exists and is not an untouched result of winnow",
        "Name another file, or remove that one",
    )


def unfinished_marker_path(path: Location) -> Location:
    """Where it stands that a flat file is about to appear and to get its receipt."""
    return path.with_name(f".{path.name}.unfinished")


def _write_unfinished_marker(path: Location, partial: Location) -> None:
    """Say which file is about to take this name, so that a run stopped before its receipt can be repeated."""
    write_bytes(unfinished_marker_path(path), _file_fingerprint(path, partial))


def _is_marked_unfinished(path: Location) -> bool:
    """Whether this file is one that a stopped run of ours left without a receipt."""
    marker = unfinished_marker_path(path)
    return marker.is_file() and marker.read_bytes() == _file_fingerprint(path, path)


def _file_fingerprint(target: Location, content: Location) -> bytes:
    """What a rename keeps and an edit changes; of an object, which has nothing of the kind, its content."""
    if not isinstance(content, Path) or not isinstance(target, Path):
        return json.dumps([content.stat().st_size, file_sha256(content)]).encode()
    file_stat = content.stat()
    return json.dumps([file_stat.st_ino, file_stat.st_size, file_stat.st_mtime_ns]).encode()


class FlatLayout:
    """The columns of a flat file: those of the source, then those that are added."""

    def __init__(self, source: Source, bad: BadRows, added: pa.Schema) -> None:
        self._source = source
        self._bad = bad
        self._added = added

    def schema(self) -> pa.Schema:
        """Every column with its type."""
        source_schema = self._source.schema(self._bad)
        fields = [f for f in source_schema if f.name not in self._added.names]
        return pa.schema([*fields, *self._added], metadata=source_schema.metadata)

    def refuse_source_as_output(self, output: Location) -> None:
        """Nothing is edited in place: the file that is read cannot be the file that is written."""
        if output.exists() and any(is_same_file(path, output) for path in self._source.paths()):
            raise UsageError("--out", f"{format_value(str(output))} is the table itself", "Name another file")

    def refuse_other_columns(self, other: Source, bad: BadRows, typed: bool) -> None:
        """Rows of another source can follow in CSV only if they have the same columns, in Parquet of the same types."""
        if not typed:
            if unexpected := set(other.all_names(bad)) - set(self.names()):
                problem = f"{other.name} has a column {format_value(min(unexpected))}, and the table does not"
                raise UsageError("--mix-real", problem, "Write .jsonl, or give both files the same columns")
            return
        own_schema, other_schema = self._source.schema(self._bad), other.schema(bad)
        for field in other_schema:
            if field.name not in own_schema.names or own_schema.field(field.name).type != field.type:
                problem = (
                    f"{other.name} has a column {format_value(field.name)} of type {field.type}, and the table does not"
                )
                raise UsageError("--mix-real", problem, "Write .jsonl, or give both files the same columns")

    def names(self) -> list[str]:
        """Every column by name, over all rows."""
        return [*(n for n in self._source.all_names(self._bad) if n not in self._added.names), *self._added.names]


class FlatFileWriter:
    """A file being written, or written: its rows go in order, and its sha256 is known at the end."""

    def __init__(self, path: Location, writer: RowWriter, hasher: BackgroundHasher) -> None:
        self.path = path
        self._writer = writer
        self._hasher = hasher

    def write(self, chunk: Chunk) -> None:
        """More rows."""
        self._writer.write(chunk)
        self._hasher.notify_growth()

    def finish(self, kind: str, work: WorkSpec, books: RowCounts, rows: int) -> None:
        """The receipt beside the file, written last."""
        shard = Shard(self.path.name, rows, self.path.stat().st_size, self._hasher.sha256())
        Receipt(kind, work, books, [shard]).write(receipt_path(self.path))
        with translate_os_errors(self.path):
            unfinished_marker_path(self.path).unlink(missing_ok=True)


@contextmanager
def write_flat_file(path: Location, layout: FlatLayout) -> Iterator[FlatFileWriter]:
    """A file that appears, whole, when the block ends well; then it wants its receipt."""
    layout.refuse_source_as_output(path)
    for target in (path, receipt_path(path), unfinished_marker_path(path)):
        remove_abandoned_partials(target)
    with atomic_write(path) as partial:
        with BackgroundHasher(partial) as hasher, open_row_writer(partial, path.suffix, layout) as writer:
            yield FlatFileWriter(path, writer, hasher)
        _write_unfinished_marker(path, partial)


@contextmanager
def open_row_writer(path: Location, suffix: str, layout: FlatLayout) -> Iterator[RowWriter]:
    """A writer of the format that an ending names."""
    if suffix == ".parquet":
        schema = layout.schema()
        with pq.ParquetWriter(path, schema, use_dictionary=DICTIONARY_COLUMNS) as parquet:
            yield ParquetRowWriter(parquet, schema)
    else:
        with path.open("wb") as file:
            yield JsonRowWriter(file) if suffix == ".jsonl" else CsvRowWriter(file, layout.names())


class JsonRowWriter:
    """JSON Lines."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, chunk: Chunk) -> None:
        """Each row on a line of its own."""
        self._file.write(b"".join(line + b"\n" for line in chunk.json_lines()))


class ParquetRowWriter:
    """Parquet."""

    def __init__(self, parquet: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._parquet = parquet
        self._schema = schema

    def write(self, chunk: Chunk) -> None:
        """The rows as one batch."""
        self._parquet.write_batch(chunk.to_arrow(self._schema))


class CsvRowWriter:
    """CSV: quotes where they are needed, and around empty text, which is not null."""

    def __init__(self, file: IO[bytes], names: Sequence[str]) -> None:
        self._file = file
        self._names = names
        self._write_columns([pa.array([name]) for name in names])

    def write(self, chunk: Chunk) -> None:
        """One record a row."""
        self._write_columns([_format_cells(chunk, name) for name in self._names])

    def _write_columns(self, columns: Sequence[pa.Array]) -> None:
        quoted_columns = [_quote_csv(column) for column in columns]
        lines = pc.binary_join_element_wise(*quoted_columns, ",", null_handling="replace", null_replacement="")
        self._file.write("".join(line + "\n" for line in lines.to_pylist()).encode())


def _quote_csv(column: pa.Array) -> pa.Array:
    needs_quotes = pc.or_(pc.match_substring_regex(column, '[",\r\n]|^\\s|\\s$'), pc.equal(column, ""))
    escaped = pc.replace_substring(column, '"', '""')
    return pc.if_else(needs_quotes, pc.binary_join_element_wise('"', escaped, '"', ""), column)


def _format_cells(chunk: Chunk, name: str) -> pa.Array:
    if isinstance(chunk, ArrowChunk):
        arrow_type = chunk.batch.schema.field(name).type
        if not pa.types.is_nested(arrow_type) and not pa.types.is_boolean(arrow_type):
            return chunk.batch.column(name).cast(pa.string())
    return pa.array([_format_cell(value) for value in chunk.values(name)], pa.string())


def _format_cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def write_quarantine(out: Location, bad: BadRows) -> Location | None:
    """The rows set aside, beside the output, each with its place and reason."""
    if not len(bad):
        return None
    path = out.with_name(out.name + ".quarantine.jsonl")
    lines = [json.dumps({"place": b.row_location, "reason": b.reason, "row": b.row}, ensure_ascii=False) for b in bad]
    write_bytes(path, ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))
    return path
