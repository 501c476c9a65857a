"""The context of a running recipe: what a step can use, and how it processes shards.

Finished results are not computed again, and no result depends on the engine or on when a run was interrupted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
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


class Provides(StrEnum):
    """What a step leaves for the steps after it."""

    ROWS = "rows"
    VERDICTS = "verdicts"
    SELECTION = "selection"
    MODEL = "model"
    NOTHING = "nothing"


class RunObserver:
    """Receives the events of a run; this base class ignores them."""

    def on_stage_start(self, stage: str, shards: int) -> None:
        """A stage with this many shards starts."""

    def on_shard_done(self, done: ShardResult) -> None:
        """One more shard is finished."""

    def on_stage_end(self, stage: str, message: str) -> None:
        """A stage has finished, or was found finished."""


@dataclass
class RunContext:
    """What a step can use: folders, seed, engine, and the stores of the earlier steps."""

    base: Path
    out: Path
    seed: int
    engine: EngineConfig
    observer: RunObserver = field(default_factory=RunObserver)
    workers: WorkerPool = field(default_factory=WorkerPool)
    stores: dict[str, Store] = field(default_factory=dict)
    step_results: list[dict[str, Any]] = field(default_factory=list)

    _rows: str | None = None

    @property
    def rows(self) -> Store:
        """The current rows: what the last step left that gives rows, with all that earlier steps added to them."""
        if self._rows is None:
            raise RuntimeError("no step has provided rows yet")
        return self.stores[self._rows]

    def provide(self, kind: Provides, name: str, store: Store) -> None:
        """Add the store of a step; rows, verdicts and a selection become the current rows."""
        self.stores[name] = store
        if kind in (Provides.ROWS, Provides.VERDICTS, Provides.SELECTION):
            self._rows = name

    def map_shards(self, name: str, stage: ShardMap, source: Store, target: Path) -> list[ShardResult] | None:
        """Process every shard of a store; returns None if the target was already finished."""
        work = stage.work(open_store_table(source), target)
        names = [shard.name for shard in source.receipt.shards]
        if is_finished(target, work):
            # A run that stopped right after writing the receipt left those of the shards.
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
        """Run one task per shard and return the results."""
        results = []
        for done in map_tasks(work, tasks, self._worker_count(len(tasks)), self.workers):
            self.observer.on_shard_done(done)
            results.append(done)
        return results

    def summarize_shards(self, tasks: Sequence[FoldTask[Small]]) -> Iterator[Small]:
        """Yield the summary of each shard, in the order in which they end."""
        return map_tasks(summarize_shard, tasks, self._worker_count(len(tasks)), self.workers)

    def finish_step(self, stage: str, message: str, **details: Any) -> None:
        """Report the end of a step, to a person and in the JSON document."""
        self.step_results.append({"stage": stage, **details})
        self.observer.on_stage_end(stage, message)

    def _worker_count(self, tasks: int) -> int:
        """The number of worker processes: as configured, else one per core, and 0 for a single task."""
        if self.engine.workers is not None:
            return self.engine.workers
        return min(os.cpu_count() or 1, tasks) if tasks > 1 else 0


@runtime_checkable
class PipelineStep(Protocol):
    """A section of a recipe that does something. Every step but the import works on the current rows."""

    step_name: ClassVar[str]
    """The name of the step in messages and logs."""
    store_names: ClassVar[tuple[str, ...]]
    """The stores it may leave, in the folder of the run."""
    provides: ClassVar[Provides]
    """What it leaves for the steps after it."""

    def plan(self, table: Table, context: RunContext) -> list[str]:
        """Check what can be checked without writing, and describe what would be done."""

    def execute(self, context: RunContext) -> None:
        """Do what is not finished yet, and register the stores with `context.provide`."""


def remove_other_shards(target: Path, names: Sequence[str]) -> None:
    """Remove shards that unfinished work of another kind left in the target."""
    expected = {*names, *(shard_receipt_path(target, name).name for name in names)}
    for path in target.iterdir():
        if path.name not in expected and path.name.startswith(("part-", ".part-")):
            with translate_os_errors(path):
                path.unlink()
