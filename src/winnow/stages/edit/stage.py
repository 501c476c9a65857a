"""edit on a table: the edited texts go into a store, a flat file or memory; no row is lost.

A store is written piece by piece, and a stopped command continues behind the last finished piece. A flat file is
written from such a store, which is hidden next to it until then. The summary is counted from the stored rows, so it is
the same for finished work.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from winnow.stages.edit.edit_counts import EditTally, describe_edits, tally_store
from winnow.stages.edit.shard_map import ADDED_COLUMNS, EDITS_SCHEMA, EditMap, TextPiece, split_pieces
from winnow.stages.output import ResultSpec, write_rows, write_shards
from winnow.stages.results import Rows
from winnow.storage.locations.location import Location, require_local
from winnow.storage.receipts import RECEIPT_NAME, read_receipt
from winnow.storage.store import find_finished_receipt, is_store, open_store
from winnow.tables.chunks import Chunk
from winnow.tables.flat_file import is_flat_path, refuse_overwriting
from winnow.tables.joins import JoinedSource
from winnow.tables.open_table import embed_source, open_rows, set_edited_text
from winnow.tables.table import Table
from winnow.tables.unique_ids import UniqueIdChecker

EditProgressCallback = Callable[[int, int], None]
"""Is called with the number of further rows that are done and of further tokens that were read."""


def ignore_progress(rows: int, tokens: int) -> None:
    """Ignore the progress of editing."""


class EditedRows(Rows):
    """The edited texts and their summary."""

    def describe(self) -> str:
        head = f"edited {self.summary['rows']:,} texts of {self.summary['table']}"
        return "\n".join([head, *describe_edits(self.summary)])


def edit(
    table: Table, edit_map: EditMap, out: Path | None = None, on_progress: EditProgressCallback = ignore_progress
) -> EditedRows:
    """Edit every text of a table.

    Args:
        table: The texts.
        edit_map: The model and the options.
        out: A flat file or a folder for a store; without it the rows stay in memory.
        on_progress: Called after each piece of rows and after each part of a text that the model has read.
    """
    if out is not None:
        write = _edit_to_flat_file if is_flat_path(out) else _edit_to_store
        return write(table, edit_map, out, on_progress)
    result, tally = _result_spec(table, edit_map), EditTally()
    result.work(Path())  # refuses a table that cannot be edited
    written = write_rows(result, _edit_chunks(table, edit_map, on_progress, tally), None)
    return EditedRows(written, _build_summary(table, tally))


def local_output(out: str | Location | None) -> Path | None:
    """The path of a result of editing, which is written piece by piece and so must be local."""
    return None if out is None else require_local(out, "--out", "edits are written piece by piece to a local folder")


def _edit_to_store(table: Table, edit_map: EditMap, out: Path, on_progress: EditProgressCallback) -> EditedRows:
    table = embed_source(table, out)
    result = _result_spec(table, edit_map)
    is_finished = find_finished_receipt(out, result.work(out)) is not None
    if not is_finished:
        editor = edit_map.make_editor(partial(on_progress, 0))
        pieces = _unique_pieces(table, edit_map, on_progress)
        write_shards(result, EDITS_SCHEMA, ((p.chunk.row_numbers, partial(p.edit, editor)) for p in pieces), out)
    summary = {**_build_summary(table, tally_store(open_store(out))), "out": str(out)}
    return EditedRows(open_rows(out), {**summary, **({"already_done": True} if is_finished else {})})


def _edit_to_flat_file(table: Table, edit_map: EditMap, out: Path, on_progress: EditProgressCallback) -> EditedRows:
    refuse_overwriting(out)
    result, folder = _result_spec(table, edit_map), out.with_name(f".{out.name}.edits")
    work = result.work(out.parent)
    if is_store(folder) and read_receipt(folder / RECEIPT_NAME).work.identity() != work.identity():
        shutil.rmtree(folder)
    summary = {**_edit_to_store(table, edit_map, folder, on_progress).summary, "out": str(out)}
    summary.pop("already_done", None)
    store, added = open_store(folder), ADDED_COLUMNS.names
    joined = JoinedSource(table.source, lambda: store.batches(["row", *added]), added, {})
    written = write_rows(result, joined.chunks(table.bad_rows), out)
    shutil.rmtree(folder)
    return EditedRows(written, summary)


def _result_spec(table: Table, edit_map: EditMap) -> ResultSpec:
    columns = set_edited_text(table.columns)
    return ResultSpec("edits", table, ADDED_COLUMNS, cache(partial(edit_map.work, table)), columns=columns)


def _edit_chunks(
    table: Table, edit_map: EditMap, on_progress: EditProgressCallback, tally: EditTally
) -> Iterator[Chunk]:
    """The whole rows with their edited texts, which are added to the tally."""
    editor = edit_map.make_editor(partial(on_progress, 0))
    for piece in _unique_pieces(table, edit_map, on_progress, whole_rows=True):
        batch = piece.edit(editor)
        tally.add(batch)
        yield piece.chunk.with_columns({name: batch.column(name) for name in ADDED_COLUMNS.names})


def _unique_pieces(
    table: Table, edit_map: EditMap, on_progress: EditProgressCallback, whole_rows: bool = False
) -> Iterator[TextPiece]:
    """The pieces of a table, which is refused at the end if two rows have one id."""
    with UniqueIdChecker(table) as ids:
        for piece in split_pieces(table, edit_map.options, whole_rows):
            ids.add(piece.chunk.row_numbers, {"id": pa.array([item.id for item in piece.inputs], pa.string())})
            yield piece
            on_progress(len(piece.inputs), 0)
        ids.check()


def _build_summary(table: Table, tally: EditTally) -> dict[str, Any]:
    return {
        "table": table.name,
        "columns": table.columns.to_dict(),
        "quarantined": len(table.bad_rows),
        **tally.to_dict(),
    }
