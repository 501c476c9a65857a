"""edit: the texts of a table, edited, into a store, a flat file or memory; no row is lost and none is held for long.

The rows are done piece by piece, and a piece that is done stays done: the same command again goes on behind it. A flat
file is written from such a store, which stands hidden beside it while the work lasts. The summary is counted from what
is stored, so it says the same of work that was done before.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from winnow.errors import UsageError, format_value
from winnow.stages.edit.edit_counts import EditTally, describe_edits
from winnow.stages.edit.shard_map import ADDED_COLUMNS, EDITS_SCHEMA, EditMap, TextPiece, split_pieces
from winnow.stages.results import MemorySource, Rows, reopen_table
from winnow.storage.atomic_files import make_folder, translate_os_errors
from winnow.storage.locations.location import Location, require_local
from winnow.storage.receipts import RECEIPT_NAME, Receipt, RowCounts, WorkSpec, read_receipt
from winnow.storage.shard_receipt import (
    ShardResult,
    read_shard_receipt,
    remove_shard_receipts,
    shard_receipt_path,
    write_shard,
    write_shard_receipt,
)
from winnow.storage.store import Store, find_finished_receipt, is_store, open_store
from winnow.tables.chunks import Chunk
from winnow.tables.flat_file import FlatLayout, is_flat_path, refuse_overwriting, write_flat_file, write_quarantine
from winnow.tables.joins import JoinedSource
from winnow.tables.open_table import embed_source, open_rows, set_edited_text
from winnow.tables.table import Table
from winnow.tables.unique_ids import UniqueIdChecker

EditProgressCallback = Callable[[int, int], None]
"""Hears how many more rows are done and how many more tokens were read."""


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
    """Edit every text and write the result where `out` says."""
    if out is None:
        return _edit_in_memory(table, edit_map, on_progress)
    return (
        _edit_to_flat_file(table, edit_map, out, on_progress)
        if is_flat_path(out)
        else _edit_to_store(table, edit_map, out, on_progress)
    )


def _edit_in_memory(table: Table, edit_map: EditMap, on_progress: EditProgressCallback) -> EditedRows:
    edit_map.work(table, Path())
    tally, chunks = EditTally(), []
    for piece, batch in _edit_pieces(table, edit_map, on_progress, whole_rows=True):
        add_to_tally(tally, batch)
        chunks.append(_add_edit_columns(piece.chunk, batch))
    source = MemorySource(
        chunks, table.name, [*(n for n in table.names() if n not in ADDED_COLUMNS.names), *ADDED_COLUMNS.names]
    )
    return EditedRows(Table(source, set_edited_text(table.columns), table.bad_rows), _build_summary(table, tally))


def _edit_pieces(
    table: Table, edit_map: EditMap, on_progress: EditProgressCallback, whole_rows: bool
) -> Iterator[tuple[TextPiece, pa.RecordBatch]]:
    """Every piece with its rows as a store has them."""
    editor = edit_map.make_editor(lambda tokens: on_progress(0, tokens))
    with UniqueIdChecker(table) as ids:
        for piece in split_pieces(table, edit_map.options.logprobs, whole_rows):
            _add_ids(ids, piece)
            batch = piece.edit(editor)
            on_progress(len(piece.inputs), 0)
            yield piece, batch
        ids.check()


def _add_ids(ids: UniqueIdChecker, piece: TextPiece) -> None:
    ids.add(piece.chunk.row_numbers, {"id": pa.array([text_input.id for text_input in piece.inputs], pa.string())})


def _add_edit_columns(chunk: Chunk, batch: pa.RecordBatch) -> Chunk:
    return chunk.with_columns({name: batch.column(name) for name in ADDED_COLUMNS.names})


def _edit_to_store(table: Table, edit_map: EditMap, out: Path, on_progress: EditProgressCallback) -> EditedRows:
    table_with_source = embed_source(table, out)
    work = edit_map.work(table_with_source, out)
    is_finished = find_finished_receipt(out, work) is not None
    if not is_finished:
        _prepare_folder(out)
        _edit_shards(table_with_source, edit_map, (out, work), on_progress)
    store = open_store(out)
    status = {"already_done": True} if is_finished else {}
    return EditedRows(
        open_rows(out), {**_build_summary(table_with_source, tally_store(store)), "out": str(out), **status}
    )


def local_output(out: str | Location | None) -> Path | None:
    """The path of a result of editing, which is written piece by piece and so must be local."""
    return None if out is None else require_local(out, "--out", "edits are written piece by piece to a local folder")


def _prepare_folder(out: Path) -> None:
    """A folder that is new, or where this was begun; a writer that was killed leaves its partial file."""
    make_folder(out)
    for path in out.iterdir():
        if path.name.startswith(".") and path.name.endswith(".partial"):
            with translate_os_errors(path):
                path.unlink()
        elif not path.name.startswith(("part-", ".part-", "source.")):
            raise UsageError(
                "--out", f"{format_value(str(out))} holds other files", "Name a folder that does not exist yet"
            )


def _edit_shards(
    table: Table, edit_map: EditMap, target: tuple[Path, WorkSpec], on_progress: EditProgressCallback
) -> None:
    """The shards of the store, each done unless it stands done, and then the receipt."""
    out, work = target
    editor = edit_map.make_editor(lambda tokens: on_progress(0, tokens))
    results: list[ShardResult] = []
    with UniqueIdChecker(table) as ids:
        for number, piece in enumerate(split_pieces(table, edit_map.options.logprobs)):
            _add_ids(ids, piece)
            name, rows = f"part-{number:05d}.parquet", piece.chunk.row_numbers
            span = {"rows": {"first": int(rows[0]), "last": int(rows[-1])}}
            result = read_shard_receipt(out, work, name)
            if result is None or result.counted != span:
                batch = piece.edit(editor)
                result = ShardResult(
                    write_shard(out, name, [batch], EDITS_SCHEMA), RowCounts(len(rows), len(rows)), span
                )
                write_shard_receipt(out, work, result)
            on_progress(len(rows), 0)
            results.append(result)
        ids.check()
    _finish_store(table, out, work, results)


def _finish_store(table: Table, out: Path, work: WorkSpec, results: list[ShardResult]) -> None:
    names = [result.shard.name for result in results]
    own_files = {*names, *(shard_receipt_path(out, name).name for name in names)}
    for path in out.iterdir():
        # Shards that other settings had left here.
        if path.name.startswith(("part-", ".part-")) and path.name not in own_files:
            with translate_os_errors(path):
                path.unlink()
    write_quarantine(out, table.bad_rows)
    shards = [result.shard for result in results] or [write_shard(out, "part-00000.parquet", [], EDITS_SCHEMA)]
    rows, bad_rows = sum(result.books.keep for result in results), len(table.bad_rows)
    books = RowCounts(rows + bad_rows, rows, 0, bad_rows, {"bad row": bad_rows} if bad_rows else {})
    Receipt("edits", work, books, shards).write(out / RECEIPT_NAME)
    remove_shard_receipts(out, names)


def _edit_to_flat_file(table: Table, edit_map: EditMap, out: Path, on_progress: EditProgressCallback) -> EditedRows:
    refuse_overwriting(out)
    work = edit_map.work(table, out.parent)
    work_folder = out.with_name(f".{out.name}.edits")
    if is_store(work_folder) and read_receipt(work_folder / RECEIPT_NAME).work.identity() != work.identity():
        shutil.rmtree(work_folder)
    result = _edit_to_store(table, edit_map, work_folder, on_progress)
    layout, rows, store = FlatLayout(table.source, table.bad_rows, ADDED_COLUMNS), len(result), open_store(work_folder)
    joined = JoinedSource(table.source, lambda: store.batches(["row", *ADDED_COLUMNS.names]), ADDED_COLUMNS.names, {})
    with write_flat_file(out, layout) as file:
        for chunk in joined.chunks(table.bad_rows):
            file.write(chunk)
    write_quarantine(out, table.bad_rows)
    bad_rows = len(table.bad_rows)
    file.finish(
        "edits", work, RowCounts(rows + bad_rows, rows, 0, bad_rows, {"bad row": bad_rows} if bad_rows else {}), rows
    )
    shutil.rmtree(work_folder)
    summary = {**result.summary, "out": str(out)}
    summary.pop("already_done", None)
    names = [*(n for n in table.names() if n not in ADDED_COLUMNS.names), *ADDED_COLUMNS.names]
    return EditedRows(reopen_table(out, set_edited_text(table.columns), rows, names), summary)


def tally_store(store: Store) -> EditTally:
    """What is stored of edits, summed up."""
    tally = EditTally()
    for batch in store.batches(["text", "edits", "rounds", "after"]):
        add_to_tally(tally, batch)
    return tally


def add_to_tally(tally: EditTally, batch: pa.RecordBatch) -> None:
    """Add the rows of a batch to the tally."""
    for row in batch.select(["text", "edits", "rounds", "after"]).to_pylist():
        tally.add(row)


def _build_summary(table: Table, tally: EditTally) -> dict[str, Any]:
    return {
        "table": table.name,
        "columns": table.columns.to_dict(),
        "quarantined": len(table.bad_rows),
        **tally.to_dict(),
    }
