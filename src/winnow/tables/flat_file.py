"""Flat results: the rows of a table in one .jsonl, .csv or .parquet file, with a receipt next to it.

JSON Lines keep the bytes of rows that were read as JSON Lines. CSV writes null as nothing and empty text as "".
Parquet keeps Arrow types. An existing file is replaced only if winnow wrote it and it is unchanged since.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from winnow.errors import UsageError, format_value
from winnow.storage.atomic_files import atomic_write, remove_abandoned_partials, translate_os_errors, write_bytes
from winnow.storage.canonical_json import to_plain
from winnow.storage.file_bytes import BackgroundHasher, file_sha256
from winnow.storage.locations.location import Location, is_same_file
from winnow.storage.receipts import Receipt, RowCounts, Shard, WorkSpec, read_receipt
from winnow.tables.chunks import ArrowChunk, Chunk
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.source import Source

FLAT_SUFFIXES = (".jsonl", ".csv", ".parquet")
SELECTION_COLUMNS = ["winnow_rule", "winnow_weight"]
"""The columns that a selection adds; they have few values, so Parquet stores them dictionary-encoded."""

WriteChunk = Callable[[Chunk], None]


def is_flat_path(path: Location) -> bool:
    """Whether a result of this name is a flat file and not a store.

    Raises:
        UsageError: The name ends like a file in a format that winnow does not write.
    """
    if path.suffix in (".gz", ".zst", ".json", ".txt", ".tsv", ".arrow"):
        next_step = f"A flat result ends in {', '.join(FLAT_SUFFIXES)}; a store is a folder without an ending"
        raise UsageError("--out", f"{format_value(str(path))} ends in {path.suffix}", next_step)
    return path.suffix in FLAT_SUFFIXES


def receipt_path(path: Location) -> Location:
    """Return the path of a flat file's receipt."""
    return path.with_name(path.name + ".receipt.json")


def refuse_overwriting(path: Location, option: str = "--out") -> None:
    """Raise UsageError if a file exists that winnow did not write or that was changed since."""
    marker = unfinished_marker_path(path)
    if not path.exists() or (
        path.is_file() and marker.is_file() and marker.read_bytes() == _file_fingerprint(path, path)
    ):
        return
    if path.is_file() and receipt_path(path).is_file():
        shard = read_receipt(receipt_path(path)).shards[0]
        if path.stat().st_size == shard.bytes and file_sha256(path) == shard.sha256:
            return
    problem = f"{format_value(str(path))} exists and is not an untouched result of winnow"
    raise UsageError(option, problem, "Name another file, or remove that one")


def unfinished_marker_path(path: Location) -> Location:
    """Return the path of the marker that lets a run be repeated if it stopped before the receipt was written."""
    return path.with_name(f".{path.name}.unfinished")


def _file_fingerprint(target: Location, content: Location) -> bytes:
    """Identify a file by what a rename keeps and an edit changes; an object in a cloud store by its content."""
    if not isinstance(content, Path) or not isinstance(target, Path):
        return json.dumps([content.stat().st_size, file_sha256(content)]).encode()
    file_stat = content.stat()
    return json.dumps([file_stat.st_ino, file_stat.st_size, file_stat.st_mtime_ns]).encode()


@dataclass(frozen=True)
class FlatLayout:
    """The columns of a flat file: those of the source, then the added ones."""

    source: Source
    bad: BadRows
    added: pa.Schema

    def schema(self) -> pa.Schema:
        """Return all columns with their types."""
        source_schema = self.source.schema(self.bad)
        fields = [f for f in source_schema if f.name not in self.added.names]
        return pa.schema([*fields, *self.added], metadata=source_schema.metadata)

    def refuse_source_as_output(self, output: Location) -> None:
        """Raise UsageError if the output file is a file of the source."""
        if output.exists() and any(is_same_file(path, output) for path in self.source.paths()):
            raise UsageError("--out", f"{format_value(str(output))} is the table itself", "Name another file")

    def refuse_other_columns(self, other: Source, bad: BadRows, typed: bool) -> None:
        """Raise UsageError if another source has columns (with `typed`, types) that the table does not have."""
        if typed:
            own_fields = {(field.name, field.type) for field in self.source.schema(self.bad)}
            other_fields = [f for f in other.schema(bad) if (f.name, f.type) not in own_fields]
            unexpected = [f"{format_value(f.name)} of type {f.type}" for f in other_fields]
        else:
            unexpected = [format_value(name) for name in sorted(set(other.all_names(bad)) - set(self.names()))]
        if unexpected:
            problem = f"{other.name} has a column {unexpected[0]}, and the table does not"
            raise UsageError("--mix-real", problem, "Write .jsonl, or give both files the same columns")

    def names(self) -> list[str]:
        """Return the columns of all rows."""
        return [*(n for n in self.source.all_names(self.bad) if n not in self.added.names), *self.added.names]


@dataclass(frozen=True)
class FlatFileWriter:
    """A flat file being written; it is hashed at the same time."""

    path: Location
    write_chunk: WriteChunk
    hasher: BackgroundHasher

    def write(self, chunk: Chunk) -> None:
        """Write the next rows."""
        self.write_chunk(chunk)
        self.hasher.notify_growth()

    def finish(self, kind: str, work: WorkSpec, books: RowCounts, rows: int) -> None:
        """Write the receipt, after the block of `write_flat_file` has ended."""
        shard = Shard(self.path.name, rows, self.path.stat().st_size, self.hasher.sha256())
        Receipt(kind, work, books, [shard]).write(receipt_path(self.path))
        with translate_os_errors(self.path):
            unfinished_marker_path(self.path).unlink(missing_ok=True)


@contextmanager
def write_flat_file(path: Location, layout: FlatLayout) -> Iterator[FlatFileWriter]:
    """Write a flat file that appears whole when the block succeeds; call `finish` after the block."""
    layout.refuse_source_as_output(path)
    for target in (path, receipt_path(path), unfinished_marker_path(path)):
        remove_abandoned_partials(target)
    with atomic_write(path) as partial:
        with BackgroundHasher(partial) as hasher, open_row_writer(partial, path.suffix, layout) as write_chunk:
            yield FlatFileWriter(path, write_chunk, hasher)
        write_bytes(unfinished_marker_path(path), _file_fingerprint(path, partial))


@contextmanager
def open_row_writer(path: Path, suffix: str, layout: FlatLayout) -> Iterator[WriteChunk]:
    """Open a file and yield a function that writes chunks to it in the format of this suffix."""
    if suffix == ".parquet":
        schema = layout.schema()
        with pq.ParquetWriter(path, schema, use_dictionary=SELECTION_COLUMNS) as parquet:
            yield lambda chunk: parquet.write_batch(chunk.to_arrow(schema))
        return
    with path.open("wb") as file:
        if suffix == ".jsonl":
            yield lambda chunk: _write_lines(file, chunk.json_lines())
        else:
            names = layout.names()
            _write_lines(file, _join_cells([pa.array([name]) for name in names]))
            yield lambda chunk: _write_lines(file, _join_cells([_format_cells(chunk, name) for name in names]))


def _write_lines(file: IO[bytes], lines: Iterable[bytes]) -> None:
    file.write(b"".join(line + b"\n" for line in lines))


def _join_cells(columns: Sequence[pa.Array]) -> list[bytes]:
    """Join the cells of each row to a line of CSV."""
    columns = [_quote_csv(column) for column in columns]
    lines = pc.binary_join_element_wise(*columns, ",", null_handling="replace", null_replacement="")
    return [line.encode() for line in lines.to_pylist()]


def _quote_csv(column: pa.Array) -> pa.Array:
    """Quote cells where CSV needs it, and empty texts, which would otherwise be read as null."""
    needs_quotes = pc.or_(pc.match_substring_regex(column, '[",\r\n]|^\\s|\\s$'), pc.equal(column, ""))
    escaped = pc.replace_substring(column, '"', '""')
    return pc.if_else(needs_quotes, pc.binary_join_element_wise('"', escaped, '"', ""), column)


def _format_cells(chunk: Chunk, name: str) -> pa.Array:
    if isinstance(chunk, ArrowChunk):
        arrow_type = chunk.batch.schema.field(name).type
        if not pa.types.is_nested(arrow_type) and not pa.types.is_boolean(arrow_type):
            return chunk.batch.column(name).cast(pa.string())
    values = chunk.values(name)
    cells = [v if v is None or isinstance(v, str) else json.dumps(v, ensure_ascii=False, default=str) for v in values]
    return pa.array(cells, pa.string())


def write_quarantine(out: Location, bad: BadRows) -> Location | None:
    """Write the rows set aside next to the output, and return the path; None if there are none."""
    if not len(bad):
        return None
    path = out.with_name(out.name + ".quarantine.jsonl")
    lines = "".join(json.dumps(to_plain(bad_row), ensure_ascii=False) + "\n" for bad_row in bad)
    write_bytes(path, lines.encode("utf-8", "backslashreplace"))
    return path
