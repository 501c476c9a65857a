"""select on a table: choose the rows, write them and their control, and report how the selection shifts the data.

The rows are chosen on a narrow table in DuckDB (see `pool`); only chosen rows are read whole. Undecided rows and rows
without a score are never chosen, and are counted.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from winnow.stages.output import ResultSpec, count_rows, is_store_finished, write_batches, write_rows
from winnow.stages.results import Rows, align_columns
from winnow.stages.select.config import SelectConfig
from winnow.stages.select.contamination import EvaluationPrompts
from winnow.stages.select.output import (
    ADDED_COLUMNS,
    CONTROL,
    SELECTION_SCHEMA,
    RealRows,
    draw_real_rows,
    store_batches,
    whole_rows,
)
from winnow.stages.select.report import Selected
from winnow.stages.select.request import SelectRequest, check_request
from winnow.stages.select.row_choice import ShardSelection, choose_rows, summarize_counts
from winnow.stages.select.shift import TextLengths
from winnow.storage.locations.location import Location
from winnow.storage.receipts import RowCounts
from winnow.tables.chunks import Chunk, RowNumbers
from winnow.tables.flat_file import is_flat_path
from winnow.tables.open_table import open_rows
from winnow.tables.table import Table


def select(table: Table, config: SelectConfig, out: Location | None = None) -> Selected:
    """Choose rows of a table by rules that apply in a fixed order.

    Args:
        table: The candidates.
        config: The rules, the tables beside the candidates, and whether a control is drawn.
        out: A flat file or a folder for a store; without it the rows stay in memory.
    """
    return select_requested(check_request(table, config, out))


def select_requested(request: SelectRequest) -> Selected:
    """Make a selection that was checked."""
    config, table = request.config, request.table
    evaluation = None if request.exclude is None else EvaluationPrompts(request.exclude, config.exclude_by)
    choice = choose_rows(ShardSelection(config, request.verdicts(), evaluation), table, None, bool(request.control))
    real = None
    if request.real is not None and config.real_share is not None:
        real = draw_real_rows(request.real, config.real_share, len(choice.rows), evaluation, config.seed)
    row_counts = count_rows(table.bad_rows, choice.total, len(choice.rows), choice.state.dropped)
    with choice.lengths.sample_raw_lengths(table):
        output = _Output(request, real, choice.rows, config.describe(), choice.lengths)
        selected = output.write(request.out, row_counts)
    real_rows = 0 if real is None else len(real.rows)
    summary = summarize_counts(table, output.rule, choice.counts())
    place = {} if request.out is None else {"out": str(request.out)}
    result = Selected(selected, {**summary, **place, "rows": len(choice.rows) + real_rows, "real": real_rows})
    if request.control:
        path = request.control if isinstance(request.control, Location) else None
        rows = len(choice.control)
        row_counts = count_rows(table.bad_rows, choice.total, rows, {"not drawn": choice.total - rows})
        control = _Output(request, real, choice.control, CONTROL).write(path, row_counts)
        result.control = Rows(control, {"rows": rows + real_rows})
        result.summary["control"] = {"rows": rows + real_rows, "out": None if path is None else str(path)}
    return result


@dataclass(frozen=True, eq=False)
class _Output:
    """Rows of the table under one rule, with the real rows that follow them."""

    request: SelectRequest
    real: RealRows | None
    rows: RowNumbers
    rule: str
    lengths: TextLengths | None = None

    def write(self, out: Location | None, row_counts: RowCounts) -> Table:
        """Write the rows to a flat file or a store, or keep them in memory, and count their lengths."""
        table = self.request.table
        result = ResultSpec(
            "selection",
            table,
            ADDED_COLUMNS,
            lambda folder: self.request.work(self.rule, folder),
            source=table.base_source(),
            lists_bad_rows=self.rule != CONTROL,
        )
        if out is None or is_flat_path(out):
            return write_rows(result, self._chunks(result, out), out, lambda: row_counts)
        if not is_store_finished(result, out):
            write_batches(result, SELECTION_SCHEMA, store_batches(table, self.rows, self.rule), out, lambda: row_counts)
        if self.lengths is not None and table.has_role("text"):
            for chunk in table.read_rows(self.rows):
                self.lengths.add_kept(table.role_array(chunk, "text"))
        return open_rows(out)

    def _chunks(self, result: ResultSpec, out: Location | None) -> Iterator[Chunk]:
        chunks = whole_rows(self.request.table, self.rows, self.rule, self.lengths)
        if self.real is None:
            return chunks
        mixed = itertools.chain(chunks, self.real.chunks())
        if out is None or out.suffix == ".jsonl":
            return mixed
        layout, real = result.layout(), self.real.table
        layout.refuse_other_columns(real.source, real.bad_rows, typed=out.suffix == ".parquet")
        schema = layout.schema()
        return (align_columns(chunk, schema) for chunk in mixed)
