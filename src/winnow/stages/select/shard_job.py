"""One shard of a selection, and of its control: what is chosen of a shard of candidates, with its books.

The unit of work. What stands done is not written again; what is counted on the way goes with the shard, and sums up
to what a selection of the whole would count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.stages.select.control import draw_control
from winnow.stages.select.output import SELECTION_SCHEMA, to_store_batch
from winnow.stages.select.pool import chunks_with_ids, fetch_row_numbers
from winnow.stages.select.rule_queries import DROP_REASONS, Cutoffs, SelectionState, count_prompts
from winnow.stages.select.shift import TextLengths, prompt_shift
from winnow.stages.select.stage import build_summary
from winnow.stages.select.threshold_search import SelectConfig
from winnow.storage.locations.location import Location
from winnow.storage.receipts import RowCounts, Shard, WorkSpec
from winnow.storage.shard_receipt import ShardResult, read_shard_receipt, write_shard, write_shard_receipt
from winnow.tables.chunks import RowNumbers
from winnow.tables.columns import Columns
from winnow.tables.open_table import open_shard_table
from winnow.tables.table import Table

Counts = dict[str, dict[str, int]]


@dataclass(frozen=True)
class SelectTarget:
    """A store that is written: the selection, or its control."""

    folder: Path
    work: WorkSpec
    control: bool = False


@dataclass(frozen=True)
class ShardJob:
    """One shard to choose from: all that another process needs to do it."""

    config: SelectConfig
    cutoffs: Cutoffs
    source: Location
    number: int
    name: str
    columns: Columns
    targets: tuple[SelectTarget, ...]


def select_shard(job: ShardJob) -> ShardResult:
    """The work on one shard, unless it stands done; without a target it is only counted."""
    earlier = [read_shard_receipt(target.folder, target.work, job.name) for target in job.targets]
    finished = [result for result in earlier if result is not None]
    if finished and len(finished) == len(earlier):
        return finished[0]
    shard, rules = open_shard_table(job.source, job.number, job.columns), job.config.rules
    lengths = TextLengths()
    with job.config.open_pool(shard, job.cutoffs, lengths) as pool:
        state = pool.rule_queries.apply_rules()
        rows = control = fetch_row_numbers(pool.duck, state.name)
        if any(target.control for target in job.targets):
            control = fetch_row_numbers(pool.duck, draw_control(pool.duck, shard, rules, state.name))
        prompts = count_prompts(pool.duck, state) if shard.has_role("prompt") else (0, 0)
    selected_batches, control_batches = _build_batches(shard, (rows, rules.describe()), (control, "control"), lengths)
    counts = _build_counts(state, pool.rows, prompts, lengths)
    result = ShardResult(Shard(job.name, 0, 0, ""), _count_rows(pool.rows, state.count, state.dropped), counts)
    for target, earlier_result in zip(job.targets, earlier, strict=True):
        if earlier_result is None:
            shard_file = write_shard(
                target.folder, job.name, control_batches if target.control else selected_batches, SELECTION_SCHEMA
            )
            dropped = {"not drawn": pool.rows - len(control)} if target.control else state.dropped
            result = ShardResult(shard_file, _count_rows(pool.rows, shard_file.rows, dropped), counts)
            write_shard_receipt(target.folder, target.work, result)
    return result


def _build_batches(
    shard: Table, selection: tuple[RowNumbers, str], control: tuple[RowNumbers, str], lengths: TextLengths
) -> tuple[list[pa.RecordBatch], list[pa.RecordBatch]]:
    """The chosen rows and those of the control, each with its rule, as stores hold them."""
    batches: list[tuple[pa.RecordBatch, pa.RecordBatch]] = []
    for chunk, parts in chunks_with_ids(shard, [part for part in ("prompt", "text") if shard.has_role(part)]):
        batches.append((to_store_batch(chunk, parts, *selection), to_store_batch(chunk, parts, *control)))
        if "text" in parts:
            positions = np.searchsorted(chunk.row_numbers, batches[-1][0].column("row").to_numpy())
            lengths.add_kept(parts["text"].take(pa.array(positions)))
    return [selected_batch for selected_batch, _ in batches], [control_batch for _, control_batch in batches]


def _count_rows(total: int, kept: int, dropped: dict[str, int]) -> RowCounts:
    return RowCounts(total, kept, total - kept, 0, dict(dropped))


def _build_counts(state: SelectionState, total: int, prompts: tuple[int, int], lengths: TextLengths) -> Counts:
    """What is counted of a shard, in whole numbers, so that shards add up."""
    return {
        "in": {step["rule"]: step["in"] for step in state.steps},
        "out": {step["rule"]: step["out"] for step in state.steps},
        "rows": {"total": total, "chosen": state.count},
        "prompts": dict(zip(("before", "after"), prompts, strict=True)),
        "lengths": asdict(lengths),
    }


def summarize_counts(table: Table, rule: str, counts: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """What all shards counted together, as a selection of the whole says it."""
    rows_in, rows_out, rows, prompts = (counts.get(name, {}) for name in ("in", "out", "rows", "prompts"))
    steps = [
        {"rule": reason, "in": rows_in[reason], "out": rows_out[reason]} for reason in DROP_REASONS if reason in rows_in
    ]
    dropped = {reason: rows_in[reason] - rows_out[reason] for reason in rows_in}
    total, kept = rows["total"], rows["chosen"]
    state = SelectionState("", kept, steps, {}, dropped.get("undecided", 0), dropped.get("without score", 0))
    shift = prompt_shift(prompts["before"], prompts["after"], total, kept) if table.has_role("prompt") else {}
    length = TextLengths(**counts["lengths"]).to_dict()
    return {"rows": kept, **build_summary(table, rule, state, total), "shift": {"length": length, **shift}}
