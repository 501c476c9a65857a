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

from winnow.data.columns import Columns
from winnow.data.errors import UsageError
from winnow.data.places.place import Place
from winnow.data.stores.opening import shard_of
from winnow.data.stores.receipts import Books, Work
from winnow.data.stores.shards.done import Done, read_done, write_done, write_shard
from winnow.data.table import Table


@dataclass
class Tallied:
    """What is counted while the rows of a shard go by: rows in, why some did not stay, and what was said of them."""

    rows: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    said: dict[str, Counter[str]] = field(default_factory=dict)

    def books(self) -> Books:
        """As the receipt of the shard holds them."""
        gone = self.dropped.total()
        return Books(self.rows, self.rows - gone, gone, 0, dict(self.dropped))


class Map(Protocol):
    """What is done to the rows of a shard. Crosses to other processes, so it holds nothing but settings."""

    @property
    def kind(self) -> str:
        """The kind of store it makes."""

    @property
    def schema(self) -> pa.Schema:
        """The columns of its rows."""

    def config(self) -> dict[str, Any]:
        """What, beside the rows, the result depends on."""

    def work(self, table: Table, target: Path) -> Work:
        """The whole of what is done, to which rows: its identity."""

    def rows(self, shard: Table, tallied: Tallied) -> Iterator[pa.RecordBatch]:
        """The rows that come of a shard, counted on the way."""


@dataclass(frozen=True)
class Task:
    """One shard of one map: all that another process needs to do it."""

    stage: Map
    source: Place
    target: Path
    number: int
    name: str
    work: Work


def do(task: Task) -> Done:
    """The work on one shard, unless it stands done."""
    if (done := read_done(task.target, task.work, task.name)) is not None:
        return done
    if task.stage.config() != task.work.config:
        raise UsageError(str(task.target), "a checker was edited while the run was under way", "Run it again")
    tallied = Tallied()
    shard = shard_of(task.source, task.number, Columns())
    batches = list(task.stage.rows(shard, tallied))
    said = {name: dict(counts) for name, counts in tallied.said.items()}
    done = Done(write_shard(task.target, task.name, batches, task.stage.schema), tallied.books(), said)
    write_done(task.target, task.work, done)
    return done


Small = TypeVar("Small")


class Fold(Protocol[Small]):
    """What is said of a shard, small enough to be passed around, and how two of these make one.

    It may not matter in which order shards are merged.
    """

    def summarize(self, shard: Table) -> Small:
        """What one shard says."""

    def merge(self, one: Small, other: Small) -> Small:
        """What both say."""


@dataclass(frozen=True)
class Glance(Generic[Small]):
    """One shard of one fold: all that another process needs to sum it up."""

    fold: Fold[Small]
    source: Place
    number: int
    columns: Columns


def summary_of(glance: Glance[Small]) -> Small:
    """What the shard says."""
    return glance.fold.summarize(shard_of(glance.source, glance.number, glance.columns))
