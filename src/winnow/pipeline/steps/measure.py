"""The step `measure`: the card of the verifiers, from a few labels; the evidence is summed up shard by shard.

The card is one file, which carries the identity of the work it is the result of.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from winnow.pipeline.recipe_base import RecipeSection
from winnow.pipeline.run_context import RunContext
from winnow.pipeline.run_folder import move_aside, read_result_file, write_result_file
from winnow.stages.measure.evidence import EvidenceRequest, VerifierEvidence, build_evidence
from winnow.stages.measure.shard_evidence import merge_evidence
from winnow.stages.measure.shard_fold import EvidenceFold, split_labels_by_shard
from winnow.stages.measure.stage import EvidenceReader, MeasureConfig, measure
from winnow.stages.shard_tasks import FoldTask
from winnow.statistics.card_inputs import MeasureOptions, SamplingDesign
from winnow.storage.locations.location import resolve_below
from winnow.storage.receipts import WorkSpec
from winnow.storage.store import Store
from winnow.tables.columns import make_columns
from winnow.tables.open_table import join_labels, open_rows, source_receipt
from winnow.tables.table import Table

VERSION = 1


class MeasureStep(RecipeSection):
    """The card."""

    step_name: ClassVar[str] = "measure"
    store_names: ClassVar[tuple[str, ...]] = ()

    labels: Annotated[str | None, Field(description="labels in another file")] = None
    label: Annotated[str | None, Field(description="the label columns: a,b")] = None
    verdict: str | None = None
    right_if: str | None = None
    labels_drawn: Literal["random", "by-verdict", "by-label"] = "random"
    labels_by: str | None = None
    classes: Literal[2] | None = None
    by: str | None = None

    def plan(self, table: Table, context: RunContext) -> list[str]:
        return [f"measure: labels from {self.labels or 'the table'}"]

    def execute(self, context: RunContext) -> None:
        source_store, target = context.latest("verdicts", "edits", "candidates"), context.out / "card.json"
        table = self._labeled_table(source_store, context.base)
        config = {**self.model_dump(exclude={"labels"}), "seed": context.seed}
        identity = WorkSpec("measure", VERSION, config, source_receipt(table, context.out)).identity()
        result = read_result_file(target, identity)
        already_done = result is not None
        if result is None:
            if target.exists():
                move_aside(target)
            method = MeasureOptions(
                SamplingDesign(self.labels_drawn), self.classes, judge=self.labels_by, seed=context.seed
            )
            measure_config = MeasureConfig(self.verdict, right_if=self.right_if, by=self.by, label_options=method)
            measured = measure(table, measure_config, _shard_reader(source_store, context))
            result = {"words": measured.describe(), "card": measured.to_dict()}
            write_result_file(target, identity, result)
        context.finish_step(self.step_name, str(result["words"]), already_done=already_done, card=result["card"])

    def _labeled_table(self, source_store: Store, base: Path) -> Table:
        column_names = {"label": self.label} if self.label and self.labels is None else {}
        table = open_rows(source_store.path, make_columns(**column_names))
        return table if self.labels is None else join_labels(table, resolve_below(base, self.labels), self.label)


def _shard_reader(source_store: Store, context: RunContext) -> EvidenceReader:
    """Who reads the evidence of a judged store: the engine, shard by shard."""

    def read(table: Table, request: EvidenceRequest) -> VerifierEvidence:
        labels = split_labels_by_shard(table, [shard.rows for shard in context.stores["candidates"].receipt.shards])
        columns = (
            replace(table.columns.without_guesses(), label=None)
            if labels is not None
            else table.columns.without_guesses()
        )
        numbers = range(len(source_store.receipt.shards))
        folds = (EvidenceFold(request, None if labels is None else labels[number]) for number in numbers)
        tasks = [
            FoldTask(fold, source_store.path, number, columns) for number, fold in zip(numbers, folds, strict=True)
        ]
        context.observer.on_stage_start("measure", 0)
        return build_evidence(reduce(merge_evidence, context.summarize_shards(tasks)), request)

    return read
