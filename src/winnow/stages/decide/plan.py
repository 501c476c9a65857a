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

from winnow.data.chunks import Chunk
from winnow.data.errors import BadTable, UsageError, nearest, shown
from winnow.data.places.place import Place
from winnow.data.stores.flat import Layout, flat_file, is_flat, refuse_overwriting
from winnow.data.stores.opening import source_receipt
from winnow.data.stores.receipts import Books, Work
from winnow.data.table import Table
from winnow.data.values import verdicts
from winnow.stages.named import verdict_columns, with_score
from winnow.stats.forecasts import pick, read
from winnow.stats.plans import Decided, numbers, plan

VERSION = 1
AIMS = ("measure", "forecast")
ADDED = pa.schema(
    [("candidate_id", pa.string()), ("correct", pa.string()), ("stratum", pa.string()), ("drawn", pa.float64())]
)


@dataclass(frozen=True)
class Planning:
    """What the labels are for."""

    aim: str = "measure"
    budget: int = 200
    verdict: str | None = None
    n: Sequence[int] | None = None
    lower_is_better: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.aim not in AIMS:
            raise UsageError("--for", f"{shown(self.aim)} is nothing to plan for", nearest(self.aim, AIMS))


@dataclass(frozen=True)
class ToLabel:
    """Row numbers in the order to label, with stratum, chance and id."""

    rows: list[int]
    stratum: list[str]
    drawn: list[float]
    ids: list[str]
    summary: dict[str, Any]


def plan_labels(table: Table, planning: Planning, out: Place) -> dict[str, Any]:
    """Write the rows to label, in order; returns what the plan says of itself."""
    refuse_overwriting(out)
    if not is_flat(out):
        raise UsageError("--out", f"{shown(str(out))} is no flat file", "End it in .csv or .jsonl")
    chosen = _for_measure(table, planning) if planning.aim == "measure" else _for_forecast(table, planning)
    _write(table, chosen, planning, out)
    return {"for": planning.aim, "out": str(out), "table": table.name, **chosen.summary}


def _for_measure(table: Table, planning: Planning) -> ToLabel:
    columns = verdict_columns(table, planning.verdict)
    if len(columns) != 1:
        known = f"there are several: {', '.join(columns)}" if columns else "there is none"
        raise UsageError("--verdict", f"a plan goes by one column of verdicts ({known})", "Name it: --verdict COLUMN")
    rows, ids, prompts, kept = [], [], [], []
    parts = ["id", *(["prompt"] if table.has("prompt") else [])]
    for chunk, read_parts in table.parts(parts, columns):
        said = verdicts(chunk, columns[0]).array
        decided = pc.fill_null(pc.is_in(said, pa.array(["pass", "fail"])), False)
        kept += pc.equal(said, "pass").filter(decided).to_pylist()
        rows += pa.array(chunk.rows).filter(decided).to_pylist()
        ids += read_parts["id"].filter(decided).to_pylist()
        if "prompt" in read_parts:
            prompts += read_parts["prompt"].filter(decided).to_pylist()
    if not rows:
        raise BadTable(table.name, f"has no decided row in {columns[0]}", "Verify it first")
    codes = np.unique(prompts, return_inverse=True)[1].astype(np.int64) if prompts else None
    decided_rows = Decided(np.array(kept, np.bool_), numbers(ids, planning.seed), codes)
    made = plan(decided_rows, planning.budget, seed=planning.seed)
    order = made.order.tolist()
    return ToLabel(
        [rows[i] for i in order], made.stratum.tolist(), made.drawn.tolist(), [ids[i] for i in order], made.plain()
    )


def _for_forecast(table: Table, planning: Planning) -> ToLabel:
    table = with_score(table)
    table.need("prompt")
    rows, ids, prompts, values = [], [], [], []
    for chunk, parts in table.parts(["id", "prompt", "score"]):
        known = pc.is_valid(parts["score"])
        rows += pa.array(chunk.rows).filter(known).to_pylist()
        ids += parts["id"].filter(known).to_pylist()
        prompts += parts["prompt"].filter(known).to_pylist()
        values += parts["score"].filter(known).to_pylist()
    if not rows:
        raise BadTable(table.name, "has no scored row", "Score the candidates first")
    candidates = read(np.array(prompts), values, lower_is_better=planning.lower_is_better)
    picked = pick(candidates, ids, planning.budget, planning.n, planning.seed)
    order = picked.rows.tolist()
    count = len(order)
    summary = {"labels": count, "prompts": len({prompts[i] for i in order})}
    return ToLabel([rows[i] for i in order], ["pick"] * count, picked.drawn.tolist(), [ids[i] for i in order], summary)


def _write(table: Table, chosen: ToLabel, planning: Planning, out: Place) -> None:
    added = pa.schema([field for field in ADDED if field.name not in _kept(table)])
    places: dict[int, tuple[Chunk, int]] = {}
    for chunk in table.pick(np.array(sorted(chosen.rows), np.int64)):
        places |= {int(row): (chunk, position) for position, row in enumerate(chunk.rows)}
    with flat_file(out, Layout(table.source.original(), table.bad, added)) as file:
        for row, stratum, drawn, one in zip(chosen.rows, chosen.stratum, chosen.drawn, chosen.ids, strict=True):
            chunk, position = places[row]
            said = {"candidate_id": one, "correct": None, "stratum": stratum, "drawn": drawn}
            extra = {field.name: pa.array([said[field.name]], field.type) for field in added}
            file.write(chunk.take(np.array([position])).with_columns(extra))
    config = {**vars(planning), "n": None if planning.n is None else list(planning.n)}
    work = Work("plan", VERSION, config, source_receipt(table, out.parent))
    file.finish("plan", work, Books(len(chosen.rows), len(chosen.rows)), len(chosen.rows))


def _kept(table: Table) -> set[str]:
    """What a plan need not add: an id that labels are joined by as it is, and a label column of the table's own."""
    names = set(table.source.original().names())
    kept = {name for name in ("candidate_id", "correct") if name in names}
    return kept | ({"candidate_id"} if table.columns.id == "id" else set())
