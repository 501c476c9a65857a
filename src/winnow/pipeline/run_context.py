"""The context of a running recipe: what a step can use, how it processes shards and how it reports progress.

Finished results are not computed again, and no result depends on the engine or on when a run was interrupted.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from winnow.pipeline.engines.local import Job, WorkerPool, map_tasks
from winnow.pipeline.run_folder import is_finished, prepare_shard_folder
from winnow.stages.progress import ProgressLine
from winnow.stages.shard_tasks import FoldSummary, FoldTask, ShardMap, ShardTask, run_shard, summarize_shard
from winnow.storage.shard_receipt import ShardResult, finish_store
from winnow.storage.store import Store, open_store
from winnow.tables.open_table import open_store_table
from winnow.tables.table import Table


class RecipeSection(BaseModel):
    """A section of a recipe; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EngineConfig(RecipeSection):
    """Where the run is processed; results do not depend on it."""

    workers: Annotated[
        int | None,
        Field(ge=0, le=256, description="Worker processes; 0 works in this process, absent means one per core."),
    ] = None
    batch: Annotated[int, Field(ge=1, le=1 << 20, description="How many candidates a verifier is given at once.")] = (
        4096
    )


class ProgressReporter:
    """Reports the stages of a run to a person: a line while a stage runs, and its result when it has ended.

    Args:
        write_line: Called with the result of each stage; by default results are not reported.
    """

    def __init__(self, write_line: Callable[[str], None] = lambda line: None) -> None:
        self._write_line = write_line
        self._line = ProgressLine()
        self._stage = ""
        self._shards = self._shards_done = self._rows = 0
        self._row_counts: Counter[str] = Counter()

    def on_stage_start(self, stage: str, shards: int) -> None:
        """Start a stage with this many shards."""
        self._line.restart()
        self._stage, self._shards, self._shards_done, self._rows = stage, shards, 0, 0
        self._row_counts = Counter()

    def on_shard_done(self, done: ShardResult) -> None:
        """Count one more finished shard."""
        self._shards_done += 1
        self._rows += done.books.rows_in
        self._row_counts.update(keep=done.books.keep, drop=done.books.drop, reject=done.books.reject)
        self._line.update(self._status_line)

    def on_stage_end(self, stage: str, message: str) -> None:
        """Report a stage that has ended, or was finished before."""
        self._line.close()
        self._write_line(f"{stage}: {message}")

    def _status_line(self, elapsed: float) -> str:
        left = elapsed / self._shards_done * (self._shards - self._shards_done)
        counts = ", ".join(f"{name} {count:,}" for name, count in self._row_counts.items() if count)
        rate = f"{self._rows / elapsed:,.0f} rows/s, {left:,.0f} s left"
        return f"{self._stage}: {self._shards_done:,} of {self._shards:,} shards, {rate}; {counts}"


@dataclass
class RunContext:
    """What a step can use: folders, seed, engine, and the stores of the earlier steps."""

    base: Path
    out: Path
    seed: int
    engine: EngineConfig
    observer: ProgressReporter
    workers: WorkerPool = field(default_factory=WorkerPool)
    stores: dict[str, Store] = field(default_factory=dict)
    step_results: list[dict[str, Any]] = field(default_factory=list)
    rows: Store = field(init=False)
    """The current rows: the last store of rows, which reads joined with what earlier steps added to them."""

    @property
    def shard_names(self) -> list[str]:
        """The names of the shards of the current rows."""
        return [shard.name for shard in self.rows.receipt.shards]

    def provide(self, name: str, *, as_rows: bool = True) -> Store:
        """Open a finished store in the folder of the run for the later steps, by default as their current rows."""
        self.stores[name] = store = open_store(self.out / name)
        if as_rows:
            self.rows = store
        return store

    def map_shards(self, name: str, stage: ShardMap, target: Path) -> list[ShardResult] | None:
        """Process every shard of the current rows and finish the target; return None if it was finished before."""
        work, names = stage.work(open_store_table(self.rows), target), self.shard_names
        if is_finished(target, work, names):
            return None
        prepare_shard_folder(target, names)
        self.observer.on_stage_start(name, len(names))
        tasks = [
            ShardTask(stage, self.rows.path, target, number, shard_name, work)
            for number, shard_name in enumerate(names)
        ]
        results = self.run_shard_jobs(run_shard, tasks)
        finish_store(target, stage.kind, work, names)
        return results

    def run_shard_jobs(self, work: Callable[[Job], ShardResult], tasks: Sequence[Job]) -> list[ShardResult]:
        """Run one task per shard and return the results."""
        results = []
        for done in map_tasks(work, tasks, self._worker_count(len(tasks)), self.workers):
            self.observer.on_shard_done(done)
            results.append(done)
        return results

    def summarize_shards(self, tasks: Sequence[FoldTask[FoldSummary]]) -> Iterator[FoldSummary]:
        """Yield the summary of each shard, in the order in which the tasks end."""
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
    """The stores that it may write, in the folder of the run."""

    def plan(self, table: Table, context: RunContext) -> list[str]:
        """Check what can be checked without writing, and describe what would be done."""

    def execute(self, context: RunContext) -> None:
        """Do what is not finished yet, and register the stores that it wrote with `context.provide`."""
