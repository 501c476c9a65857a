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

from winnow.pipeline.engines.local import Job, WorkerPool, map_tasks
from winnow.pipeline.recipe_base import EngineConfig
from winnow.pipeline.run_folder import is_finished
from winnow.stages.shard_tasks import FoldTask, ShardMap, ShardTask, run_shard, summarize_shard
from winnow.storage.atomic_files import make_folder, translate_os_errors
from winnow.storage.shard_receipt import ShardResult, finish_store, remove_shard_receipts, shard_receipt_path
from winnow.storage.store import Store
from winnow.tables.open_table import open_store_table
from winnow.tables.table import Table

Small = TypeVar("Small")


class RunObserver:
    """Told what a run does; this one keeps silent."""

    def on_stage_start(self, stage: str, shards: int) -> None:
        """A stage with this many shards begins."""

    def on_shard_done(self, done: ShardResult) -> None:
        """One more shard is done."""

    def on_stage_end(self, stage: str, message: str) -> None:
        """A stage has ended, or stood finished."""


@dataclass
class RunContext:
    """What a step has at hand: the folders, the seed, the engine, and the stores of the steps before it by name."""

    base: Path
    out: Path
    seed: int
    engine: EngineConfig
    observer: RunObserver = field(default_factory=RunObserver)
    workers: WorkerPool = field(default_factory=WorkerPool)
    stores: dict[str, Store] = field(default_factory=dict)
    step_results: list[dict[str, Any]] = field(default_factory=list)

    def latest(self, *names: str) -> Store:
        """The first of these stores that the run has."""
        return next(self.stores[name] for name in names if name in self.stores)

    def map_shards(self, name: str, stage: ShardMap, source: Store, target: Path) -> list[ShardResult] | None:
        """What was done for each shard; None where the store stood finished."""
        work = stage.work(open_store_table(source), target)
        names = [shard.name for shard in source.receipt.shards]
        if is_finished(target, work):
            # A run that was stopped right after the receipt left those of the shards.
            remove_shard_receipts(target, names)
            return None
        make_folder(target)
        remove_other_shards(target, names)
        self.observer.on_stage_start(name, len(names))
        results = self.run_shard_jobs(
            run_shard,
            [
                ShardTask(stage, source.path, target, number, shard_name, work)
                for number, shard_name in enumerate(names)
            ],
        )
        finish_store(target, stage.kind, work, names)
        return results

    def run_shard_jobs(self, work: Callable[[Job], ShardResult], tasks: Sequence[Job]) -> list[ShardResult]:
        """Every task done, each of which is one shard."""
        results = []
        for done in map_tasks(work, tasks, self._worker_count(len(tasks)), self.workers):
            self.observer.on_shard_done(done)
            results.append(done)
        return results

    def summarize_shards(self, tasks: Sequence[FoldTask[Small]]) -> Iterator[Small]:
        """What each shard says, in whatever order they end."""
        return map_tasks(summarize_shard, tasks, self._worker_count(len(tasks)), self.workers)

    def finish_step(self, stage: str, message: str, **details: Any) -> None:
        """What a step says of itself when it has ended: to a person, and to a program."""
        self.step_results.append({"stage": stage, **details})
        self.observer.on_stage_end(stage, message)

    def _worker_count(self, tasks: int) -> int:
        """As stated, else one per core; none where there is nothing to share out."""
        if self.engine.workers is not None:
            return self.engine.workers
        return min(os.cpu_count() or 1, tasks) if tasks > 1 else 0


@runtime_checkable
class PipelineStep(Protocol):
    """What a part of a recipe does."""

    step_name: ClassVar[str]
    """How the step is called."""
    store_names: ClassVar[tuple[str, ...]]
    """The stores it may leave, in the folder of the run."""

    def plan(self, table: Table, context: RunContext) -> list[str]:
        """Check what can be checked without writing, and say what would be done."""

    def execute(self, context: RunContext) -> None:
        """Do what is not done yet, and put the stores it leaves into `run.stores`."""


def remove_other_shards(target: Path, names: Sequence[str]) -> None:
    """Take away the shards that unfinished work of another shape left."""
    expected = {*names, *(shard_receipt_path(target, name).name for name in names)}
    for path in target.iterdir():
        if path.name not in expected and path.name.startswith(("part-", ".part-")):
            with translate_os_errors(path):
                path.unlink()
