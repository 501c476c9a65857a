"""plan: which candidates to label, in which order, before any label is there.

For the card: kept and dropped rows in the ratio that settles the decision soonest. For a forecast: rows as best-of-N
would pick them. Every row comes with its `stratum` and its chance of being `drawn`, which measure and forecast read
back with the labels. The rows are written whole, with a column `correct` to fill in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import BadTable, UsageError, format_value, suggest_name
from winnow.stages.columns_in_use import verdict_columns, with_score_column
from winnow.statistics.forecasts import make_candidates, sample_labels
from winnow.statistics.plans import DecidedRows, draw_numbers, make_labeling_plan
from winnow.storage.locations.location import Location
from winnow.storage.receipts import RowCounts, WorkSpec
from winnow.tables.chunks import Chunk
from winnow.tables.column_values import read_verdicts
from winnow.tables.flat_file import FlatLayout, is_flat_path, refuse_overwriting, write_flat_file
from winnow.tables.open_table import source_receipt
from winnow.tables.table import Table

VERSION = 1
AIMS = ("measure", "forecast")
ADDED_COLUMNS = pa.schema(
    [("candidate_id", pa.string()), ("correct", pa.string()), ("stratum", pa.string()), ("drawn", pa.float64())]
)


@dataclass(frozen=True)
class PlanConfig:
    """What the labels are for."""

    aim: str = "measure"
    budget: int = 200
    verdict: str | None = None
    n: Sequence[int] | None = None
    lower_is_better: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.aim not in AIMS:
            raise UsageError("--for", f"{format_value(self.aim)} is nothing to plan for", suggest_name(self.aim, AIMS))


@dataclass(frozen=True)
class RowsToLabel:
    """Row numbers in the order to label, with stratum, chance and id."""

    rows: list[int]
    stratum: list[str]
    drawn: list[float]
    ids: list[str]
    summary: dict[str, Any]


def plan_labels(table: Table, config: PlanConfig, out: Location) -> dict[str, Any]:
    """Write the rows to label, in order; returns what the plan says of itself."""
    refuse_overwriting(out)
    if not is_flat_path(out):
        raise UsageError("--out", f"{format_value(str(out))} is no flat file", "End it in .csv or .jsonl")
    rows_to_label = _plan_for_measure(table, config) if config.aim == "measure" else _plan_for_forecast(table, config)
    _write_plan(table, rows_to_label, config, out)
    return {"for": config.aim, "out": str(out), "table": table.name, **rows_to_label.summary}


def _plan_for_measure(table: Table, config: PlanConfig) -> RowsToLabel:
    columns = verdict_columns(table, config.verdict)
    if len(columns) != 1:
        known = f"there are several: {', '.join(columns)}" if columns else "there is none"
        raise UsageError("--verdict", f"a plan goes by one column of verdicts ({known})", "Name it: --verdict COLUMN")
    rows, ids, prompts, kept = [], [], [], []
    parts = ["id", *(["prompt"] if table.has_role("prompt") else [])]
    for chunk, read_parts in table.read_roles(parts, columns):
        verdict_words = read_verdicts(chunk, columns[0]).array
        decided = pc.fill_null(pc.is_in(verdict_words, pa.array(["pass", "fail"])), False)
        kept += pc.equal(verdict_words, "pass").filter(decided).to_pylist()
        rows += pa.array(chunk.row_numbers).filter(decided).to_pylist()
        ids += read_parts["id"].filter(decided).to_pylist()
        if "prompt" in read_parts:
            prompts += read_parts["prompt"].filter(decided).to_pylist()
    if not rows:
        raise BadTable(table.name, f"has no decided row in {columns[0]}", "Verify it first")
    codes = np.unique(prompts, return_inverse=True)[1].astype(np.int64) if prompts else None
    decided_rows = DecidedRows(np.array(kept, np.bool_), draw_numbers(ids, config.seed), codes)
    label_plan = make_labeling_plan(decided_rows, config.budget, seed=config.seed)
    order = label_plan.order.tolist()
    return RowsToLabel(
        [rows[i] for i in order],
        label_plan.stratum.tolist(),
        label_plan.drawn.tolist(),
        [ids[i] for i in order],
        label_plan.to_dict(),
    )


def _plan_for_forecast(table: Table, config: PlanConfig) -> RowsToLabel:
    table = with_score_column(table)
    table.require_roles("prompt")
    rows, ids, prompts, values = [], [], [], []
    for chunk, parts in table.read_roles(["id", "prompt", "score"]):
        known = pc.is_valid(parts["score"])
        rows += pa.array(chunk.row_numbers).filter(known).to_pylist()
        ids += parts["id"].filter(known).to_pylist()
        prompts += parts["prompt"].filter(known).to_pylist()
        values += parts["score"].filter(known).to_pylist()
    if not rows:
        raise BadTable(table.name, "has no scored row", "Score the candidates first")
    candidates = make_candidates(np.array(prompts), values, lower_is_better=config.lower_is_better)
    sample = sample_labels(candidates, ids, config.budget, config.n, config.seed)
    order = sample.rows.tolist()
    count = len(order)
    summary = {"labels": count, "prompts": len({prompts[i] for i in order})}
    return RowsToLabel(
        [rows[i] for i in order], ["pick"] * count, sample.chances.tolist(), [ids[i] for i in order], summary
    )


def _write_plan(table: Table, rows_to_label: RowsToLabel, settings: PlanConfig, out: Location) -> None:
    added = pa.schema([field for field in ADDED_COLUMNS if field.name not in _existing_columns(table)])
    located: dict[int, tuple[Chunk, int]] = {}
    for chunk in table.read_rows(np.array(sorted(rows_to_label.rows), np.int64)):
        located |= {int(row): (chunk, position) for position, row in enumerate(chunk.row_numbers)}
    with write_flat_file(out, FlatLayout(table.source.base_source(), table.bad_rows, added)) as file:
        for row, stratum, drawn, candidate_id in zip(
            rows_to_label.rows, rows_to_label.stratum, rows_to_label.drawn, rows_to_label.ids, strict=True
        ):
            chunk, position = located[row]
            values = {"candidate_id": candidate_id, "correct": None, "stratum": stratum, "drawn": drawn}
            extra = {field.name: pa.array([values[field.name]], field.type) for field in added}
            file.write(chunk.take(np.array([position])).with_columns(extra))
    config = {**vars(settings), "n": None if settings.n is None else list(settings.n)}
    work = WorkSpec("plan", VERSION, config, source_receipt(table, out.parent))
    file.finish("plan", work, RowCounts(len(rows_to_label.rows), len(rows_to_label.rows)), len(rows_to_label.rows))


def _existing_columns(table: Table) -> set[str]:
    """What a plan need not add: an id that labels are joined by as it is, and a label column of the table's own."""
    names = set(table.source.base_source().names())
    existing = {name for name in ("candidate_id", "correct") if name in names}
    return existing | ({"candidate_id"} if table.columns.id == "id" else set())
