"""The step `select`: the rows to train on, and a control of as many rows drawn at random.

The rows are chosen shard by shard. The counts are stored in the folder of the run, sealed, so that a finished
selection can be reported again; if the file is missing or damaged, the rows are counted again.
"""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import model_validator

from winnow.errors import UsageError
from winnow.pipeline.run_context import RunContext
from winnow.pipeline.run_folder import is_finished, prepare_shard_folder
from winnow.stages.config import Door, option, options_named_for
from winnow.stages.select.config import SelectConfig
from winnow.stages.select.global_threshold import KeyHistogram
from winnow.stages.select.report import describe_selection
from winnow.stages.select.row_choice import Counts, ShardSelection, summarize_counts
from winnow.stages.select.shard_job import HistogramFold, SelectTarget, ShardJob, find_cutoffs, select_shard
from winnow.stages.select.stage import SelectRequest, check_request, select_requested
from winnow.stages.shard_tasks import FoldTask
from winnow.stages.table_config import TableConfig, column, open_input
from winnow.storage.atomic_files import write_bytes
from winnow.storage.locations.location import resolve_below
from winnow.storage.receipts import parse_sealed, seal_json
from winnow.storage.shard_receipt import ShardResult, finish_store, merge_counters
from winnow.tables.table import Table

COUNTS_FILE = ".selection.json"
SELECTION, CONTROL = "selected", "control"


class SelectStep(SelectConfig):
    """The rules of the selection, in their order."""

    step_name: ClassVar[str] = "select"
    store_names: ClassVar[tuple[str, ...]] = (SELECTION, CONTROL)

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
        request, folder = self._request(context), context.out / SELECTION
        targets = [SelectTarget(folder, request.work(request.config.describe(), folder))]
        if self.control:
            folder = context.out / CONTROL
            targets.append(SelectTarget(folder, request.work(CONTROL, folder), is_control=True))
        unfinished = tuple(
            target for target in targets if not is_finished(target.folder, target.work, context.shard_names)
        )
        # Without prompts, distinct and the control need all rows at once.
        if request.table.has_role("prompt") or not (request.config.distinct or request.control):
            summary = self._summarize_shards(context, request, targets[0], unfinished)
        else:
            context.observer.on_stage_start(self.step_name, 0)
            summary = select_requested(request).summary
        summary["out"] = str(targets[0].folder)
        if self.control:
            summary["control"] = {"rows": summary["selected"], "out": str(targets[1].folder)}
        for target in targets:
            context.provide(target.folder.name, as_rows=not target.is_control)
        context.finish_step(self.step_name, describe_selection(summary), already_done=not unfinished, **summary)

    def _request(self, context: RunContext) -> SelectRequest:
        values = {
            **{name: getattr(self, name) for name in SelectConfig.model_fields},
            "exclude": resolve_below(context.base, self.exclude),
            "control": context.out / CONTROL if self.control else False,
            "seed": context.seed if self.seed is None else self.seed,
        }
        with options_named_for(Door.RECIPE, SelectConfig, prefix="select."):
            table = open_input(context.rows.path, TableConfig(verdict=self.verdict, score=self.score))
            return check_request(table, SelectConfig.read(values, Door.COMMAND), context.out / SELECTION)

    def _summarize_shards(
        self, context: RunContext, request: SelectRequest, selection: SelectTarget, unfinished: tuple[SelectTarget, ...]
    ) -> dict[str, Any]:
        """Select, unless every target is finished and its counts are stored, and return the summary."""
        counts_path, identity = context.out / COUNTS_FILE, selection.work.identity()
        counts = None if unfinished else _read_counts(counts_path, identity)
        if counts is None:
            results = self._select_shards(context, request, unfinished)
            counts = {name: dict(values) for name, values in merge_counters(results).items()}
            write_bytes(counts_path, seal_json({"identity": identity, "counts": counts}))
            for target in unfinished:
                finish_store(target.folder, "selection", target.work, context.shard_names)
        return summarize_counts(request.table, request.config.describe(), counts)

    def _select_shards(
        self, context: RunContext, request: SelectRequest, unfinished: tuple[SelectTarget, ...]
    ) -> list[ShardResult]:
        source, names = context.rows.path, context.shard_names
        for target in unfinished:
            prepare_shard_folder(target.folder, names)
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


def _read_counts(path: Path, identity: str) -> Counts | None:
    """Read the stored counts of this work; None if the file is missing, damaged or that of other work."""
    try:
        content, is_seal_valid = parse_sealed(path.read_bytes())
        counts: Counts | None = content["counts"] if is_seal_valid and content["identity"] == identity else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return counts
