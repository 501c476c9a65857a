"""The step `select`: the rows to train on, and as many drawn at random to compare against.

Shard by shard, with cuts for the rules that rank all rows. What was counted on the way is kept beside the selection,
sealed, so that it can be said again; where it is gone or damaged, it is counted again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import reduce
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from winnow.pipeline.recipe_base import RecipeSection
from winnow.pipeline.run_context import RunContext, remove_other_shards
from winnow.pipeline.run_folder import is_finished
from winnow.stages.columns_in_use import verdict_columns
from winnow.stages.select import SelectRequest, planned_work, resolve_request, select
from winnow.stages.select.report import describe_selection
from winnow.stages.select.rules import SelectionRules, parse_best_of
from winnow.stages.select.shard_job import Counts, SelectTarget, ShardJob, select_shard, summarize_counts
from winnow.stages.select.threshold_search import SelectConfig, find_cutoffs
from winnow.stages.shard_tasks import FoldSummary, FoldTask, ShardFold
from winnow.storage.atomic_files import make_folder, write_bytes
from winnow.storage.locations.location import resolve_below
from winnow.storage.receipts import seal_json
from winnow.storage.shard_receipt import ShardResult, finish_store, merge_counters, remove_shard_receipts
from winnow.storage.store import Store, open_store
from winnow.tables.columns import make_columns
from winnow.tables.open_table import open_rows
from winnow.tables.table import Table

COUNTS_FILE = ".selection.json"
FOLDER_NAMES = {"selection": "selected", "control": "control"}


class SelectStep(RecipeSection):
    """The rules of the selection, in their order."""

    step_name: ClassVar[str] = "select"
    store_names: ClassVar[tuple[str, ...]] = ("selected", "control")

    verdict: Annotated[str | None, Field(description="the verdicts that decide: a,b; all if absent")] = None
    score: Annotated[str | None, Field(description="the score to go by, where there are several")] = None
    passed: bool | None = None
    threshold: float | None = None
    best_of: Annotated[int, Field(ge=1)] | Literal["all"] | None = None
    keep: Annotated[int, Field(ge=1)] = 1
    top_share: Annotated[float | None, Field(ge=0, le=1)] = None
    distinct: bool = False
    max_rows: Annotated[int | None, Field(ge=0)] = None
    exclude: Annotated[str | None, Field(description="a table of evaluation prompts")] = None
    by: Literal["text", "ngram13"] = "text"
    lower_is_better: bool = False
    control: Annotated[bool, Field(description="also draw as many rows at random")] = False

    def plan(self, table: Table, context: RunContext) -> list[str]:
        return [f"select: {self._rules(context.seed).describe()}"]

    def execute(self, context: RunContext) -> None:
        source_store = context.latest("verdicts", "edits", "candidates")
        table = open_rows(source_store.path, make_columns(**({"score": self.score} if self.score else {})))
        request = self._request(context)
        works = planned_work(table, request)
        targets = [
            SelectTarget(context.out / FOLDER_NAMES[name], work, name == "control") for name, work in works.items()
        ]
        unfinished = tuple(target for target in targets if not is_finished(target.folder, target.work))
        for target in targets:
            if target not in unfinished:
                # A run that was stopped right after the receipt left those of the shards.
                remove_shard_receipts(target.folder, [shard.name for shard in source_store.receipt.shards])
        if is_shardable(table, request):
            summary = _ShardedSelection(context, source_store, request, table, self._exclude_path(context)).summarize(
                targets[0], unfinished
            )
        else:
            context.observer.on_stage_start(self.step_name, 0)
            summary = select(table, request).summary
        summary["out"] = str(targets[0].folder)
        if self.control:
            summary["control"] = {"rows": summary["selected"], "out": str(targets[1].folder)}
        context.stores |= {target.folder.name: open_store(target.folder) for target in targets}
        context.finish_step(
            self.step_name, "\n".join(describe_selection(summary)), already_done=not unfinished, **summary
        )

    def _request(self, context: RunContext) -> SelectRequest:
        exclude = self._exclude_path(context)
        control = context.out / FOLDER_NAMES["control"] if self.control else False
        return SelectRequest(
            rules=self._rules(context.seed),
            verdict=self.verdict,
            exclude=None if exclude is None else open_rows(exclude),
            out=context.out / FOLDER_NAMES["selection"],
            control=control,
        )

    def _exclude_path(self, context: RunContext) -> str | None:
        return None if self.exclude is None else resolve_below(context.base, self.exclude)

    def _rules(self, seed: int) -> SelectionRules:
        known = {f.name for f in fields(SelectionRules)}
        options = {name: value for name, value in self.model_dump(exclude_none=True).items() if name in known}
        if self.best_of is not None:
            options["best_of"] = parse_best_of(str(self.best_of))
        return SelectionRules(**options, exclude_by=self.by, seed=seed)


@dataclass(frozen=True)
class _ShardedSelection:
    """A selection that is made shard by shard; what was counted is kept beside it, for when it stands finished."""

    context: RunContext
    source_store: Store
    request: SelectRequest
    table: Table
    exclude: str | None

    def summarize(self, selection: SelectTarget, unfinished: tuple[SelectTarget, ...]) -> dict[str, Any]:
        """What is said of the choice, once nothing of it is left to do."""
        table, rules = resolve_request(self.table, self.request)
        counts_path, identity = self.context.out / COUNTS_FILE, selection.work.identity()
        counts = None if unfinished else _read_counts(counts_path, identity)
        if counts is None:
            counts = {
                name: dict(values)
                for name, values in merge_counters(self._select_shards(table, rules, unfinished)).items()
            }
            write_bytes(counts_path, seal_json({"identity": identity, "counts": counts}))
            for target in unfinished:
                finish_store(target.folder, "selection", target.work, self._shard_names())
        return summarize_counts(table, rules.describe(), counts)

    def _select_shards(
        self, table: Table, rules: SelectionRules, unfinished: tuple[SelectTarget, ...]
    ) -> list[ShardResult]:
        for target in unfinished:
            make_folder(target.folder)
            remove_other_shards(target.folder, self._shard_names())
        verdicts = tuple(verdict_columns(table, self.request.verdict)) if rules.passed else ()
        config, columns = SelectConfig(rules, verdicts, self.exclude), table.columns.without_guesses()
        numbers, source = range(len(self._shard_names())), self.source_store.path

        def fold_shards(fold: ShardFold[FoldSummary]) -> FoldSummary:
            return reduce(
                fold.merge,
                self.context.summarize_shards([FoldTask(fold, source, number, columns) for number in numbers]),
            )

        self.context.observer.on_stage_start(SelectStep.step_name, 0)
        thresholds = find_cutoffs(config, fold_shards)
        self.context.observer.on_stage_start(SelectStep.step_name, len(numbers))
        numbered_names = enumerate(self._shard_names())
        return self.context.run_shard_jobs(
            select_shard,
            [
                ShardJob(config, thresholds, source, number, name, columns, unfinished)
                for number, name in numbered_names
            ],
        )

    def _shard_names(self) -> list[str]:
        return [shard.name for shard in self.source_store.receipt.shards]


def _read_counts(path: Path, identity: str) -> Counts | None:
    """What was counted of this work, if it stands there as it was written."""
    try:
        raw = path.read_bytes()
        content = json.loads(raw)
        counts: Counts = content["counts"]
        is_intact = seal_json({name: content[name] for name in ("identity", "counts")}) == raw
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return counts if is_intact and content["identity"] == identity else None


def is_shardable(table: Table, request: SelectRequest) -> bool:
    """Whether every rule can be decided in shards: without prompts, some texts and draws are the whole table's."""
    return table.has_role("prompt") or not (request.rules.distinct or request.control)
