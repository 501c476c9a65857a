"""Selection from a store shard by shard, for recipes.

Folds over the shards first find the last row that each rule keeps which ranks all rows; then each shard is one job.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from winnow.stages.output import count_rows
from winnow.stages.select.global_threshold import KeyHistogram, RankingRule, SearchRange, find_last_row
from winnow.stages.select.output import CONTROL, SELECTION_SCHEMA, store_batches
from winnow.stages.select.row_choice import ShardSelection, choose_rows
from winnow.stages.select.rule_queries import Cutoffs, rows_in_share
from winnow.storage.locations.location import Location
from winnow.storage.receipts import Shard, WorkSpec
from winnow.storage.shard_receipt import ShardResult, read_shard_receipt, write_shard, write_shard_receipt
from winnow.tables.columns import Columns
from winnow.tables.open_table import open_shard_table
from winnow.tables.table import Table


@dataclass(frozen=True)
class HistogramFold:
    """The keys in a range, of the rows that the earlier rules leave."""

    selection: ShardSelection
    cutoffs: Cutoffs
    search_range: SearchRange

    def summarize(self, shard: Table) -> KeyHistogram:
        """Count the keys of one shard."""
        with self.selection.open_pool(shard, self.cutoffs) as (_, rules, _):
            rules.apply_rules(before=self.search_range.rule)
            return rules.count_keys(self.search_range)

    def merge(self, left: KeyHistogram, right: KeyHistogram) -> KeyHistogram:
        """Count the keys of both."""
        return left.merge(right)


def find_cutoffs(selection: ShardSelection, run_fold: Callable[[HistogramFold], KeyHistogram]) -> Cutoffs:
    """Find the last row that each rule keeps which ranks all rows.

    Args:
        selection: The settings.
        run_fold: Merges what a fold summarizes of every shard.
    """
    config, cutoffs = selection.config, Cutoffs()
    targets: dict[RankingRule, Callable[[int], int] | None] = {
        "top_share": None if config.top_share is None else partial(rows_in_share, config.top_share),
        "max_rows": None if config.max_rows is None else partial(min, config.max_rows),
    }
    for rule, target_count in targets.items():
        if target_count is not None:
            last_row = find_last_row(rule, target_count, lambda r, c=cutoffs: run_fold(HistogramFold(selection, c, r)))  # type: ignore[misc]
            cutoffs = replace(cutoffs, **{rule: last_row})
    return cutoffs


@dataclass(frozen=True)
class SelectTarget:
    """A store that is written: the selection or its control."""

    folder: Path
    work: WorkSpec
    is_control: bool = False


@dataclass(frozen=True)
class ShardJob:
    """One shard to choose from: all that another process needs to do it."""

    selection: ShardSelection
    cutoffs: Cutoffs
    source: Location
    number: int
    name: str
    columns: Columns
    targets: tuple[SelectTarget, ...]


def select_shard(job: ShardJob) -> ShardResult:
    """Choose the rows of one shard and write those targets that are not done; without targets rows are only counted."""
    earlier = [read_shard_receipt(target.folder, target.work, job.name) for target in job.targets]
    finished = [result for result in earlier if result is not None]
    if finished and len(finished) == len(earlier):
        return finished[0]
    shard = open_shard_table(job.source, job.number, job.columns)
    choice = choose_rows(job.selection, shard, job.cutoffs, any(target.is_control for target in job.targets))
    selected = list(store_batches(shard, choice.rows, job.selection.config.describe(), choice.lengths))
    counts = choice.counts()
    row_counts = count_rows(shard.bad_rows, choice.total, len(choice.rows), choice.state.dropped)
    result = ShardResult(Shard(job.name, 0, 0, ""), row_counts, counts)
    for target, earlier_result in zip(job.targets, earlier, strict=True):
        if earlier_result is not None:
            continue
        batches = list(store_batches(shard, choice.control, CONTROL)) if target.is_control else selected
        dropped = {"not drawn": choice.total - len(choice.control)} if target.is_control else choice.state.dropped
        shard_file = write_shard(target.folder, job.name, batches, SELECTION_SCHEMA)
        row_counts = count_rows(shard.bad_rows, choice.total, shard_file.rows, dropped)
        result = ShardResult(shard_file, row_counts, counts)
        write_shard_receipt(target.folder, target.work, result)
    return result
