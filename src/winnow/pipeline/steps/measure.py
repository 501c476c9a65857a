"""The step `measure`: the card of the verifiers, with evidence read shard by shard.

The card is one file, which carries the identity of the work that it is the result of.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import Annotated, Any, ClassVar

from winnow.pipeline.run_context import Provides, RunContext
from winnow.pipeline.run_folder import move_aside, read_result_file, write_result_file
from winnow.stages.config import option
from winnow.stages.measure.config import MeasureConfig
from winnow.stages.measure.evidence import Evidence, EvidenceRequest, finish_evidence, merge_evidence
from winnow.stages.measure.shard_fold import EvidenceFold, split_labels_by_shard
from winnow.stages.measure.stage import ReadEvidence, measure, open_labeled
from winnow.stages.shard_tasks import FoldTask
from winnow.stages.table_config import TableConfig, column
from winnow.storage.locations.location import resolve_below
from winnow.storage.receipts import WorkSpec
from winnow.storage.store import Store
from winnow.tables.open_table import source_receipt
from winnow.tables.table import Table

VERSION = 1


class MeasureStep(MeasureConfig):
    """Measure verifiers: every option of measure, and where verdicts and labels are."""

    step_name: ClassVar[str] = "measure"
    store_names: ClassVar[tuple[str, ...]] = ()
    provides: ClassVar[Provides] = Provides.NOTHING

    labels: Annotated[str | None, option("A file of labels, joined by candidate id, else by row.")] = None
    label: Annotated[str | None, column("Labels (right or wrong, or a grade); several as a,b.")] = None
    verdict: Annotated[str | None, column("The verdicts to measure; several as a,b, by default all.")] = None
    score: Annotated[str | None, column("The score to measure at the threshold.")] = None
    seed: Annotated[int | None, option("The seed of the bootstrap, by default that of the run.", ge=0)] = None  # type: ignore[assignment]

    def plan(self, table: Table, context: RunContext) -> list[str]:
        return [f"measure: labels from {self.labels or 'the table'}"]

    def execute(self, context: RunContext) -> None:
        target, config = context.out / "card.json", self._config(context)
        columns = self.model_dump(include={"label", "verdict", "score"})
        labels = None if self.labels is None else resolve_below(context.base, self.labels)
        table = open_labeled(context.rows.path, TableConfig.read({**columns, "labels": labels}), config)
        work = WorkSpec("measure", VERSION, self._identity(context), source_receipt(table, context.out))
        result = read_result_file(target, work.identity())
        already_done = result is not None
        if result is None:
            if target.exists():
                move_aside(target)
            report = measure(table, config, read=_shard_reader(context.rows, context), looks_beside=target)
            result = {"words": report.describe(), "card": report.to_dict()}
            write_result_file(target, work.identity(), result)
        context.finish_step(self.step_name, str(result["words"]), already_done=already_done, card=result["card"])

    def _seed(self, context: RunContext) -> int:
        return context.seed if self.seed is None else self.seed

    def _identity(self, context: RunContext) -> dict[str, Any]:
        """What the card depends on besides the table, whose receipt names its labels."""
        return {**self.identity("labels"), "seed": self._seed(context)}

    def _config(self, context: RunContext) -> MeasureConfig:
        errors = None if self.errors is None else resolve_below(context.base, str(self.errors))
        options = self.model_dump(include=set(MeasureConfig.model_fields), exclude={"seed", "errors"})
        return MeasureConfig.read({**options, "seed": self._seed(context), "errors": errors})


def _shard_reader(rows: Store, context: RunContext) -> ReadEvidence:
    """Reads the evidence of a store with the engine of the run, shard by shard."""

    def read(table: Table, request: EvidenceRequest) -> Evidence:
        shards = len(rows.receipt.shards)
        columns = table.columns.without_guesses()
        labels = split_labels_by_shard(table, [shard.rows for shard in context.stores["candidates"].receipt.shards])
        if labels is not None:
            columns = replace(columns, label=None)
        folds = [EvidenceFold(request, None if labels is None else labels[number]) for number in range(shards)]
        tasks = [FoldTask(fold, rows.path, number, columns) for number, fold in enumerate(folds)]
        context.observer.on_stage_start("measure", 0)
        return finish_evidence(reduce(merge_evidence, context.summarize_shards(tasks)))

    return read
