"""Writes the rows of a result into memory, a flat file or a store, for every stage that returns rows.

A flat file and rows in memory hold the rows of the table with the columns that the stage adds. A store holds only the
added columns, keyed by row and candidate id; reading a store joins them to its table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from winnow.errors import UsageError, format_value
from winnow.stages.results import MemorySource, reopen_table
from winnow.storage.atomic_files import make_folder, translate_os_errors
from winnow.storage.locations.location import Location
from winnow.storage.receipts import RECEIPT_NAME, Receipt, RowCounts, WorkSpec
from winnow.storage.shard_receipt import (
    ShardResult,
    read_shard_receipt,
    remove_other_shards,
    remove_shard_receipts,
    shard_name,
    write_shard,
    write_shard_receipt,
)
from winnow.storage.store import OWN_PREFIXES, find_finished_receipt, prepare_store_folder, write_store
from winnow.tables.chunks import Chunk, RowNumbers
from winnow.tables.columns import Columns, make_columns
from winnow.tables.flat_file import FlatLayout, write_flat_file, write_quarantine
from winnow.tables.open_table import open_rows
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.source import Source
from winnow.tables.table import Table

RowCounter = Callable[[], RowCounts]
"""Counts the rows of a result, once all have been written."""


@dataclass(frozen=True)
class ResultSpec:
    """A result that is about to be written.

    Attributes:
        kind: The kind of result in its receipt, for example `verdicts`.
        table: The table it is made of.
        added: The columns that the stage adds to each row.
        work: The identity of the work for a result in a given folder.
        source: The source whose columns come before the added ones, if it is not that of the table.
        columns: The roles of columns in the result, if they are not those of the table.
        lists_bad_rows: Whether the rows that were set aside are listed in a file next to the result.
    """

    kind: str
    table: Table
    added: pa.Schema
    work: Callable[[Location], WorkSpec]
    source: Source | None = None
    columns: Columns | None = None
    lists_bad_rows: bool = True

    def layout(self) -> FlatLayout:
        """The columns of a flat file."""
        return FlatLayout(self.source or self.table.source, self.table.bad_rows, self.added)

    def names(self) -> list[str]:
        """The columns of the result."""
        source = self.source or self.table.source
        return [*(name for name in source.names() if name not in self.added.names), *self.added.names]

    def present_columns(self) -> Columns:
        """The roles whose columns are in the result."""
        names, roles = self.names(), (self.columns or self.table.columns).to_dict()
        return make_columns(
            **{role: name for role, name in roles.items() if all(part in names for part in name.split(","))}
        )


def write_rows(
    result: ResultSpec, chunks: Iterable[Chunk], out: Location | None, counts: RowCounts | None = None
) -> Table:
    """Write whole rows, with the added columns, to a flat file; without `out` they stay in memory.

    Args:
        result: What is written.
        chunks: The rows.
        out: The flat file.
        counts: The row counts of the receipt, unless every row of the table is in the result.
    """
    if out is None:
        source = MemorySource(list(chunks), result.table.name, result.names())
        return Table(source, result.present_columns(), result.table.bad_rows)
    rows = 0
    with write_flat_file(out, result.layout()) as file:
        for chunk in chunks:
            file.write(chunk)
            rows += len(chunk)
    _list_bad_rows(result, out)
    file.finish(result.kind, result.work(out.parent), counts or count_rows(result.table.bad_rows, rows, rows), rows)
    return reopen_table(out, result.present_columns(), rows, result.names())


def is_store_finished(result: ResultSpec, out: Location) -> bool:
    """Whether the store of this work is finished; if not, its folder is prepared.

    A table without files was embedded in the folder before (see `embed_source`), and stays there.
    """
    if find_finished_receipt(out, result.work(out)) is not None:
        return True
    if not any(path.parent == out and path.name.startswith("source.") for path in result.table.source.paths()):
        prepare_store_folder(out)
    return False


def write_batches(
    result: ResultSpec, schema: pa.Schema, batches: Iterable[pa.RecordBatch], out: Location, count: RowCounter
) -> Table:
    """Write the rows of a store into a folder that `is_store_finished` made ready."""

    def list_bad_rows_after_batches() -> Iterator[pa.RecordBatch]:
        yield from batches
        _list_bad_rows(result, out)

    write_store(out, result.kind, result.work(out), schema, list_bad_rows_after_batches(), count)
    return open_rows(out)


def write_shards(
    result: ResultSpec, schema: pa.Schema, pieces: Iterable[tuple[RowNumbers, Callable[[], pa.RecordBatch]]], out: Path
) -> None:
    """Write a store with one shard for each piece of the table; shards that a stopped run has finished stay.

    Args:
        result: What is written.
        schema: The columns of the store.
        pieces: The row numbers of each piece, and what makes its rows: one for each of them.
        out: The folder of the store, new or left by the same work.
    """
    _prepare_folder_to_resume(out)
    work, results = result.work(out), []
    for number, (rows, make_batch) in enumerate(pieces):
        name, span = shard_name(number), {"rows": {"first": int(rows[0]), "last": int(rows[-1])}}
        shard_result = read_shard_receipt(out, work, name)
        if shard_result is None or shard_result.counted != span:
            shard = write_shard(out, name, [make_batch()], schema)
            shard_result = ShardResult(shard, RowCounts(len(rows), len(rows)), span)
            write_shard_receipt(out, work, shard_result)
        results.append(shard_result)
    shards = [shard_result.shard for shard_result in results]
    names = [shard.name for shard in shards]
    remove_other_shards(out, names)
    _list_bad_rows(result, out)
    rows_written = sum(shard.rows for shard in shards)
    counts = count_rows(result.table.bad_rows, rows_written, rows_written)
    shards = shards or [write_shard(out, shard_name(0), [], schema)]
    Receipt(result.kind, work, counts, shards).write(out / RECEIPT_NAME)
    remove_shard_receipts(out, names)


def _prepare_folder_to_resume(out: Path) -> None:
    """Create the folder, or remove the partial files that a killed writer left in it."""
    make_folder(out)
    for path in out.iterdir():
        if path.name.startswith(".") and path.name.endswith(".partial"):
            with translate_os_errors(path):
                path.unlink()
        elif not path.name.startswith(OWN_PREFIXES):
            step = "Name a folder that does not exist yet"
            raise UsageError("--out", f"{format_value(str(out))} holds other files", step)


def _list_bad_rows(result: ResultSpec, out: Location) -> None:
    if result.lists_bad_rows:
        write_quarantine(out, result.table.bad_rows)


def count_rows(bad: BadRows, total: int, kept: int, dropped: Mapping[str, int] | None = None) -> RowCounts:
    """The row counts of a receipt: all that were read, those set aside included.

    Args:
        bad: The rows that were set aside.
        total: The other rows that were read.
        kept: Those of them that are in the result.
        dropped: How many of them are not, by reason.
    """
    rejected = {"bad row": len(bad)} if len(bad) else {}
    return RowCounts(total + len(bad), kept, total - kept, len(bad), {**(dropped or {}), **rejected})
