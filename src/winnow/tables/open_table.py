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

from winnow.errors import BadTable, BrokenPromise, UsageError
from winnow.storage.atomic_files import atomic_write
from winnow.storage.file_bytes import file_sha256, parquet_footer_sha256
from winnow.storage.locations.location import (
    Location,
    is_file,
    make_relative,
    normalize_location,
    parse_location,
    resolve_recorded_path,
)
from winnow.storage.receipts import Receipt, read_receipt
from winnow.storage.store import Store, clean_up_on_error, is_store, open_shard, open_store, prepare_store_folder
from winnow.tables.column_values import read_grades as read_labels
from winnow.tables.columns import Columns
from winnow.tables.columns import make_columns as stated_columns
from winnow.tables.flat_file import FlatLayout, open_row_writer, receipt_path
from winnow.tables.joins import JoinColumns, JoinedSource, attach_columns, join_by_id, join_by_row
from winnow.tables.labelers import LABELER_COLUMN, join_by_labeler, labeler_column
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.columnar import ArrowTableSource
from winnow.tables.readers.python_rows import UnfoldedSource
from winnow.tables.readers.source import Source
from winnow.tables.shard_source import ShardSource
from winnow.tables.table import Table, open_files, open_source_table

TableLike = object
CANDIDATE_ID = "candidate_id"
EDITS_KIND = "edits"
"""The kind of store that replaces the text of its rows."""


def open_rows(source: TableLike, columns: Columns | None = None, bad: BadRows | None = None) -> Table:
    """A table over anything: see `table.open_table`; a folder with a receipt is a store."""
    if isinstance(source, Table):
        return source
    explicit_columns = columns or Columns()
    if isinstance(source, str | Location) and str(source) != "-":
        path = parse_location(source)
        if is_store(path):
            return _open_store_table(open_store(path), explicit_columns, bad)
        if is_file(path) and receipt_path(path).is_file():
            return _open_flat_file(path, explicit_columns, bad)
    return open_source_table(source, explicit_columns, bad)


def join_verdicts(table: Table, verdicts: TableLike) -> Table:
    """The table with a store's verdicts or a file's columns beside it, by candidate id."""
    other = open_rows(verdicts)
    source = other.source
    if not isinstance(source, JoinedSource):
        raise UsageError(
            "--verdicts", f"{other.name} is not a store", "Make one: winnow verify TABLE --with NAME --out STORE"
        )
    schema = source.schema(other.bad_rows)
    names = [name for name in source.columns if name != CANDIDATE_ID]
    types = [schema.field(name).type for name in names]
    stream = join_by_id(
        table, other, JoinColumns(names, types, lambda chunk: [chunk.to_arrow().column(name) for name in names])
    )
    return Table(
        attach_columns(table, stream, names, {"verdicts": source.receipt()}),
        table.columns.without_guesses(),
        table.bad_rows,
    )


def join_labels(
    table: Table, labels_source: TableLike, label: str | None = None, several_labelers: bool = False
) -> Table:
    """The table with the labels of another file: by id where both have one, else by row with a check of content.

    A label is a number here: 1 right, 0 wrong, or a grade. The chance a plan drew a row with comes along as `drawn`.
    With `several`, a file whose column `by` says who labeled may have several labels for a row: a column for each.
    """
    other = open_rows(labels_source, Columns(label=label))
    labels = other.columns.require_column("label", other.name).split(",")
    names = [*labels, *(["drawn"] if "drawn" in other.names() and "drawn" not in labels else [])]
    if several_labelers and LABELER_COLUMN in other.names() and LABELER_COLUMN not in labels and len(labels) == 1:
        return _join_labels_by_labeler(table, other, names)

    def read(chunk: Any) -> list[pa.Array]:
        checked = [read_labels(chunk, name) for name in names]
        for column in checked:
            for position, problem in column.problems.items():
                other.bad_rows.add(chunk.place(position), problem)
        return [column.array for column in checked]

    joined_columns = JoinColumns(names, [pa.float64()] * len(names), read)
    stream = (join_by_id if other.columns.id and table.has_role("id") else join_by_row)(table, other, joined_columns)
    columns = replace(table.columns.without_guesses(), label=",".join(labels))
    source = attach_columns(table, stream, names, {"labels": other.source.receipt()})
    source.label_files = other.source.paths()
    return Table(source, columns, table.bad_rows)


def _join_labels_by_labeler(table: Table, other: Table, names: list[str]) -> Table:
    if not (other.columns.id and table.has_role("id")):
        problem = f"{other.name} has a column {LABELER_COLUMN}, but it or {table.name} has no id"
        raise UsageError("--labels", problem, "Labels by several people are joined by id: give both candidate_id")
    stream, people = join_by_labeler(table, other, names)
    if not people:
        return join_labels(table, other)
    columns = [labeler_column(names[0], person) for person in people]
    source = attach_columns(table, stream, [*columns, *names[1:]], {"labels": other.source.receipt()})
    source.labelers, source.label_files = tuple(people), other.source.paths()
    label = ",".join(columns) or None
    return Table(source, replace(table.columns.without_guesses(), label=label), table.bad_rows)


def embed_source(table: Table, folder: Location) -> Table:
    """For a store over rows from a pipe or from memory: the rows themselves, kept inside the store."""
    if table.source.paths() or table.source.receipt().get("store"):
        return table
    prepare_store_folder(folder)
    is_typed = isinstance(table.source, ArrowTableSource)
    target = folder / ("source.parquet" if is_typed else "source.jsonl")
    layout = FlatLayout(table.source, table.bad_rows, pa.schema([]))
    with (
        clean_up_on_error(folder),
        atomic_write(target) as partial,
        open_row_writer(partial, target.suffix, layout) as writer,
    ):
        for chunk in table.source.chunks(table.bad_rows):
            writer.write(chunk)
    return Table(open_files([target], table.name), table.columns.without_guesses(), table.bad_rows)


def source_receipt(table: Table, folder: Location) -> dict[str, Any]:
    """What a result written in this folder says of the table it came from."""
    receipt = _make_paths_relative(table.source.receipt(), folder)
    return {**receipt, "columns": table.columns.to_dict(), "bad_rows": table.bad_rows.policy()}


def _make_paths_relative(value: Any, folder: Location) -> Any:
    if isinstance(value, dict):
        return {
            k: make_relative(v, folder) if k == "path" else _make_paths_relative(v, folder) for k, v in value.items()
        }
    return [_make_paths_relative(inner, folder) for inner in value] if isinstance(value, list) else value


def _open_flat_file(path: Location, explicit_columns: Columns, bad: BadRows | None) -> Table:
    receipt = read_receipt(receipt_path(path))
    column_roles = _find_column_roles(receipt)
    # A file of JSON Lines without rows cannot tell its columns; its receipt can.
    source = (
        path
        if path.stat().st_size
        else _make_empty_source(path, [*column_roles.values(), *list_added_columns(receipt)])
    )
    table = open_source_table(source, explicit_columns, bad)
    if explicit_columns.candidates:
        return table
    present_roles = {part: name for part, name in column_roles.items() if name in table.names()}
    return Table(table.source, stated_columns(**{**present_roles, **explicit_columns.to_dict()}), table.bad_rows)


def _make_empty_source(path: Location, names: list[str]) -> ArrowTableSource:
    columns = dict.fromkeys(part for name in names for part in name.split(","))
    return ArrowTableSource(pa.schema([(name, pa.string()) for name in columns]).empty_table(), str(path))


def _open_store_table(store: Store, explicit_columns: Columns, bad: BadRows | None) -> Table:
    if store.receipt.kind == "candidates":
        return open_candidates(store, explicit_columns=explicit_columns)
    source_record = store.receipt.work.source
    bad_rows = BadRows.parse(source_record.get("bad_rows")) if bad is None or not bad.limit else bad
    return _join_store(store, _open_source(source_record, store.path), explicit_columns, bad_rows)


def open_store_table(store: Store) -> Table:
    """The rows of an opened store, with those of the store it was made of beside them."""
    return _open_store_table(store, Columns(), None)


def open_shard_table(path: Location, number: int, explicit_columns: Columns) -> Table:
    """One shard of a store of candidates, or of a store made of one shard by shard."""
    store, shard_slice = open_shard(path, number), slice(number, number + 1)
    if store.receipt.kind == "candidates":
        return open_candidates(store, shard_slice, explicit_columns)
    inner = open_shard_table(resolve_recorded_path(path, store.receipt.work.source["store"]["path"]), number, Columns())
    shard_store = Store(path, replace(store.receipt, shards=store.receipt.shards[shard_slice]))
    return _join_store(shard_store, inner.source, explicit_columns, BadRows())


def _join_store(store: Store, source: Source, explicit_columns: Columns, bad_rows: BadRows) -> Table:
    """The rows of a source with what the store says of them."""
    generated_id = {"id": CANDIDATE_ID} if _has_generated_ids(store.receipt) else {}
    columns = [*generated_id.values(), *list_added_columns(store.receipt)]
    receipt = {"format": "store", "store": {"path": str(store.path), "identity": store.receipt.work.identity()}}
    joined = JoinedSource(source, lambda: iterate_result_batches(store), columns, receipt)
    joined.is_permanent = store.receipt.kind == EDITS_KIND
    joined.name, joined.unique_column = str(store.path), {**_find_column_roles(store.receipt), **generated_id}.get("id")
    # A column that was attached for the work, as labels are, stayed where it came from.
    names = joined.names()
    present_roles = {part: name for part, name in _find_column_roles(store.receipt).items() if name in names}
    return Table(joined, stated_columns(**{**present_roles, **generated_id, **explicit_columns.to_dict()}), bad_rows)


def open_candidates(store: Store, shards: slice = slice(None), explicit_columns: Columns | None = None) -> Table:
    """The table of some or all shards of imported candidates; what broke a rule was met when they came in."""
    rows = ShardSource(store, shards)
    source: Source = rows
    column_roles = dict(store.receipt.work.source.get("columns", {}))
    if "id" not in column_roles:
        source = JoinedSource(rows, rows.iterate_generated_ids, [CANDIDATE_ID], rows.receipt())
        column_roles["id"] = CANDIDATE_ID
    source.unique_column = column_roles["id"]
    return Table(source, stated_columns(**{**column_roles, **(explicit_columns or Columns()).to_dict()}), BadRows())


def _open_source(source_record: dict[str, Any], folder: Location) -> Source:
    if "store" in source_record:
        inner = resolve_recorded_path(folder, source_record["store"]["path"])
        if not is_store(inner):
            raise BadTable(
                str(inner), f"is the source of {folder} and no longer there", "Put it back, or make the store again"
            )
        table = _open_store_table(open_store(inner), Columns(), None)
        if table.source.receipt()["store"]["identity"] != source_record["store"]["identity"]:
            raise _changed_source_error(inner, folder)
        return table.source
    files = [normalize_location(resolve_recorded_path(folder, file["path"])) for file in source_record["files"]]
    for path, file in zip(files, source_record["files"], strict=True):
        _check_unchanged(path, file, source_record["format"], folder)
    source: Source = open_files(files, str(files[0]))
    return UnfoldedSource(source, source_record["unfolded"]) if "unfolded" in source_record else source


def _check_unchanged(path: Location, file_record: dict[str, Any], kind: str, folder: Location) -> None:
    if not path.is_file():
        raise BadTable(
            str(path),
            f"is the source of {folder} and no longer there",
            "Put it back, or make the store again",
        )
    hash_file = parquet_footer_sha256 if kind == "parquet" else file_sha256
    if path.stat().st_size != file_record["bytes"] or hash_file(path) != file_record["sha256"]:
        raise _changed_source_error(path, folder)


def _changed_source_error(path: Location, folder: Location) -> BrokenPromise:
    return BrokenPromise(
        str(normalize_location(path)),
        f"has changed since {folder} was made from it",
        "Make the store again under another name",
    )


def list_added_columns(receipt: Receipt) -> list[str]:
    """The columns a result adds to its source."""
    if receipt.kind == "selection":
        return ["winnow_rule", "winnow_weight"]
    if receipt.kind == EDITS_KIND:
        return ["text", "edits"]
    names = [verifier["name"] for verifier in receipt.work.config["verifiers"]]
    return [f"{name}.{part}" for name in names for part in ("verdict", "score", "reason")]


def iterate_result_batches(store: Store) -> Iterator[pa.RecordBatch]:
    """A store's rows as one row per candidate: `row`, the recorded id where the source has none, what it adds."""
    added_names = list_added_columns(store.receipt)
    ids = [CANDIDATE_ID] if _has_generated_ids(store.receipt) else []
    names = ["row", *ids, *added_names]
    if store.receipt.kind == "selection":
        for batch in store.batches(["row", *ids, "rule", "weight"]):
            yield pa.RecordBatch.from_arrays(batch.columns, names=names)
        return
    if store.receipt.kind == EDITS_KIND:
        yield from store.batches(names)
        return
    verifier_count = len(added_names) // 3
    for batch in _align_to_candidates(store.batches(["row", *ids, "verdict", "score", "reason"]), verifier_count):
        verifier_batches = [
            batch.take(pa.array(np.arange(i, batch.num_rows, verifier_count))) for i in range(verifier_count)
        ]
        verdict_columns = [turn.column(part) for turn in verifier_batches for part in ("verdict", "score", "reason")]
        yield pa.RecordBatch.from_arrays(
            [*(verifier_batches[0].column(name) for name in ("row", *ids)), *verdict_columns], names=names
        )


def set_edited_text(columns: Columns) -> Columns:
    """The parts of a table whose texts were edited: the text is in a column of that name, whatever held it before."""
    return replace(columns.without_guesses(), text="text", messages=None)


def _find_column_roles(receipt: Receipt) -> dict[str, str]:
    """The parts that columns of a result play."""
    column_roles: dict[str, str] = receipt.work.source.get("columns", {})
    return set_edited_text(stated_columns(**column_roles)).to_dict() if receipt.kind == EDITS_KIND else column_roles


def _has_generated_ids(receipt: Receipt) -> bool:
    """Whether the ids of the candidates stand in the store alone, because winnow made them."""
    return "id" not in receipt.work.source.get("columns", {})


def _align_to_candidates(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches that never part the verdicts of one candidate."""
    remainder: pa.RecordBatch | None = None
    for batch in batches:
        pending = batch if remainder is None else pa.concat_batches([remainder, batch])
        split = pending.num_rows // size * size
        if split or not pending.num_rows:
            yield pending.slice(0, split)
        remainder = pending.slice(split) if split < pending.num_rows else None
