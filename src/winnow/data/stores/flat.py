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

from winnow.data.chunks import ArrowChunk, Chunk
from winnow.data.errors import UsageError, shown
from winnow.data.places.place import Place, same
from winnow.data.quarantine import BadRows
from winnow.data.readers.files import sha256_of
from winnow.data.readers.source import Source
from winnow.data.stores.atomic import clear_abandoned, refused, write_bytes, written
from winnow.data.stores.receipts import Books, Receipt, Shard, Work, read_receipt
from winnow.data.stores.trail import Trail

ENDINGS = (".jsonl", ".csv", ".parquet")
CONSTANT = ["winnow_rule", "winnow_weight"]
"""Columns whose few values a Parquet file keeps once."""


class Writer(Protocol):
    """Takes chunks in order."""

    def write(self, chunk: Chunk) -> None:
        """More rows."""
        ...


def is_flat(path: Place) -> bool:
    """Whether a result of this name is one file; a name without an ending is a store."""
    if path.suffix in ENDINGS:
        return True
    if path.suffix in (".gz", ".zst", ".json", ".txt", ".tsv", ".arrow"):
        raise UsageError(
            "--out",
            f"{shown(str(path))} ends in {path.suffix}",
            f"A flat result ends in {', '.join(ENDINGS)}; a store is a folder without ending",
        )
    return False


def receipt_path(path: Place) -> Place:
    """Where the receipt of a flat file stands."""
    return path.with_name(path.name + ".receipt.json")


def refuse_overwriting(path: Place, option: str = "--out") -> None:
    """A file in the way is refused unless winnow made it and it is still as it was."""
    if not path.exists():
        return
    beside = receipt_path(path)
    if path.is_file() and _announced(path):
        return
    if path.is_file() and beside.is_file():
        shard = read_receipt(beside).shards[0]
        if path.stat().st_size == shard.bytes and sha256_of(path) == shard.sha256:
            return
    raise UsageError(
        option,
        f"{shown(str(path))} exists and is not an untouched result of winnow",
        "Name another file, or remove that one",
    )


def announcement_path(path: Place) -> Place:
    """Where it stands that a flat file is about to appear and to get its receipt."""
    return path.with_name(f".{path.name}.unfinished")


def _announce(path: Place, partial: Place) -> None:
    """Say which file is about to take this name, so that a run stopped before its receipt can be repeated."""
    write_bytes(announcement_path(path), _identity(path, partial))


def _announced(path: Place) -> bool:
    """Whether this file is one that a stopped run of ours left without a receipt."""
    beside = announcement_path(path)
    return beside.is_file() and beside.read_bytes() == _identity(path, path)


def _identity(target: Place, content: Place) -> bytes:
    """What a rename keeps and an edit changes; of an object, which has nothing of the kind, its content."""
    if not isinstance(content, Path) or not isinstance(target, Path):
        return json.dumps([content.stat().st_size, sha256_of(content)]).encode()
    state = content.stat()
    return json.dumps([state.st_ino, state.st_size, state.st_mtime_ns]).encode()


class Layout:
    """The columns of a flat file: those of the source, then those that are added."""

    def __init__(self, source: Source, bad: BadRows, added: pa.Schema) -> None:
        self._source = source
        self._bad = bad
        self._added = added

    def schema(self) -> pa.Schema:
        """Every column with its type."""
        kept = self._source.schema(self._bad)
        fields = [f for f in kept if f.name not in self._added.names]
        return pa.schema([*fields, *self._added], metadata=kept.metadata)

    def refuse_itself(self, out: Place) -> None:
        """Nothing is edited in place: the file that is read cannot be the file that is written."""
        if out.exists() and any(same(path, out) for path in self._source.paths()):
            raise UsageError("--out", f"{shown(str(out))} is the table itself", "Name another file")

    def refuse_unlike(self, other: Source, bad: BadRows, typed: bool) -> None:
        """Rows of another source can follow in CSV only if they have the same columns, in Parquet of the same types."""
        if not typed:
            if strange := set(other.all_names(bad)) - set(self.names()):
                problem = f"{other.name} has a column {shown(min(strange))}, and the table does not"
                raise UsageError("--mix-real", problem, "Write .jsonl, or give both files the same columns")
            return
        ours, theirs = self._source.schema(self._bad), other.schema(bad)
        for field in theirs:
            if field.name not in ours.names or ours.field(field.name).type != field.type:
                problem = f"{other.name} has a column {shown(field.name)} of type {field.type}, and the table does not"
                raise UsageError("--mix-real", problem, "Write .jsonl, or give both files the same columns")

    def names(self) -> list[str]:
        """Every column by name, over all rows."""
        return [*(n for n in self._source.all_names(self._bad) if n not in self._added.names), *self._added.names]


class FlatFile:
    """A file being written, or written: its rows go in order, and its sha256 is known at the end."""

    def __init__(self, path: Place, writer: Writer, trail: Trail) -> None:
        self.path = path
        self._writer = writer
        self._trail = trail

    def write(self, chunk: Chunk) -> None:
        """More rows."""
        self._writer.write(chunk)
        self._trail.grown()

    def finish(self, kind: str, work: Work, books: Books, rows: int) -> None:
        """The receipt beside the file, written last."""
        shard = Shard(self.path.name, rows, self.path.stat().st_size, self._trail.sha256())
        Receipt(kind, work, books, [shard]).write(receipt_path(self.path))
        with refused(self.path):
            announcement_path(self.path).unlink(missing_ok=True)


@contextmanager
def flat_file(path: Place, layout: Layout) -> Iterator[FlatFile]:
    """A file that appears, whole, when the block ends well; then it wants its receipt."""
    layout.refuse_itself(path)
    for target in (path, receipt_path(path), announcement_path(path)):
        clear_abandoned(target)
    with written(path) as partial:
        with Trail(partial) as trail, row_writer(partial, path.suffix, layout) as writer:
            yield FlatFile(path, writer, trail)
        _announce(path, partial)


@contextmanager
def row_writer(path: Place, suffix: str, layout: Layout) -> Iterator[Writer]:
    """A writer of the format that an ending names."""
    if suffix == ".parquet":
        schema = layout.schema()
        with pq.ParquetWriter(path, schema, use_dictionary=CONSTANT) as parquet:
            yield ParquetRows(parquet, schema)
    else:
        with path.open("wb") as file:
            yield JsonRows(file) if suffix == ".jsonl" else CsvRows(file, layout.names())


class JsonRows:
    """JSON Lines."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, chunk: Chunk) -> None:
        """Each row on a line of its own."""
        self._file.write(b"".join(line + b"\n" for line in chunk.json_lines()))


class ParquetRows:
    """Parquet."""

    def __init__(self, parquet: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._parquet = parquet
        self._schema = schema

    def write(self, chunk: Chunk) -> None:
        """The rows as one batch."""
        self._parquet.write_batch(chunk.arrow(self._schema))


class CsvRows:
    """CSV: quotes where they are needed, and around empty text, which is not null."""

    def __init__(self, file: IO[bytes], names: Sequence[str]) -> None:
        self._file = file
        self._names = names
        self._put([pa.array([name]) for name in names])

    def write(self, chunk: Chunk) -> None:
        """One record a row."""
        self._put([_cells(chunk, name) for name in self._names])

    def _put(self, columns: Sequence[pa.Array]) -> None:
        quoted = [_quoted(column) for column in columns]
        lines = pc.binary_join_element_wise(*quoted, ",", null_handling="replace", null_replacement="")
        self._file.write("".join(line + "\n" for line in lines.to_pylist()).encode())


def _quoted(column: pa.Array) -> pa.Array:
    needs = pc.or_(pc.match_substring_regex(column, '[",\r\n]|^\\s|\\s$'), pc.equal(column, ""))
    inner = pc.replace_substring(column, '"', '""')
    return pc.if_else(needs, pc.binary_join_element_wise('"', inner, '"', ""), column)


def _cells(chunk: Chunk, name: str) -> pa.Array:
    if isinstance(chunk, ArrowChunk):
        kind = chunk.batch.schema.field(name).type
        if not pa.types.is_nested(kind) and not pa.types.is_boolean(kind):
            return chunk.batch.column(name).cast(pa.string())
    return pa.array([_cell(value) for value in chunk.values(name)], pa.string())


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def write_quarantine(out: Place, bad: BadRows) -> Place | None:
    """The rows set aside, beside the output, each with its place and reason."""
    if not len(bad):
        return None
    path = out.with_name(out.name + ".quarantine.jsonl")
    lines = [json.dumps({"place": b.place, "reason": b.reason, "row": b.row}, ensure_ascii=False) for b in bad]
    write_bytes(path, ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))
    return path
