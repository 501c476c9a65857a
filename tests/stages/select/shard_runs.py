"""A selection made shard by shard in one process, and the same made of the whole store as a table.

Shards are merged in an order of chance. What is compared: rows, weights and rules of both stores, books, and what
is said.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from winnow.pipeline.steps.import_table import import_work
from winnow.stages.columns_in_use import verdict_columns
from winnow.stages.select import SelectionRules, SelectRequest, planned_work, resolve_request, select
from winnow.stages.select.shard_job import SelectTarget, ShardJob, select_shard, summarize_counts
from winnow.stages.select.threshold_search import SelectConfig, find_cutoffs
from winnow.stages.shard_tasks import FoldSummary, FoldTask, ShardFold, summarize_shard
from winnow.storage.receipts import RowCounts
from winnow.storage.shard_receipt import finish_store, merge_counters
from winnow.storage.store import Store, open_store, prepare_store_folder
from winnow.tables.open_table import open_rows
from winnow.tables.shard_import import import_table
from winnow.tables.table import open_source_table


@dataclass(frozen=True)
class Chosen:
    """A selection and its control, as far as the layout of shards does not show."""

    rows: list[dict[str, Any]]
    control: list[dict[str, Any]]
    books: tuple[dict[str, Any], dict[str, Any]]
    summary: dict[str, Any]


def imported(given: object, folder: Path, shards: int) -> Path:
    """A store of candidates."""
    table, target = open_source_table(given), folder / "candidates"
    prepare_store_folder(target)
    import_table(table, target, import_work(table, target, shards))
    return target


def by_table(source: Path, rules: SelectionRules, exclude: str | None) -> Chosen:
    """By the chooser of the whole."""
    table = open_rows(source)
    request = _request(source.parent / "whole", rules, exclude)
    summary = select(table, request).summary
    assert isinstance(request.control, Path) and request.out is not None
    return _chosen(open_store(request.out), open_store(request.control), summary)


def by_shards(source: Path, rules: SelectionRules, exclude: str | None, seed: int = 0) -> Chosen:
    """By shards, in an order of chance."""
    draws = random.Random(seed)
    request = _request(source.parent / "shards", rules, exclude)
    table, settled_rules = resolve_request(open_rows(source), request)
    verdicts = tuple(verdict_columns(table, None)) if settled_rules.passed else ()
    choosing, columns = SelectConfig(settled_rules, verdicts, exclude), table.columns.without_guesses()
    shards = [shard.name for shard in open_store(source).receipt.shards]

    def over_shards(fold: ShardFold[FoldSummary]) -> FoldSummary:
        said = [summarize_shard(FoldTask(fold, source, number, columns)) for number in range(len(shards))]
        draws.shuffle(said)
        return reduce(fold.merge, said)

    works = planned_work(open_rows(source), request)
    targets = tuple(SelectTarget(request.out.parent / name, work, name == "control") for name, work in works.items())  # type: ignore[union-attr, arg-type]
    for target in targets:
        prepare_store_folder(target.folder)
    cuts = find_cutoffs(choosing, over_shards)
    choices = [ShardJob(choosing, cuts, source, n, name, columns, targets) for n, name in enumerate(shards)]
    done = [select_shard(choice) for choice in draws.sample(choices, len(choices))]
    one, other = (finish_store(target.folder, "selection", target.work, shards) for target in targets)
    summary = summarize_counts(table, settled_rules.describe(), merge_counters(done))
    selection, control = (Store(target.folder, receipt) for target, receipt in zip(targets, (one, other), strict=True))
    return _chosen(selection, control, summary)


def _request(folder: Path, rules: SelectionRules, exclude: str | None) -> SelectRequest:
    beside = None if exclude is None else open_rows(exclude)
    return SelectRequest(rules, exclude=beside, out=folder / "selection", control=folder / "control")


def _chosen(selection: Store, control: Store, summary: dict[str, Any]) -> Chosen:
    rows, drawn = ([row for batch in store.batches() for row in batch.to_pylist()] for store in (selection, control))
    said = {name: value for name, value in summary.items() if name not in ("out", "control")}
    return Chosen(rows, drawn, (_plain(selection.receipt.books), _plain(control.receipt.books)), said)


def _plain(books: RowCounts) -> dict[str, Any]:
    return {**books.to_dict(), "reasons": dict(sorted(books.reasons.items()))}
