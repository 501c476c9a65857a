"""A run under way: what a step finds when its turn comes, and how it has shards worked on.

What stands finished is not done again, what was asked for otherwise is moved aside, and nothing that comes out
depends on the engine or the moment of an interruption.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

from winnow.data.stores.atomic import make_folder, refused
from winnow.data.stores.opening import table_of
from winnow.data.stores.shards.done import Done, clear, finish, shard_receipt
from winnow.data.stores.store import Store
from winnow.data.table import Table
from winnow.runs.engines import Job, Workers, mapped
from winnow.runs.folder import stands
from winnow.runs.parts import Engine
from winnow.stages.mapping import Glance, Map, Task, do, summary_of

Small = TypeVar("Small")


class Watcher:
    """Told what a run does; this one keeps silent."""

    def begins(self, stage: str, shards: int) -> None:
        """A stage with this many shards begins."""

    def shard(self, done: Done) -> None:
        """One more shard is done."""

    def ends(self, stage: str, words: str) -> None:
        """A stage has ended, or stood finished."""


@dataclass
class UnderWay:
    """What a step has at hand: the folders, the seed, the engine, and the stores of the steps before it by name."""

    base: Path
    out: Path
    seed: int
    engine: Engine
    watcher: Watcher = field(default_factory=Watcher)
    workers: Workers = field(default_factory=Workers)
    stores: dict[str, Store] = field(default_factory=dict)
    told: list[dict[str, Any]] = field(default_factory=list)

    def latest(self, *names: str) -> Store:
        """The first of these stores that the run has."""
        return next(self.stores[name] for name in names if name in self.stores)

    def mapped(self, name: str, stage: Map, source: Store, target: Path) -> list[Done] | None:
        """What was done for each shard; None where the store stood finished."""
        work = stage.work(table_of(source), target)
        names = [shard.name for shard in source.receipt.shards]
        if stands(target, work):
            # A run that was stopped right after the receipt left those of the shards.
            clear(target, names)
            return None
        make_folder(target)
        clear_others(target, names)
        self.watcher.begins(name, len(names))
        found = self.worked(do, [Task(stage, source.path, target, n, one, work) for n, one in enumerate(names)])
        finish(target, stage.kind, work, names)
        return found

    def worked(self, work: Callable[[Job], Done], tasks: Sequence[Job]) -> list[Done]:
        """Every task done, each of which is one shard."""
        found = []
        for done in mapped(work, tasks, self._count(len(tasks)), self.workers):
            self.watcher.shard(done)
            found.append(done)
        return found

    def summed(self, glances: Sequence[Glance[Small]]) -> Iterator[Small]:
        """What each shard says, in whatever order they end."""
        return mapped(summary_of, glances, self._count(len(glances)), self.workers)

    def ends(self, stage: str, words: str, **told: Any) -> None:
        """What a step says of itself when it has ended: to a person, and to a program."""
        self.told.append({"stage": stage, **told})
        self.watcher.ends(stage, words)

    def _count(self, tasks: int) -> int:
        """As stated, else one per core; none where there is nothing to share out."""
        if self.engine.workers is not None:
            return self.engine.workers
        return min(os.cpu_count() or 1, tasks) if tasks > 1 else 0


@runtime_checkable
class Step(Protocol):
    """What a part of a recipe does."""

    step: ClassVar[str]
    """How the step is called."""
    leaves: ClassVar[tuple[str, ...]]
    """The stores it may leave, in the folder of the run."""

    def plan(self, table: Table, run: UnderWay) -> list[str]:
        """Check what can be checked without writing, and say what would be done."""

    def go(self, run: UnderWay) -> None:
        """Do what is not done yet, and put the stores it leaves into `run.stores`."""


def clear_others(target: Path, names: Sequence[str]) -> None:
    """Take away the shards that unfinished work of another shape left."""
    wanted = {*names, *(shard_receipt(target, name).name for name in names)}
    for path in target.iterdir():
        if path.name not in wanted and path.name.startswith(("part-", ".part-")):
            with refused(path):
                path.unlink()
