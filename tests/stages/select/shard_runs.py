"""A selection made shard by shard in one process, and the same made of the whole store as a table.

Shards are merged in a random order. What is compared: the rows, weights and rules of both stores, row counts, and the
summary.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from winnow.pipeline.steps import import_work
from winnow.stages.select.config import SelectConfig
from winnow.stages.select.global_threshold import KeyHistogram
from winnow.stages.select.row_choice import ShardSelection, summarize_counts
from winnow.stages.select.shard_job import HistogramFold, SelectTarget, ShardJob, find_cutoffs, select_shard
from winnow.stages.select.stage import check_request, select
from winnow.stages.shard_tasks import FoldTask, summarize_shard
from winnow.storage.receipts import RowCounts
from winnow.storage.shard_receipt import finish_store, merge_counters
from winnow.storage.store import Store, open_store, prepare_store_folder
from winnow.tables.imported_shards import import_table
from winnow.tables.open_table import open_rows
from winnow.tables.table import open_source_table


@dataclass(frozen=True)
class Chosen:
    """A selection and its control, without what depends on the layout of shards."""

    rows: list[dict[str, Any]]
    control: list[dict[str, Any]]
    row_counts: tuple[dict[str, Any], dict[str, Any]]
    summary: dict[str, Any]


def import_rows(rows: object, folder: Path, shards: int) -> Path:
    """A store of candidates."""
    table, target = open_source_table(rows), folder / "candidates"
    prepare_store_folder(target)
    import_table(table, target, import_work(table, target, shards))
    return target


def select_table(source: Path, rules: dict[str, Any]) -> Chosen:
    """Select from the store as one table."""
    folder = source.parent / "whole"
    summary = select(open_rows(source), _config(folder, rules), folder / "selection").summary
    return _chosen(open_store(folder / "selection"), open_store(folder / "control"), summary)


def select_shards(source: Path, rules: dict[str, Any], seed: int = 0) -> Chosen:
    """Select shard by shard, in a random order."""
    draws = random.Random(seed)
    folder = source.parent / "shards"
    request = check_request(open_rows(source), _config(folder, rules), folder / "selection")
    selection = ShardSelection(request.config, request.verdicts(), request.config.exclude)
    columns = request.table.columns.without_guesses()
    names = [shard.name for shard in open_store(source).receipt.shards]

    def fold_shards(fold: HistogramFold) -> KeyHistogram:
        summaries = [summarize_shard(FoldTask(fold, source, number, columns)) for number in range(len(names))]
        draws.shuffle(summaries)
        return reduce(fold.merge, summaries)

    targets = (
        SelectTarget(folder / "selection", request.work(request.config.describe(), folder / "selection")),
        SelectTarget(folder / "control", request.work("control", folder / "control"), is_control=True),
    )
    for target in targets:
        prepare_store_folder(target.folder)
    cutoffs = find_cutoffs(selection, fold_shards)
    jobs = [ShardJob(selection, cutoffs, source, n, name, columns, targets) for n, name in enumerate(names)]
    results = [select_shard(job) for job in draws.sample(jobs, len(jobs))]
    selected, control = (
        Store(target.folder, finish_store(target.folder, "selection", target.work, names)) for target in targets
    )
    summary = summarize_counts(request.table, request.config.describe(), merge_counters(results))
    return _chosen(selected, control, summary)


def _config(folder: Path, rules: dict[str, Any]) -> SelectConfig:
    return SelectConfig.read({**rules, "control": folder / "control"})


def _chosen(selection: Store, control: Store, summary: dict[str, Any]) -> Chosen:
    rows, drawn = ([row for batch in store.batches() for row in batch.to_pylist()] for store in (selection, control))
    row_counts = (_as_dict(selection.receipt.books), _as_dict(control.receipt.books))
    shared_summary = {name: value for name, value in summary.items() if name not in ("out", "control")}
    return Chosen(rows, drawn, row_counts, shared_summary)


def _as_dict(row_counts: RowCounts) -> dict[str, Any]:
    return {**row_counts.to_dict(), "reasons": dict(sorted(row_counts.reasons.items()))}
