"""The two shapes of a stage: a map makes rows of the rows of one shard, a fold sums shards up.

The unit of work is one shard, and doing it is idempotent: what stands done is not done again, what stands half done
is. Engines only decide where and when; what comes out does not depend on them.
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
    """What is counted while the rows of a shard go by: rows in, why some did not stay, and what was said of them."""

    rows: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    verdicts: dict[str, Counter[str]] = field(default_factory=dict)

    def row_counts(self) -> RowCounts:
        """As the receipt of the shard holds them."""
        dropped = self.dropped.total()
        return RowCounts(self.rows, self.rows - dropped, dropped, 0, dict(self.dropped))


class ShardMap(Protocol):
    """What is done to the rows of a shard. Crosses to other processes, so it holds nothing but settings."""

    @property
    def kind(self) -> str:
        """The kind of store it makes."""

    @property
    def schema(self) -> pa.Schema:
        """The columns of its rows."""

    def config(self) -> dict[str, Any]:
        """What, beside the rows, the result depends on."""

    def work(self, table: Table, target: Path) -> WorkSpec:
        """The whole of what is done, to which rows: its identity."""

    def rows(self, shard: Table, counts: ShardCounts) -> Iterator[pa.RecordBatch]:
        """The rows that come of a shard, counted on the way."""


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
    """The work on one shard, unless it stands done."""
    if (result := read_shard_receipt(task.target, task.work, task.name)) is not None:
        return result
    if task.stage.config() != task.work.config:
        raise UsageError(str(task.target), "a checker was edited while the run was under way", "Run it again")
    shard_counts = ShardCounts()
    shard = open_shard_table(task.source, task.number, Columns())
    batches = list(task.stage.rows(shard, shard_counts))
    verdicts = {name: dict(counts) for name, counts in shard_counts.verdicts.items()}
    result = ShardResult(
        write_shard(task.target, task.name, batches, task.stage.schema), shard_counts.row_counts(), verdicts
    )
    write_shard_receipt(task.target, task.work, result)
    return result


FoldSummary = TypeVar("FoldSummary")


class ShardFold(Protocol[FoldSummary]):
    """What is said of a shard, small enough to be passed around, and how two of these make one.

    It may not matter in which order shards are merged.
    """

    def summarize(self, shard: Table) -> FoldSummary:
        """What one shard says."""

    def merge(self, left: FoldSummary, right: FoldSummary) -> FoldSummary:
        """What both say."""


@dataclass(frozen=True)
class FoldTask(Generic[FoldSummary]):
    """One shard of one fold: all that another process needs to sum it up."""

    fold: ShardFold[FoldSummary]
    source: Location
    number: int
    columns: Columns


def summarize_shard(task: FoldTask[FoldSummary]) -> FoldSummary:
    """What the shard says."""
    return task.fold.summarize(open_shard_table(task.source, task.number, task.columns))
