"""The step `select`: the rows to train on, and as many drawn at random to compare them with.

The rows are chosen shard by shard. The counts are stored in the folder of the run, sealed, so that a finished
selection can be reported again; if the file is missing or damaged, the rows are counted again.
"""

from __future__ import annotations

import json
from functools import reduce
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import model_validator

from winnow.errors import UsageError
from winnow.pipeline.run_context import Provides, RunContext, remove_other_shards
from winnow.pipeline.run_folder import is_finished
from winnow.stages.config import Door, option, options_named_for
from winnow.stages.select.config import SelectConfig
from winnow.stages.select.cutoffs import HistogramFold, find_cutoffs
from winnow.stages.select.global_threshold import KeyHistogram
from winnow.stages.select.report import describe_selection
from winnow.stages.select.request import SelectRequest, check_request
from winnow.stages.select.row_choice import Counts, ShardSelection, summarize_counts
from winnow.stages.select.shard_job import SelectTarget, ShardJob, select_shard
from winnow.stages.select.stage import select_requested
from winnow.stages.shard_tasks import FoldTask
from winnow.stages.table_config import TableConfig, column, open_input
from winnow.storage.atomic_files import make_folder, write_bytes
from winnow.storage.locations.location import resolve_below
from winnow.storage.receipts import seal_json
from winnow.storage.shard_receipt import ShardResult, finish_store, merge_counters, remove_shard_receipts
from winnow.storage.store import Store, open_store
from winnow.tables.table import Table

COUNTS_FILE = ".selection.json"
SELECTION, CONTROL = "selected", "control"


class SelectStep(SelectConfig):
    """The rules of the selection, in their order."""

    step_name: ClassVar[str] = "select"
    store_names: ClassVar[tuple[str, ...]] = (SELECTION, CONTROL)
    provides: ClassVar[Provides] = Provides.SELECTION

    exclude: Annotated[str | None, option("Leave out the prompts of this table, for example an evaluation set.")] = None
    control: Annotated[bool, option("Also draw a control: as many rows of each prompt, drawn at random.")] = False
    seed: Annotated[int | None, option("The seed of draws and ties; the seed of the run if absent.")] = None  # type: ignore[assignment]
    verdict: Annotated[str | None, column("The verdicts that decide; several as a,b, by default all.")] = None
    score: Annotated[str | None, column("The score that the rules use, where there are several.")] = None

    @model_validator(mode="after")
    def _refuse_real_rows(self) -> Self:
        if self.mix_real is not None:
            problem = "a run keeps its selection in a store, which cannot hold real rows"
            step = "Mix them in afterwards with the command select"
            raise UsageError("--mix-real", problem, step)
        return self

    def plan(self, table: Table, context: RunContext) -> list[str]:
        return [f"select: {self.describe()}"]

    def execute(self, context: RunContext) -> None:
        request = self._request(context)
        folder = context.out / SELECTION
        targets = [SelectTarget(folder, request.work(request.config.describe(), folder))]
        if self.control:
            folder = context.out / CONTROL
            targets.append(SelectTarget(folder, request.work(CONTROL, folder), is_control=True))
        unfinished = tuple(target for target in targets if not is_finished(target.folder, target.work))
        for target in targets:
            if target not in unfinished:
                # A run that stopped right after writing the receipt left those of the shards.
                remove_shard_receipts(target.folder, _shard_names(context.rows))
        if is_shardable(request):
            summary = self._summarize_shards(context, request, targets[0], unfinished)
        else:
            context.observer.on_stage_start(self.step_name, 0)
            summary = select_requested(request).summary
        summary["out"] = str(targets[0].folder)
        if self.control:
            summary["control"] = {"rows": summary["selected"], "out": str(targets[1].folder)}
        for target in targets:
            kind = Provides.NOTHING if target.is_control else self.provides
            context.provide(kind, target.folder.name, open_store(target.folder))
        context.finish_step(self.step_name, describe_selection(summary), already_done=not unfinished, **summary)

    def _request(self, context: RunContext) -> SelectRequest:
        values = {
            **{name: getattr(self, name) for name in SelectConfig.model_fields},
            "exclude": None if self.exclude is None else resolve_below(context.base, self.exclude),
            "control": context.out / CONTROL if self.control else False,
            "seed": context.seed if self.seed is None else self.seed,
        }
        with options_named_for(Door.RECIPE, SelectConfig, prefix="select."):
            table = open_input(context.rows.path, TableConfig(verdict=self.verdict, score=self.score))
            return check_request(table, SelectConfig.read(values, Door.COMMAND), context.out / SELECTION)

    def _summarize_shards(
        self, context: RunContext, request: SelectRequest, selection: SelectTarget, unfinished: tuple[SelectTarget, ...]
    ) -> dict[str, Any]:
        """The summary of the selection, which is made if it is not finished, and counted if its counts are lost."""
        counts_path, identity = context.out / COUNTS_FILE, selection.work.identity()
        counts = None if unfinished else _read_counts(counts_path, identity)
        if counts is None:
            results = self._select_shards(context, request, unfinished)
            counts = {name: dict(values) for name, values in merge_counters(results).items()}
            write_bytes(counts_path, seal_json({"identity": identity, "counts": counts}))
            for target in unfinished:
                finish_store(target.folder, "selection", target.work, _shard_names(context.rows))
        return summarize_counts(request.table, request.config.describe(), counts)

    def _select_shards(
        self, context: RunContext, request: SelectRequest, unfinished: tuple[SelectTarget, ...]
    ) -> list[ShardResult]:
        source, names = context.rows.path, _shard_names(context.rows)
        for target in unfinished:
            make_folder(target.folder)
            remove_other_shards(target.folder, names)
        selection = ShardSelection(request.config, request.verdicts(), request.config.exclude)
        columns = request.table.columns.without_guesses()

        def fold_shards(fold: HistogramFold) -> KeyHistogram:
            tasks = [FoldTask(fold, source, number, columns) for number in range(len(names))]
            return reduce(fold.merge, context.summarize_shards(tasks))

        context.observer.on_stage_start(self.step_name, 0)
        cutoffs = find_cutoffs(selection, fold_shards)
        context.observer.on_stage_start(self.step_name, len(names))
        jobs = [
            ShardJob(selection, cutoffs, source, number, name, columns, unfinished) for number, name in enumerate(names)
        ]
        return context.run_shard_jobs(select_shard, jobs)


def is_shardable(request: SelectRequest) -> bool:
    """Whether every rule can be decided in shards: without prompts, distinct and the control need the whole table."""
    return request.table.has_role("prompt") or not (request.config.distinct or request.control)


def _shard_names(store: Store) -> list[str]:
    return [shard.name for shard in store.receipt.shards]


def _read_counts(path: Path, identity: str) -> Counts | None:
    """The stored counts of this work, if the file is as it was written."""
    try:
        raw = path.read_bytes()
        content = json.loads(raw)
        counts: Counts = content["counts"]
        is_intact = seal_json({name: content[name] for name in ("identity", "counts")}) == raw
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return counts if is_intact and content["identity"] == identity else None
