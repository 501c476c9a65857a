"""Where combined verdicts go: a store, a flat file, or columns beside rows that stay where they are.

The forms are those of verify, so measure and select read them alike; and a table so written goes by the combined
verdict and score, unless told otherwise. Labels that were learned from stay where they came from, and which ones they
were stands in the identity of the work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.stages.results import reopen_table
from winnow.stages.verify.stage import STORE_SCHEMA, VERDICT_TYPES
from winnow.statistics.combine import CombinedVotes
from winnow.storage.locations.location import Location
from winnow.storage.receipts import RowCounts, WorkSpec
from winnow.storage.store import StoreWriter, find_finished_receipt, prepare_store_folder
from winnow.tables.flat_file import FlatLayout, is_flat_path, write_flat_file, write_quarantine
from winnow.tables.joins import JoinedSource
from winnow.tables.open_table import open_rows, source_receipt
from winnow.tables.table import Table

VERSION = 1
BATCH_ROWS = 1 << 16


@dataclass(frozen=True, eq=False)
class CombinedVerdicts:
    """The combined verdict of the rows that were heard, and the reason of each, one of a few."""

    name: str
    rows: npt.NDArray[np.int64]
    combined: CombinedVotes
    reasons: pa.Array
    reason_index: npt.NDArray[np.int64]
    config: dict[str, Any]

    def columns(self) -> list[str]:
        """What stands beside each row."""
        return combined_columns(self.name)

    def arrow_schema(self) -> pa.Schema:
        """The same with their types."""
        return pa.schema(list(zip(self.columns(), VERDICT_TYPES.values(), strict=True)))

    def batches(self) -> Iterator[pa.RecordBatch]:
        """In row order, as `Attached` takes them; at least one, for its types."""
        schema = pa.schema([("row", pa.int64()), *self.arrow_schema()])
        for first in range(0, max(len(self.rows), 1), BATCH_ROWS):
            part = slice(first, first + BATCH_ROWS)
            arrays = [
                pa.array(self.rows[part]),
                pa.array(self.combined.verdict[part], pa.string()),
                pa.array(self.combined.score[part], from_pandas=True),
                self.reasons.take(pa.array(self.reason_index[part])),
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def combined_columns(name: str) -> list[str]:
    """What a verifier of this name adds to a table."""
    return [f"{name}.{part}" for part in VERDICT_TYPES]


def join_verdicts(base: Table, labeled_table: Table, result: CombinedVerdicts) -> Table:
    """The rows of `base` with the result's columns; `read` is the same with the labels that were learned from."""
    labels = {} if labeled_table is base else {"labels": labeled_table.source.receipt()["labels"]}
    source = JoinedSource(base.source, result.batches, result.columns(), {**base.source.receipt(), **labels})
    verdict, score, _ = result.columns()
    return Table(source, replace(base.columns.without_guesses(), verdict=verdict, score=score), base.bad_rows)


def write_combined(view: Table, result: CombinedVerdicts, out: Location, is_prepared: bool) -> tuple[Table, bool]:
    """Write the view where `out` says; returns what was written, and whether it stood there already."""
    folder = out.parent if is_flat_path(out) else out
    verifier = {"name": result.name, "version": VERSION, "config": result.config}
    work = WorkSpec("combine", VERSION, {"verifiers": [verifier]}, source_receipt(view, folder))
    if is_flat_path(out):
        _write_flat(view, result, out, work)
        return reopen_table(out, view.columns, len(result.rows), view.names()), False
    if not is_prepared and find_finished_receipt(out, work) is not None:
        return open_rows(out), True
    if not is_prepared:
        prepare_store_folder(out)
    _write_store(view, result, out, work)
    return open_rows(out), False


def _count_rows(view: Table, result: CombinedVerdicts) -> RowCounts:
    rows, bad = len(result.rows), len(view.bad_rows)
    return RowCounts(rows + bad, rows, 0, bad, {"bad row": bad} if bad else {})


def _write_flat(view: Table, result: CombinedVerdicts, out: Location, work: WorkSpec) -> None:
    assert isinstance(view.source, JoinedSource)
    with write_flat_file(out, FlatLayout(view.source.source, view.bad_rows, result.arrow_schema())) as file:
        for chunk in view.source.chunks(view.bad_rows):
            file.write(chunk)
    write_quarantine(out, view.bad_rows)
    file.finish("verdicts", work, _count_rows(view, result), len(result.rows))


def _write_store(view: Table, result: CombinedVerdicts, out: Location, work: WorkSpec) -> None:
    with StoreWriter(out, "verdicts", work, STORE_SCHEMA) as store:
        for chunk, parts in view.read_roles(["id"], result.columns()):
            verdicts = chunk.to_arrow()
            name = pa.repeat(result.name, len(chunk))
            arrays = [
                pa.array(chunk.row_numbers),
                parts["id"],
                name,
                *(verdicts.column(column) for column in result.columns()),
            ]
            store.write(pa.RecordBatch.from_arrays(arrays, schema=STORE_SCHEMA))
        write_quarantine(out, view.bad_rows)
        store.finish(_count_rows(view, result))
