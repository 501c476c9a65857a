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

from winnow.data.chunks import Chunk
from winnow.data.errors import UsageError, shown
from winnow.data.stores.atomic import make_folder, refused
from winnow.data.stores.flat import Layout, flat_file, is_flat, refuse_overwriting, write_quarantine
from winnow.data.stores.joined import Attached
from winnow.data.stores.opening import edited_columns, kept_source, open_rows
from winnow.data.stores.receipts import NAME, Books, Receipt, Work, read_receipt
from winnow.data.stores.shards.done import Done, clear, read_done, shard_receipt, write_done, write_shard
from winnow.data.stores.store import Store, finished_already, is_store, open_store
from winnow.data.stores.unique import UniqueIds
from winnow.data.table import Table
from winnow.stages.edit.editing import ADDED, STORED, Editing, Piece, pieces
from winnow.stages.edit.figures import Tally, said
from winnow.stages.results import Held, Rows, reopened

Tell = Callable[[int, int], None]
"""Hears how many more rows are done and how many more tokens were read."""


def silent(rows: int, tokens: int) -> None:
    """Tells nobody."""


class EditedRows(Rows):
    """Texts after editing."""

    def words(self) -> str:
        head = f"edited {self.summary['rows']:,} texts of {self.summary['table']}"
        return "\n".join([head, *said(self.summary)])


def edit(table: Table, editing: Editing, out: Path | None = None, tell: Tell = silent) -> EditedRows:
    """Edit every text and write the result where `out` says."""
    if out is None:
        return _in_memory(table, editing, tell)
    return _flat(table, editing, out, tell) if is_flat(out) else _store(table, editing, out, tell)


def _in_memory(table: Table, editing: Editing, tell: Tell) -> EditedRows:
    editing.work(table, Path())
    tally, chunks = Tally(), []
    for piece, batch in _edited(table, editing, tell, whole_rows=True):
        count(tally, batch)
        chunks.append(_beside(piece.chunk, batch))
    held = Held(chunks, table.name, [*(n for n in table.names() if n not in ADDED.names), *ADDED.names])
    return EditedRows(Table(held, edited_columns(table.columns), table.bad), _summary(table, tally))


def _edited(table: Table, editing: Editing, tell: Tell, whole_rows: bool) -> Iterator[tuple[Piece, pa.RecordBatch]]:
    """Every piece with its rows as a store has them."""
    editor = editing.editor(lambda tokens: tell(0, tokens))
    with UniqueIds(table) as ids:
        for piece in pieces(table, editing.logprobs, whole_rows):
            _watch(ids, piece)
            batch = piece.edited(editor)
            tell(len(piece.given), 0)
            yield piece, batch
        ids.check()


def _watch(ids: UniqueIds, piece: Piece) -> None:
    ids.add(piece.chunk.rows, {"id": pa.array([one.id for one in piece.given], pa.string())})


def _beside(chunk: Chunk, batch: pa.RecordBatch) -> Chunk:
    return chunk.with_columns({name: batch.column(name) for name in ADDED.names})


def _store(table: Table, editing: Editing, out: Path, tell: Tell) -> EditedRows:
    kept = kept_source(table, out)
    work = editing.work(kept, out)
    already = finished_already(out, work) is not None
    if not already:
        _ready(out)
        _done_piece_by_piece(kept, editing, (out, work), tell)
    found = open_store(out)
    told = {"already_done": True} if already else {}
    return EditedRows(open_rows(out), {**_summary(kept, tally_of(found)), "out": str(out), **told})


def _ready(out: Path) -> None:
    """A folder that is new, or where this was begun; a writer that was killed leaves its partial file."""
    make_folder(out)
    for path in out.iterdir():
        if path.name.startswith(".") and path.name.endswith(".partial"):
            with refused(path):
                path.unlink()
        elif not path.name.startswith(("part-", ".part-", "source.")):
            raise UsageError("--out", f"{shown(str(out))} holds other files", "Name a folder that does not exist yet")


def _done_piece_by_piece(table: Table, editing: Editing, target: tuple[Path, Work], tell: Tell) -> None:
    """The shards of the store, each done unless it stands done, and then the receipt."""
    out, work = target
    editor = editing.editor(lambda tokens: tell(0, tokens))
    done: list[Done] = []
    with UniqueIds(table) as ids:
        for number, piece in enumerate(pieces(table, editing.logprobs)):
            _watch(ids, piece)
            name, rows = f"part-{number:05d}.parquet", piece.chunk.rows
            span = {"rows": {"first": int(rows[0]), "last": int(rows[-1])}}
            one = read_done(out, work, name)
            if one is None or one.counted != span:
                batch = piece.edited(editor)
                one = Done(write_shard(out, name, [batch], STORED), Books(len(rows), len(rows)), span)
                write_done(out, work, one)
            tell(len(rows), 0)
            done.append(one)
        ids.check()
    _finished(table, out, work, done)


def _finished(table: Table, out: Path, work: Work, done: list[Done]) -> None:
    names = [one.shard.name for one in done]
    ours = {*names, *(shard_receipt(out, name).name for name in names)}
    for path in out.iterdir():
        # Shards that other settings had left here.
        if path.name.startswith(("part-", ".part-")) and path.name not in ours:
            with refused(path):
                path.unlink()
    write_quarantine(out, table.bad)
    shards = [one.shard for one in done] or [write_shard(out, "part-00000.parquet", [], STORED)]
    rows, bad = sum(one.books.keep for one in done), len(table.bad)
    books = Books(rows + bad, rows, 0, bad, {"bad row": bad} if bad else {})
    Receipt("edits", work, books, shards).write(out / NAME)
    clear(out, names)


def _flat(table: Table, editing: Editing, out: Path, tell: Tell) -> EditedRows:
    refuse_overwriting(out)
    work = editing.work(table, out.parent)
    hidden = out.with_name(f".{out.name}.edits")
    if is_store(hidden) and read_receipt(hidden / NAME).work.identity() != work.identity():
        shutil.rmtree(hidden)
    edited = _store(table, editing, hidden, tell)
    layout, rows, store = Layout(table.source, table.bad, ADDED), len(edited), open_store(hidden)
    beside = Attached(table.source, lambda: store.batches(["row", *ADDED.names]), ADDED.names, {})
    with flat_file(out, layout) as file:
        for chunk in beside.chunks(table.bad):
            file.write(chunk)
    write_quarantine(out, table.bad)
    bad = len(table.bad)
    file.finish("edits", work, Books(rows + bad, rows, 0, bad, {"bad row": bad} if bad else {}), rows)
    shutil.rmtree(hidden)
    summary = {**edited.summary, "out": str(out)}
    summary.pop("already_done", None)
    names = [*(n for n in table.names() if n not in ADDED.names), *ADDED.names]
    return EditedRows(reopened(out, edited_columns(table.columns), rows, names), summary)


def tally_of(store: Store) -> Tally:
    """What is stored of edits, summed up."""
    tally = Tally()
    for batch in store.batches(["text", "edits", "rounds", "after"]):
        count(tally, batch)
    return tally


def count(tally: Tally, batch: pa.RecordBatch) -> None:
    """More rows."""
    for row in batch.select(["text", "edits", "rounds", "after"]).to_pylist():
        tally.add(row)


def _summary(table: Table, tally: Tally) -> dict[str, Any]:
    return {
        "table": table.name,
        "columns": table.columns.named(),
        "quarantined": len(table.bad),
        **tally.plain(),
    }
