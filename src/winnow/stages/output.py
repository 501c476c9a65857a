"""Where the rows of a result go: into memory, a flat file or a store. Every stage that returns rows writes here.

A flat file and rows in memory hold the rows of the table with the columns that the stage adds. A store holds the added
columns alone, keyed by row and candidate id, and reads joined with its table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from winnow.stages.results import MemorySource, reopen_table
from winnow.storage.locations.location import Location
from winnow.storage.receipts import RowCounts, WorkSpec
from winnow.storage.store import StoreWriter, find_finished_receipt, prepare_store_folder
from winnow.tables.chunks import Chunk
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
        lists_bad_rows: Whether the rows that were set aside are listed in a file beside the result.
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


def write_rows(result: ResultSpec, chunks: Iterable[Chunk], out: Location | None, count: RowCounter) -> Table:
    """Write whole rows, with the added columns, to a flat file; without `out` they stay in memory."""
    if out is None:
        source = MemorySource(list(chunks), result.table.name, result.names())
        return Table(source, result.present_columns(), result.table.bad_rows)
    rows = 0
    with write_flat_file(out, result.layout()) as file:
        for chunk in chunks:
            file.write(chunk)
            rows += len(chunk)
    _list_bad_rows(result, out)
    file.finish(result.kind, result.work(out.parent), count(), rows)
    return reopen_table(out, result.present_columns(), rows, result.names())


def is_store_finished(result: ResultSpec, out: Location) -> bool:
    """Whether the store of the same work stands finished; if not, its folder is made ready.

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
    with StoreWriter(out, result.kind, result.work(out), schema) as store:
        for batch in batches:
            store.write(batch)
        _list_bad_rows(result, out)
        store.finish(count())
    return open_rows(out)


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
