"""The one way to open rows: a file, a store joined with its source, labels and verdicts from elsewhere.

A store knows its source by path and hash; a source that changed since is refused, because what was said about
its rows is no longer about these rows. A flat file made by winnow lends the column names its receipt knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.data.columns import Columns
from winnow.data.columns import stated as stated_columns
from winnow.data.errors import BadTable, BrokenPromise, UsageError
from winnow.data.places.place import Place, is_file, named_in, normal, place, relative
from winnow.data.quarantine import BadRows
from winnow.data.readers.columnar import Frame
from winnow.data.readers.files import footer_sha256, sha256_of
from winnow.data.readers.memory import Unfolded
from winnow.data.readers.source import Source
from winnow.data.stores.atomic import written
from winnow.data.stores.flat import Layout, receipt_path, row_writer
from winnow.data.stores.joined import Attached, Beside, attach, by_id, by_row
from winnow.data.stores.labelers import BY, by_labeler, label_by
from winnow.data.stores.receipts import Receipt, read_receipt
from winnow.data.stores.shards.rows import ShardRows
from winnow.data.stores.store import Store, cleared_on_error, is_store, open_shard, open_store, prepare
from winnow.data.table import Table, files_source, open_table
from winnow.data.values import grades as read_labels

Given = object
CANDIDATE = "candidate_id"
EDITS = "edits"
"""The kind of store that replaces the text of its rows."""


def open_rows(given: Given, columns: Columns | None = None, bad: BadRows | None = None) -> Table:
    """A table over anything: see `table.open_table`; a folder with a receipt is a store."""
    if isinstance(given, Table):
        return given
    stated = columns or Columns()
    if isinstance(given, str | Place) and str(given) != "-":
        path = place(given)
        if is_store(path):
            return _from_store(open_store(path), stated, bad)
        if is_file(path) and receipt_path(path).is_file():
            return _from_flat(path, stated, bad)
    return open_table(given, stated, bad)


def with_verdicts(table: Table, given: Given) -> Table:
    """The table with a store's verdicts or a file's columns beside it, by candidate id."""
    other = open_rows(given)
    source = other.source
    if not isinstance(source, Attached):
        raise UsageError(
            "--verdicts", f"{other.name} is not a store", "Make one: winnow verify TABLE --with NAME --out STORE"
        )
    schema = source.schema(other.bad)
    names = [name for name in source.columns if name != CANDIDATE]
    kinds = [schema.field(name).type for name in names]
    stream = by_id(table, other, Beside(names, kinds, lambda chunk: [chunk.arrow().column(name) for name in names]))
    return Table(attach(table, stream, names, {"verdicts": source.receipt()}), table.columns.stated(), table.bad)


def with_labels(table: Table, given: Given, label: str | None = None, several: bool = False) -> Table:
    """The table with the labels of another file: by id where both have one, else by row with a check of content.

    A label is a number here: 1 right, 0 wrong, or a grade. The chance a plan drew a row with comes along as `drawn`.
    With `several`, a file whose column `by` says who labeled may have several labels for a row: a column for each.
    """
    other = open_rows(given, Columns(label=label))
    labels = other.columns.need("label", other.name).split(",")
    names = [*labels, *(["drawn"] if "drawn" in other.names() and "drawn" not in labels else [])]
    if several and BY in other.names() and BY not in labels and len(labels) == 1:
        return _with_labelers(table, other, names)

    def read(chunk: Any) -> list[pa.Array]:
        checked = [read_labels(chunk, name) for name in names]
        for one in checked:
            for position, problem in one.problems.items():
                other.bad.add(chunk.place(position), problem)
        return [one.array for one in checked]

    beside = Beside(names, [pa.float64()] * len(names), read)
    stream = (by_id if other.columns.id and table.has("id") else by_row)(table, other, beside)
    columns = replace(table.columns.stated(), label=",".join(labels))
    source = attach(table, stream, names, {"labels": other.source.receipt()})
    source.labels = other.source.paths()
    return Table(source, columns, table.bad)


def _with_labelers(table: Table, other: Table, names: list[str]) -> Table:
    if not (other.columns.id and table.has("id")):
        problem = f"{other.name} has a column {BY}, but it or {table.name} has no id"
        raise UsageError("--labels", problem, "Labels by several people are joined by id: give both candidate_id")
    stream, people = by_labeler(table, other, names)
    if not people:
        return with_labels(table, other)
    columns = [label_by(names[0], one) for one in people]
    source = attach(table, stream, [*columns, *names[1:]], {"labels": other.source.receipt()})
    source.labelers, source.labels = tuple(people), other.source.paths()
    label = ",".join(columns) or None
    return Table(source, replace(table.columns.stated(), label=label), table.bad)


def kept_source(table: Table, folder: Place) -> Table:
    """For a store over rows from a pipe or from memory: the rows themselves, kept inside the store."""
    if table.source.paths() or table.source.receipt().get("store"):
        return table
    prepare(folder)
    typed = isinstance(table.source, Frame)
    target = folder / ("source.parquet" if typed else "source.jsonl")
    layout = Layout(table.source, table.bad, pa.schema([]))
    with (
        cleared_on_error(folder),
        written(target) as partial,
        row_writer(partial, target.suffix, layout) as writer,
    ):
        for chunk in table.source.chunks(table.bad):
            writer.write(chunk)
    return Table(files_source([target], table.name), table.columns.stated(), table.bad)


def source_receipt(table: Table, folder: Place) -> dict[str, Any]:
    """What a result written in this folder says of the table it came from."""
    receipt = _relative(table.source.receipt(), folder)
    return {**receipt, "columns": table.columns.named(), "bad_rows": table.bad.said()}


def _relative(value: Any, folder: Place) -> Any:
    if isinstance(value, dict):
        return {k: relative(v, folder) if k == "path" else _relative(v, folder) for k, v in value.items()}
    return [_relative(inner, folder) for inner in value] if isinstance(value, list) else value


def _from_flat(path: Place, stated: Columns, bad: BadRows | None) -> Table:
    receipt = read_receipt(receipt_path(path))
    known = _parts_of(receipt)
    # A file of JSON Lines without rows cannot tell its columns; its receipt can.
    given = path if path.stat().st_size else _without_rows(path, [*known.values(), *added_columns(receipt)])
    table = open_table(given, stated, bad)
    if stated.candidates:
        return table
    usable = {part: name for part, name in known.items() if name in table.names()}
    return Table(table.source, stated_columns(**{**usable, **stated.named()}), table.bad)


def _without_rows(path: Place, names: list[str]) -> Frame:
    columns = dict.fromkeys(part for name in names for part in name.split(","))
    return Frame(pa.schema([(name, pa.string()) for name in columns]).empty_table(), str(path))


def _from_store(store: Store, stated: Columns, bad: BadRows | None) -> Table:
    if store.receipt.kind == "candidates":
        return candidates(store, stated=stated)
    said = store.receipt.work.source
    allowed = BadRows.parse(said.get("bad_rows")) if bad is None or not bad.limit else bad
    return _beside(store, _source_of(said, store.path), stated, allowed)


def table_of(store: Store) -> Table:
    """The rows of an opened store, with those of the store it was made of beside them."""
    return _from_store(store, Columns(), None)


def shard_of(path: Place, number: int, stated: Columns) -> Table:
    """One shard of a store of candidates, or of a store made of one shard by shard."""
    store, alone = open_shard(path, number), slice(number, number + 1)
    if store.receipt.kind == "candidates":
        return candidates(store, alone, stated)
    inner = shard_of(named_in(path, store.receipt.work.source["store"]["path"]), number, Columns())
    one = Store(path, replace(store.receipt, shards=store.receipt.shards[alone]))
    return _beside(one, inner.source, stated, BadRows())


def _beside(store: Store, source: Source, stated: Columns, allowed: BadRows) -> Table:
    """The rows of a source with what the store says of them."""
    made = {"id": CANDIDATE} if _records_ids(store.receipt) else {}
    columns = [*made.values(), *added_columns(store.receipt)]
    receipt = {"format": "store", "store": {"path": str(store.path), "identity": store.receipt.work.identity()}}
    attached = Attached(source, lambda: attached_batches(store), columns, receipt)
    attached.lasting = store.receipt.kind == EDITS
    attached.name, attached.distinct = str(store.path), {**_parts_of(store.receipt), **made}.get("id")
    # A column that was attached for the work, as labels are, stayed where it came from.
    names = attached.names()
    usable = {part: name for part, name in _parts_of(store.receipt).items() if name in names}
    return Table(attached, stated_columns(**{**usable, **made, **stated.named()}), allowed)


def candidates(store: Store, shards: slice = slice(None), stated: Columns | None = None) -> Table:
    """The table of some or all shards of imported candidates; what broke a rule was met when they came in."""
    rows = ShardRows(store, shards)
    source: Source = rows
    named = dict(store.receipt.work.source.get("columns", {}))
    if "id" not in named:
        source = Attached(rows, rows.made_ids, [CANDIDATE], rows.receipt())
        named["id"] = CANDIDATE
    source.distinct = named["id"]
    return Table(source, stated_columns(**{**named, **(stated or Columns()).named()}), BadRows())


def _source_of(said: dict[str, Any], folder: Place) -> Source:
    if "store" in said:
        inner = named_in(folder, said["store"]["path"])
        if not is_store(inner):
            raise BadTable(
                str(inner), f"is the source of {folder} and no longer there", "Put it back, or make the store again"
            )
        table = _from_store(open_store(inner), Columns(), None)
        if table.source.receipt()["store"]["identity"] != said["store"]["identity"]:
            raise _changed(inner, folder)
        return table.source
    files = [normal(named_in(folder, file["path"])) for file in said["files"]]
    for path, file in zip(files, said["files"], strict=True):
        _unchanged(path, file, said["format"], folder)
    source: Source = files_source(files, str(files[0]))
    return Unfolded(source, said["unfolded"]) if "unfolded" in said else source


def _unchanged(path: Place, file: dict[str, Any], kind: str, folder: Place) -> None:
    if not path.is_file():
        raise BadTable(
            str(path),
            f"is the source of {folder} and no longer there",
            "Put it back, or make the store again",
        )
    digest = footer_sha256 if kind == "parquet" else sha256_of
    if path.stat().st_size != file["bytes"] or digest(path) != file["sha256"]:
        raise _changed(path, folder)


def _changed(path: Place, folder: Place) -> BrokenPromise:
    return BrokenPromise(
        str(normal(path)),
        f"has changed since {folder} was made from it",
        "Make the store again under another name",
    )


def added_columns(receipt: Receipt) -> list[str]:
    """The columns a result adds to its source."""
    if receipt.kind == "selection":
        return ["winnow_rule", "winnow_weight"]
    if receipt.kind == EDITS:
        return ["text", "edits"]
    names = [one["name"] for one in receipt.work.config["verifiers"]]
    return [f"{name}.{part}" for name in names for part in ("verdict", "score", "reason")]


def attached_batches(store: Store) -> Iterator[pa.RecordBatch]:
    """A store's rows as one row per candidate: `row`, the recorded id where the source has none, what it adds."""
    added = added_columns(store.receipt)
    ids = [CANDIDATE] if _records_ids(store.receipt) else []
    names = ["row", *ids, *added]
    if store.receipt.kind == "selection":
        for batch in store.batches(["row", *ids, "rule", "weight"]):
            yield pa.RecordBatch.from_arrays(batch.columns, names=names)
        return
    if store.receipt.kind == EDITS:
        yield from store.batches(names)
        return
    each = len(added) // 3
    for batch in _whole_candidates(store.batches(["row", *ids, "verdict", "score", "reason"]), each):
        turns = [batch.take(pa.array(np.arange(i, batch.num_rows, each))) for i in range(each)]
        said = [turn.column(part) for turn in turns for part in ("verdict", "score", "reason")]
        yield pa.RecordBatch.from_arrays([*(turns[0].column(name) for name in ("row", *ids)), *said], names=names)


def edited_columns(columns: Columns) -> Columns:
    """The parts of a table whose texts were edited: the text is in a column of that name, whatever held it before."""
    return replace(columns.stated(), text="text", messages=None)


def _parts_of(receipt: Receipt) -> dict[str, str]:
    """The parts that columns of a result play."""
    known: dict[str, str] = receipt.work.source.get("columns", {})
    return edited_columns(stated_columns(**known)).named() if receipt.kind == EDITS else known


def _records_ids(receipt: Receipt) -> bool:
    """Whether the ids of the candidates stand in the store alone, because winnow made them."""
    return "id" not in receipt.work.source.get("columns", {})


def _whole_candidates(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches that never part the verdicts of one candidate."""
    left: pa.RecordBatch | None = None
    for batch in batches:
        joined = batch if left is None else pa.concat_batches([left, batch])
        cut = joined.num_rows // size * size
        if cut or not joined.num_rows:
            yield joined.slice(0, cut)
        left = joined.slice(cut) if cut < joined.num_rows else None
