"""The two kinds of work on shards: a map makes rows from the rows of one shard, a fold summarizes shards.

The unit of work is one shard. A finished shard is not processed again, and an unfinished one starts anew. Engines
decide where and when; the result does not depend on them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import pyarrow as pa

from winnow.errors import UsageError
from winnow.storage.locations.location import Location
from winnow.storage.receipts import RowCounts, WorkSpec
from winnow.storage.shard_receipt import ShardResult, read_shard_receipt, write_shard, write_shard_receipt
from winnow.tables.columns import Columns
from winnow.tables.open_table import open_shard_table
from winnow.tables.table import Table


@dataclass
class ShardCounts:
    """What is counted while the rows of a shard are read: rows, and verdicts by verifier."""

    rows: int = 0
    verdicts: dict[str, Counter[str]] = field(default_factory=dict)


class ShardMap(Protocol):
    """What is done with the rows of a shard. It is sent to other processes, so it holds settings only."""

    @property
    def kind(self) -> str:
        """The kind of store that is written."""

    @property
    def schema(self) -> pa.Schema:
        """The columns of the store."""

    def config(self) -> dict[str, Any]:
        """What the result depends on besides the rows."""

    def work(self, table: Table, target: Path) -> WorkSpec:
        """The identity of the work on all shards of a table."""

    def rows(self, shard: Table, counts: ShardCounts) -> Iterator[pa.RecordBatch]:
        """Yield the rows that are made from a shard, and count those that were read."""


@dataclass(frozen=True)
class ShardTask:
    """One shard of one map: all that another process needs to do it."""

    stage: ShardMap
    source: Location
    target: Path
    number: int
    name: str
    work: WorkSpec


def run_shard(task: ShardTask) -> ShardResult:
    """Process one shard, unless it is finished."""
    if (result := read_shard_receipt(task.target, task.work, task.name)) is not None:
        return result
    if task.stage.config() != task.work.config:
        raise UsageError(str(task.target), "the source of a verifier changed during the run", "Run it again")
    counts = ShardCounts()
    batches = list(task.stage.rows(open_shard_table(task.source, task.number, Columns()), counts))
    shard = write_shard(task.target, task.name, batches, task.stage.schema)
    verdicts = {name: dict(numbers) for name, numbers in counts.verdicts.items()}
    result = ShardResult(shard, RowCounts(counts.rows, counts.rows), verdicts)
    write_shard_receipt(task.target, task.work, result)
    return result


FoldSummary = TypeVar("FoldSummary", covariant=True)


class ShardFold(Protocol[FoldSummary]):
    """How a shard is summarized. The summaries of shards can be merged in any order."""

    def summarize(self, shard: Table) -> FoldSummary:
        """Summarize one shard in a form that is small enough to be sent between processes."""


@dataclass(frozen=True)
class FoldTask(Generic[FoldSummary]):
    """One shard of one fold: all that another process needs to summarize it."""

    fold: ShardFold[FoldSummary]
    source: Location
    number: int
    columns: Columns


def summarize_shard(task: FoldTask[FoldSummary]) -> FoldSummary:
    """Summarize one shard for the fold."""
    return task.fold.summarize(open_shard_table(task.source, task.number, task.columns))
