"""plan: which candidates to label, and in which order, before there is any label.

For measure it draws kept and dropped rows in the ratio that settles the decision soonest, for forecast rows that
best-of-N would choose. Rows are written whole, with their `stratum`, the chance with which they were `drawn`, and an
empty column `correct`; measure and forecast read all of these with the labels.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import BadTable, UsageError, format_value
from winnow.stages.plan.config import PlanConfig
from winnow.stages.results import TextReport
from winnow.stages.table_config import verdict_columns, with_score_column
from winnow.statistics.forecasts.candidates import make_candidates
from winnow.statistics.forecasts.label_sampling import sample_labels
from winnow.statistics.plans.labeling_plan import DecidedRows, draw_numbers, make_labeling_plan
from winnow.storage.locations.location import Location
from winnow.storage.receipts import RowCounts, WorkSpec
from winnow.tables.chunks import Chunk
from winnow.tables.column_values import read_verdicts
from winnow.tables.flat_file import FlatLayout, is_flat_path, refuse_overwriting, write_flat_file
from winnow.tables.open_table import source_receipt
from winnow.tables.table import RoleArrays, Table

VERSION = 1
ADDED_COLUMNS = pa.schema(
    [("candidate_id", pa.string()), ("correct", pa.string()), ("stratum", pa.string()), ("drawn", pa.float64())]
)


@dataclass(frozen=True, repr=False)
class PlanReport(TextReport):
    """A file of rows to label; `score` is that of a forecast, `details` counts labels and prompts."""

    aim: str
    out: Location
    table: str
    score: str | None
    details: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of the command."""
        return {"for": self.aim, "out": str(self.out), "table": self.table, **self.details}

    def describe(self) -> str:
        """Describe the file and the next command for a person."""
        how = "--labels-drawn by-verdict" if self.score is None else f"--score {shlex.quote(self.score)}"
        table, out = shlex.quote(self.table), shlex.quote(str(self.out))
        return (
            f"wrote {self.details['labels']:,} rows to label, of {self.details['prompts']:,} prompts, to {self.out}\n"
            f"fill in the column correct (1 or 0) from top to bottom, then:\n"
            f"  winnow {self.aim} {table} {how} --labels {out}"
        )


@dataclass(frozen=True)
class RowToLabel:
    """The number and id of a row, its stratum, and the chance with which it was drawn."""

    row: int
    candidate_id: str
    stratum: str
    drawn: float


@dataclass
class _Candidates:
    """The rows that can be labeled."""

    rows: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    """The scores, or whether the rows are kept."""

    def add(self, chunk: Chunk, parts: RoleArrays, values: pa.Array, known: pa.Array) -> None:
        self.rows += pa.array(chunk.row_numbers).filter(known).to_pylist()
        self.ids += parts["id"].filter(known).to_pylist()
        self.prompts += parts["prompt"].filter(known).to_pylist() if "prompt" in parts else []
        self.values += values.filter(known).to_pylist()


def plan_labels(table: Table, config: PlanConfig, out: Location) -> PlanReport:
    """Write the rows to label to a flat file, in the order in which to label them."""
    refuse_overwriting(out)
    if not is_flat_path(out):
        raise UsageError("--out", f"{format_value(str(out))} is not a flat file", "End it in .csv or .jsonl")
    if config.aim == "measure":
        rows, details = _plan_for_measure(table, config)
        score = None
    else:
        table = with_score_column(table)
        rows, details = _plan_for_forecast(table, config)
        score = table.columns.score
    _write_plan(table, rows, config, out)
    return PlanReport(config.aim, out, table.name, score, details)


def _plan_for_measure(table: Table, config: PlanConfig) -> tuple[list[RowToLabel], dict[str, Any]]:
    columns = verdict_columns(table, None)
    if len(columns) != 1:
        known = f"there are several: {', '.join(columns)}" if columns else "there is none"
        raise UsageError("--verdict", f"a plan needs one column of verdicts ({known})", "Name it: --verdict COLUMN")
    candidates = _Candidates()
    for chunk, parts in table.read_roles(["id", *(["prompt"] if table.has_role("prompt") else [])], columns):
        words = read_verdicts(chunk, columns[0]).array
        decided = pc.fill_null(pc.is_in(words, pa.array(["pass", "fail"])), False)
        candidates.add(chunk, parts, pc.equal(words, "pass"), decided)
    if not candidates.rows:
        raise BadTable(table.name, f"has no decided row in {columns[0]}", "Verify it first")
    prompts = np.unique(candidates.prompts, return_inverse=True)[1].astype(np.int64) if candidates.prompts else None
    numbers = draw_numbers(candidates.ids, config.seed)
    decided_rows = DecidedRows(np.array(candidates.values, np.bool_), numbers, prompts)
    plan = make_labeling_plan(decided_rows, config.budget, seed=config.seed)
    drawn = zip(plan.order.tolist(), plan.stratum.tolist(), plan.drawn.tolist(), strict=True)
    rows = [RowToLabel(candidates.rows[i], candidates.ids[i], stratum, chance) for i, stratum, chance in drawn]
    return rows, plan.to_dict()


def _plan_for_forecast(table: Table, config: PlanConfig) -> tuple[list[RowToLabel], dict[str, Any]]:
    table.require_roles("prompt")
    candidates = _Candidates()
    for chunk, parts in table.read_roles(["id", "prompt", "score"]):
        candidates.add(chunk, parts, parts["score"], pc.is_valid(parts["score"]))
    if not candidates.rows:
        raise BadTable(table.name, "has no row with a score", "Score the candidates first")
    prompts = candidates.prompts
    scored = make_candidates(np.array(prompts), candidates.values, lower_is_better=config.lower_is_better)
    sample = sample_labels(scored, candidates.ids, config.budget, config.n, config.seed)
    drawn = list(zip(sample.rows.tolist(), sample.chances.tolist(), strict=True))
    rows = [RowToLabel(candidates.rows[i], candidates.ids[i], "pick", chance) for i, chance in drawn]
    return rows, {"labels": len(rows), "prompts": len({prompts[i] for i, _ in drawn})}


def _write_plan(table: Table, rows: list[RowToLabel], config: PlanConfig, out: Location) -> None:
    added = pa.schema([column for column in ADDED_COLUMNS if column.name not in _existing_columns(table)])
    located: dict[int, tuple[Chunk, int]] = {}
    for chunk in table.read_rows(np.array(sorted(row.row for row in rows), np.int64)):
        located |= {int(row): (chunk, position) for position, row in enumerate(chunk.row_numbers)}
    with write_flat_file(out, FlatLayout(table.source.base_source(), table.bad_rows, added)) as file:
        for row in rows:
            chunk, position = located[row.row]
            values = {**vars(row), "correct": None}
            columns = {column.name: pa.array([values[column.name]], column.type) for column in added}
            file.write(chunk.take(np.array([position])).with_columns(columns))
    work = WorkSpec("plan", VERSION, config.identity(), source_receipt(table, out.parent))
    file.finish("plan", work, RowCounts(len(rows), len(rows)), len(rows))


def _existing_columns(table: Table) -> set[str]:
    """The columns that a plan need not add: an id by which labels are joined, and a label column of the table."""
    names = set(table.source.base_source().names())
    existing = {name for name in ("candidate_id", "correct") if name in names}
    return existing | ({"candidate_id"} if table.columns.id == "id" else set())
