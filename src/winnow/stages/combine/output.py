"""Writes combined verdicts in the forms of verify: a store, a flat file, or columns of a table in memory.

A table that reads them uses the combined verdict and score unless others are named. The labels that were learned from
are not written; which ones they were is part of the identity of the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.stages.output import ResultSpec, count_rows, is_store_finished, write_batches, write_rows
from winnow.stages.verify.stage import STORE_SCHEMA, VERDICT_TYPES
from winnow.statistics.combine import CombinedVotes
from winnow.storage.locations.location import Location
from winnow.storage.receipts import RowCounts, WorkSpec
from winnow.tables.flat_file import is_flat_path
from winnow.tables.joins import JoinedSource
from winnow.tables.open_table import open_rows, source_receipt
from winnow.tables.table import Table

VERSION = 1
BATCH_ROWS = 1 << 16


@dataclass(frozen=True, eq=False)
class CombinedVerdicts:
    """The combined verdict of each row that was read, and its reason, one of a few."""

    name: str
    rows: npt.NDArray[np.int64]
    combined: CombinedVotes
    reasons: pa.Array
    reason_index: npt.NDArray[np.int64]
    config: dict[str, Any]

    def arrow_schema(self) -> pa.Schema:
        """The columns that are added to a table, with their types."""
        return pa.schema([(f"{self.name}.{part}", kind) for part, kind in VERDICT_TYPES.items()])

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The row numbers and added columns, as a join reads them; at least one batch, for its types."""
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


def join_verdicts(table: Table, labeled_table: Table, result: CombinedVerdicts) -> Table:
    """The table with the combined verdicts; `labeled_table` is the same with the labels that were learned from."""
    labels = {} if labeled_table is table else {"labels": labeled_table.source.receipt()["labels"]}
    columns = result.arrow_schema().names
    source = JoinedSource(table.source, result.batches, columns, {**table.source.receipt(), **labels})
    roles = replace(table.columns.without_guesses(), verdict=columns[0], score=columns[1])
    return Table(source, roles, table.bad_rows)


def write_combined(table: Table, view: Table, result: CombinedVerdicts, out: Location) -> tuple[Table, bool]:
    """Write a table with its combined verdicts, `view`; returns what was written, and whether it was there before."""
    config = {"verifiers": [{"name": result.name, "version": VERSION, "config": result.config}]}
    spec = ResultSpec(
        "verdicts",
        view,
        result.arrow_schema(),
        lambda folder: WorkSpec("combine", VERSION, config, source_receipt(view, folder)),
        source=table.source,
    )

    def count() -> RowCounts:
        return count_rows(view.bad_rows, len(result.rows), len(result.rows))

    if is_flat_path(out):
        return write_rows(spec, view.source.chunks(view.bad_rows), out, count), False
    if is_store_finished(spec, out):
        return open_rows(out), True
    return write_batches(spec, STORE_SCHEMA, _store_batches(view, result), out, count), False


def _store_batches(view: Table, result: CombinedVerdicts) -> Iterator[pa.RecordBatch]:
    columns = result.arrow_schema().names
    for chunk, parts in view.read_roles(["id"], columns):
        verdicts = chunk.to_arrow()
        arrays = [pa.array(chunk.row_numbers), parts["id"], pa.repeat(result.name, len(chunk))]
        arrays += [verdicts.column(column) for column in columns]
        yield pa.RecordBatch.from_arrays(arrays, schema=STORE_SCHEMA)
