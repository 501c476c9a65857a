"""The selection of one shard of a store, and of its control: the unit of work of the recipe step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from winnow.stages.output import count_rows
from winnow.stages.select.output import CONTROL, SELECTION_SCHEMA, store_batches
from winnow.stages.select.row_choice import ShardSelection, choose_rows
from winnow.stages.select.rule_queries import Cutoffs
from winnow.storage.locations.location import Location
from winnow.storage.receipts import Shard, WorkSpec
from winnow.storage.shard_receipt import ShardResult, read_shard_receipt, write_shard, write_shard_receipt
from winnow.tables.columns import Columns
from winnow.tables.open_table import open_shard_table


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
