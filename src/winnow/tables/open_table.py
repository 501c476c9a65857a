"""Opens tables from anything: files, data in memory, and stores joined with their source; joins labels and verdicts.

A store records its source by path and hash, and a source that changed since is refused. A flat file written by winnow
has the column roles that its receipt records.
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
from winnow.tables.column_values import read_grades
from winnow.tables.columns import Columns, make_columns
from winnow.tables.flat_file import SELECTION_COLUMNS, FlatLayout, open_row_writer, receipt_path
from winnow.tables.imported_shards import CANDIDATE_ID, ShardSource, has_generated_ids
from winnow.tables.joins import (
    LABELER_COLUMN,
    JoinColumns,
    JoinedSource,
    attach_columns,
    join_by_id,
    join_by_labeler,
    join_by_row,
    labeler_column,
)
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.arrow import ArrowTableSource
from winnow.tables.readers.python_rows import UnfoldedSource
from winnow.tables.readers.source import Source
from winnow.tables.table import Table, open_files, open_source_table

EDITS_KIND = "edits"
"""The kind of store whose rows have another text than their source."""
VERDICT_FIELDS = ("verdict", "score", "reason")


def open_rows(source: object, columns: Columns | None = None, bad: BadRows | None = None) -> Table:
    """Open anything as a table: a table, path, glob, "-" for standard input, store, list of dictionaries or data frame.

    Args:
        source: The rows. A folder with a receipt is a store.
        columns: The columns the user named; the others are guessed.
        bad: What happens to rows that break a rule; they are refused by default.
    """
    if isinstance(source, Table):
        return source
    explicit_columns = columns or Columns()
    if isinstance(source, str | Location) and str(source) != "-":
        path = parse_location(source)
        if is_store(path):
            return open_store_table(open_store(path), explicit_columns, bad)
        if is_file(path) and receipt_path(path).is_file():
            return _open_flat_file(path, explicit_columns, bad)
    return open_source_table(source, explicit_columns, bad)


def join_verdicts(table: Table, verdicts: object) -> Table:
    """Add a store's verdicts to a table, by candidate id.

    Raises:
        UsageError: `verdicts` is not a store.
        BadTable: The store has a candidate that the table does not have.
    """
    other = open_rows(verdicts)
    source = other.source
    if not isinstance(source, JoinedSource):
        next_step = "Make one: winnow verify TABLE --with NAME --out STORE"
        raise UsageError("--verdicts", f"{other.name} is not a store", next_step)
    schema = source.schema(other.bad_rows)
    names = [name for name in source.columns if name != CANDIDATE_ID]
    types = [schema.field(name).type for name in names]
    read = JoinColumns(names, types, lambda chunk: [chunk.to_arrow().column(name) for name in names])
    joined = attach_columns(table, join_by_id(table, other, read), names, {"verdicts": source.receipt()})
    return Table(joined, table.columns.without_guesses(), table.bad_rows)


def join_labels(table: Table, labels_source: object, label: str | None = None, several_labelers: bool = False) -> Table:
    """Add the labels of another file: by id if both have one, else by row with a check of the content.

    Labels become numbers: 1 right, 0 wrong, or a grade. The column `drawn` of a plan (the probability with which a row
    was drawn) is added too.

    Args:
        table: The candidates.
        labels_source: The labels, in anything that `open_rows` opens.
        label: The column or columns of labels, separated by commas; guessed by default.
        several_labelers: Add one column per person if the file's column `by` says who labeled.
    """
    other = open_rows(labels_source, Columns(label=label))
    labels = other.columns.require_column("label", other.name).split(",")
    names = [*labels, *(["drawn"] if "drawn" in other.names() and "drawn" not in labels else [])]
    has_ids = other.columns.id is not None and table.has_role("id")
    people: list[str] = []
    if several_labelers and LABELER_COLUMN in other.names() and LABELER_COLUMN not in labels and len(labels) == 1:
        if not has_ids:
            problem = f"{other.name} has a column {LABELER_COLUMN}, but it or {table.name} has no id"
            next_step = "Labels by several people are joined by id: add a column candidate_id to both"
            raise UsageError("--labels", problem, next_step)
        stream, people = join_by_labeler(table, other, names)
    if not people:
        readers = [(name, read_grades) for name in names]
        joined = JoinColumns(names, [pa.float64()] * len(names), lambda chunk: other.read_checked(chunk, readers))
        stream = (join_by_id if has_ids else join_by_row)(table, other, joined)
    label_columns = [labeler_column(names[0], person) for person in people] or labels
    columns = [*label_columns, *names[len(labels) :]]
    source = attach_columns(table, stream, columns, {"labels": other.source.receipt()})
    source.labelers, source.label_files = tuple(people), other.source.paths()
    return Table(source, replace(table.columns.without_guesses(), label=",".join(label_columns)), table.bad_rows)


def embed_source(table: Table, folder: Location) -> Table:
    """Write rows that came from a pipe or from memory into the folder of a store, so that the store has a source.

    Returns:
        The table over the written rows, or the same table if its rows are in files or a store.
    """
    if table.source.paths() or table.source.receipt().get("store"):
        return table
    prepare_store_folder(folder)
    is_typed = isinstance(table.source, ArrowTableSource)
    target = folder / ("source.parquet" if is_typed else "source.jsonl")
    layout = FlatLayout(table.source, table.bad_rows, pa.schema([]))
    with (
        clean_up_on_error(folder),
        atomic_write(target) as partial,
        open_row_writer(partial, target.suffix, layout) as write_chunk,
    ):
        for chunk in table.source.chunks(table.bad_rows):
            write_chunk(chunk)
    return Table(open_files([target], table.name), table.columns.without_guesses(), table.bad_rows)


def source_receipt(table: Table, folder: Location) -> dict[str, Any]:
    """Return the record of a table in the receipt of a result written in this folder."""
    receipt = _make_paths_relative(table.source.receipt(), folder)
    return {**receipt, "columns": table.columns.to_dict(), "bad_rows": table.bad_rows.policy()}


def _make_paths_relative(value: Any, folder: Location) -> Any:
    if isinstance(value, dict):
        names = {name: _make_paths_relative(inner, folder) for name, inner in value.items()}
        return {**names, "path": make_relative(value["path"], folder)} if "path" in value else names
    return [_make_paths_relative(inner, folder) for inner in value] if isinstance(value, list) else value


def _open_flat_file(path: Location, explicit_columns: Columns, bad: BadRows | None) -> Table:
    receipt = read_receipt(receipt_path(path))
    column_roles = _find_column_roles(receipt)
    source: object = path
    if not path.stat().st_size:
        # A file of JSON Lines without rows has no column names, but its receipt has.
        recorded_columns = [*column_roles.values(), *_list_added_columns(receipt)]
        names = dict.fromkeys(name for columns in recorded_columns for name in columns.split(","))
        schema = pa.schema([(name, pa.string()) for name in names])
        source = ArrowTableSource(schema.empty_table(), str(path))
    table = open_source_table(source, explicit_columns, bad)
    if explicit_columns.candidates:
        return table
    return _make_table(table.source, column_roles, explicit_columns, table.bad_rows)


def _make_table(source: Source, roles: dict[str, str], explicit_columns: Columns, bad_rows: BadRows) -> Table:
    """Make a table with recorded roles, as far as the source has their columns, and the roles the user named."""
    # A column that was joined for the work, such as labels, is not part of its result.
    present_roles = {role: name for role, name in roles.items() if name in source.names()}
    return Table(source, make_columns(**{**present_roles, **explicit_columns.to_dict()}), bad_rows)


def open_store_table(store: Store, explicit_columns: Columns | None = None, bad: BadRows | None = None) -> Table:
    """Return the rows of an opened store, joined with those of its source."""
    columns, source_record = explicit_columns or Columns(), store.receipt.work.source
    if store.receipt.kind == "candidates":
        return _open_candidates(store, columns)
    bad_rows = BadRows.parse(source_record.get("bad_rows")) if bad is None or not bad.limit else bad
    return _join_store(store, _open_source(source_record, store.path), columns, bad_rows)


def open_shard_table(path: Location, number: int, explicit_columns: Columns) -> Table:
    """Open one shard of a store of candidates, or of a store that has one shard for each of those."""
    store, shard_slice = open_shard(path, number), slice(number, number + 1)
    if store.receipt.kind == "candidates":
        return _open_candidates(store, explicit_columns, shard_slice)
    inner = open_shard_table(resolve_recorded_path(path, store.receipt.work.source["store"]["path"]), number, Columns())
    shard_store = Store(path, replace(store.receipt, shards=store.receipt.shards[shard_slice]))
    return _join_store(shard_store, inner.source, explicit_columns, BadRows())


def _join_store(store: Store, source: Source, explicit_columns: Columns, bad_rows: BadRows) -> Table:
    """Return the rows of a source with the columns that a store adds to them."""
    generated_id = {"id": CANDIDATE_ID} if has_generated_ids(store.receipt) else {}
    columns = [*generated_id.values(), *_list_added_columns(store.receipt)]
    joined = JoinedSource(source, lambda: _iterate_result_batches(store), columns, store.source_record())
    joined.is_permanent = store.receipt.kind == EDITS_KIND
    roles = {**_find_column_roles(store.receipt), **generated_id}
    joined.name, joined.unique_column = str(store.path), roles.get("id")
    return _make_table(joined, roles, explicit_columns, bad_rows)


def _open_candidates(store: Store, explicit_columns: Columns, shards: slice = slice(None)) -> Table:
    """Open some or all shards of imported candidates, whose rows were checked when they were imported."""
    rows = ShardSource(store, shards)
    source: Source = rows
    roles = dict(store.receipt.work.source.get("columns", {}))
    if "id" not in roles:
        source = JoinedSource(rows, rows.iterate_generated_ids, [CANDIDATE_ID], rows.receipt())
        roles["id"] = CANDIDATE_ID
    source.unique_column = roles["id"]
    return Table(source, make_columns(**{**roles, **explicit_columns.to_dict()}), BadRows())


def _open_source(source_record: dict[str, Any], folder: Location) -> Source:
    if "store" in source_record:
        inner = resolve_recorded_path(folder, source_record["store"]["path"])
        if not is_store(inner):
            raise _missing_source_error(inner, folder)
        table = open_store_table(open_store(inner))
        if table.source.receipt()["store"]["identity"] != source_record["store"]["identity"]:
            raise _changed_source_error(inner, folder)
        return table.source
    files = [normalize_location(resolve_recorded_path(folder, file["path"])) for file in source_record["files"]]
    for path, file in zip(files, source_record["files"], strict=True):
        if not path.is_file():
            raise _missing_source_error(path, folder)
        hash_file = parquet_footer_sha256 if source_record["format"] == "parquet" else file_sha256
        if path.stat().st_size != file["bytes"] or hash_file(path) != file["sha256"]:
            raise _changed_source_error(path, folder)
    source: Source = open_files(files, str(files[0]))
    return UnfoldedSource(source, source_record["unfolded"]) if "unfolded" in source_record else source


def _missing_source_error(path: Location, folder: Location) -> BadTable:
    problem = f"is the source of {folder} and is no longer there"
    return BadTable(str(path), problem, "Put it back, or make the store again")


def _changed_source_error(path: Location, folder: Location) -> BrokenPromise:
    problem = f"has changed since {folder} was made from it"
    return BrokenPromise(str(normalize_location(path)), problem, "Make the store again under another name")


def _list_added_columns(receipt: Receipt) -> list[str]:
    """Return the columns that a result adds to its source."""
    if receipt.kind == "selection":
        return list(SELECTION_COLUMNS)
    if receipt.kind == EDITS_KIND:
        return ["text", "edits"]
    names = [verifier["name"] for verifier in receipt.work.config["verifiers"]]
    return [f"{name}.{field}" for name in names for field in VERDICT_FIELDS]


def _iterate_result_batches(store: Store) -> Iterator[pa.RecordBatch]:
    """Yield one row per candidate of a store: `row`, the id if winnow generated it, and the added columns."""
    added_names = _list_added_columns(store.receipt)
    ids = [CANDIDATE_ID] if has_generated_ids(store.receipt) else []
    names = ["row", *ids, *added_names]
    if store.receipt.kind in ("selection", EDITS_KIND):
        stored_names = ["rule", "weight"] if store.receipt.kind == "selection" else added_names
        for batch in store.batches(["row", *ids, *stored_names]):
            yield batch.rename_columns(names)
        return
    verifier_count = len(added_names) // 3
    for batch in _align_to_candidates(store.batches(["row", *ids, *VERDICT_FIELDS]), verifier_count):
        positions = [pa.array(np.arange(i, batch.num_rows, verifier_count)) for i in range(verifier_count)]
        verifier_batches = [batch.take(indices) for indices in positions]
        own_columns = [verifier_batches[0].column(name) for name in ("row", *ids)]
        verdict_columns = [verdicts.column(field) for verdicts in verifier_batches for field in VERDICT_FIELDS]
        yield pa.RecordBatch.from_arrays([*own_columns, *verdict_columns], names=names)


def set_edited_text(columns: Columns) -> Columns:
    """Return the roles after editing, when the text is in the column `text`, whichever column held it before."""
    return replace(columns.without_guesses(), text="text", messages=None)


def _find_column_roles(receipt: Receipt) -> dict[str, str]:
    """Return the roles of a result's columns."""
    column_roles: dict[str, str] = receipt.work.source.get("columns", {})
    return set_edited_text(make_columns(**column_roles)).to_dict() if receipt.kind == EDITS_KIND else column_roles


def _align_to_candidates(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """Split rows into batches that keep the `size` verdicts of a candidate together."""
    remainder: pa.RecordBatch | None = None
    for batch in batches:
        pending = batch if remainder is None else pa.concat_batches([remainder, batch])
        split = pending.num_rows // size * size
        if split or not pending.num_rows:
            yield pending.slice(0, split)
        remainder = pending.slice(split) if split < pending.num_rows else None
