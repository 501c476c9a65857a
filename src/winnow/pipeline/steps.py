"""The steps import, edit, verify, measure and train of a run; the step select has a module of its own.

A step is a section of the recipe that can plan and execute itself, as `run_context.PipelineStep` describes. To add one,
write a class that extends the config of its stage, and name it in `recipe.Recipe`. Steps do not know each other: each
works on the current rows, `context.rows`, and registers the stores it writes with `context.provide`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from winnow.pipeline.run_context import RecipeSection, RunContext
from winnow.pipeline.run_folder import CARD, is_finished, move_aside
from winnow.stages.config import Door, option, options_named_for
from winnow.stages.edit.config import EditConfig
from winnow.stages.measure.config import MeasureConfig
from winnow.stages.measure.evidence import Evidence, EvidenceRequest, finish_evidence, merge_evidence
from winnow.stages.measure.evidence_reader import EvidenceFold, split_labels_by_shard
from winnow.stages.measure.stage import measure, open_labeled
from winnow.stages.shard_tasks import FoldTask
from winnow.stages.table_config import RoleColumns, TableConfig, column, open_input
from winnow.stages.train.config import TrainConfig
from winnow.stages.verify.stage import VerifierUse, VerifyMap, describe_verdicts, summarize_verdicts
from winnow.storage.atomic_files import write_bytes
from winnow.storage.canonical_json import canonical_json
from winnow.storage.locations.location import resolve_below
from winnow.storage.receipts import WorkSpec
from winnow.storage.shard_receipt import merge_counters
from winnow.storage.store import is_store, prepare_store_folder
from winnow.tables.flat_file import write_quarantine
from winnow.tables.imported_shards import choose_shard_count, import_table
from winnow.tables.open_table import open_rows, source_receipt
from winnow.tables.table import Table

if TYPE_CHECKING:
    from winnow.stages.edit.shard_map import EditMap
    from winnow.stages.train.stage import TrainRequest

IMPORT_VERSION = MEASURE_VERSION = 1
MODEL_FOLDER = "student"


class ImportStep(RecipeSection):
    """The table of candidates. It is divided into shards; all candidates of a prompt are in the same shard."""

    step_name: ClassVar[str] = "import"
    store_names: ClassVar[tuple[str, ...]] = ("candidates",)

    candidates: Annotated[str, Field(description="The candidates: a file, a pattern, a store, or - (standard input).")]
    columns: Annotated[RoleColumns, Field(description="The columns that play a role, guessed unless given.")] = (
        RoleColumns()
    )
    lists: Annotated[str | None, Field(description="Columns that hold a list of candidates per row, as a,b.")] = None
    bad_rows: Annotated[
        str, Field(description="What to do with a row that cannot be read: refuse, or quarantine:N.")
    ] = "refuse"
    shards: Annotated[
        int | None, Field(ge=1, le=512, description="The number of shards; by default it follows from the files.")
    ] = None

    def table(self, base: Path) -> Table:
        """Open the table of candidates; its path is relative to `base`."""
        path = self.candidates if self.candidates == "-" else resolve_below(base, self.candidates)
        options = {**self.columns.model_dump(), "candidates": self.lists or None, "bad_rows": self.bad_rows}
        return open_input(path, TableConfig.read(options, Door.COMMAND))

    def plan(self, table: Table, context: RunContext) -> list[str]:
        return [
            f"import: {table.name} into {self.shards or choose_shard_count(table):,} shards",
            table.columns.summary(),
        ]

    def execute(self, context: RunContext) -> None:
        table, target = self.table(context.base), context.out / "candidates"
        work = import_work(table, target, self.shards)
        already_done = is_finished(target, work)
        if not already_done:
            context.observer.on_stage_start(self.step_name, 0)
            prepare_store_folder(target)
            import_table(table, target, work)
            write_quarantine(target, table.bad_rows)
        store = context.provide("candidates")
        counts, shards = store.receipt.books, len(store.receipt.shards)
        message = f"{counts.keep:,} candidates in {shards:,} shards"
        context.finish_step(self.step_name, message, already_done=already_done, shards=shards, **counts.to_dict())


def import_work(table: Table, target: Path, shards: int | None) -> WorkSpec:
    """Describe the work of importing a table in this number of shards, or in a number that follows from its files."""
    config = {"shards": choose_shard_count(table) if shards is None else shards}
    return WorkSpec("import", IMPORT_VERSION, config, source_receipt(table, target))


class EditStep(EditConfig):
    """Token editing: the texts of the candidates are edited, and later steps read the edited texts."""

    step_name: ClassVar[str] = "edit"
    store_names: ClassVar[tuple[str, ...]] = ("edits",)

    model: Annotated[str, option("A model folder; its path is relative to the recipe unless absolute.")]

    def plan(self, table: Table, context: RunContext) -> list[str]:
        self._edit_map(context).work(table, context.out)
        return [f"edit: tokens with a probability of at least {self.threshold:g} under {self.model}"]

    def execute(self, context: RunContext) -> None:
        from winnow.stages.edit.edit_counts import describe_edits, tally_store

        target = context.out / "edits"
        results = context.map_shards(self.step_name, self._edit_map(context), target)
        # The workers hold the model in memory, so they end here.
        context.workers.shut_down()
        store = context.provide("edits")
        summary = tally_store(store).to_dict()
        message = "\n".join([f"{summary['rows']:,} texts edited", *describe_edits(summary)])
        context.finish_step(self.step_name, message, already_done=results is None, **summary)

    def _edit_map(self, context: RunContext) -> EditMap:
        from winnow.stages.edit.shard_map import EditMap

        options = self.model_dump(exclude={"model"})
        if "seed" not in self.model_fields_set:
            options["seed"] = context.seed
        return EditMap(str(context.base / self.model), EditConfig(**options))


class VerifyEntry(BaseModel):
    """A verifier; every key beside `use` is one of its options."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: Annotated[str, option("A verifier by name, or a function as module:function.", flag="--with")]


class VerifyStep(RootModel[Annotated[tuple[VerifyEntry, ...], Field(min_length=1)]]):
    """The verifiers and their options."""

    model_config = ConfigDict(frozen=True)

    step_name: ClassVar[str] = "verify"
    store_names: ClassVar[tuple[str, ...]] = ("verdicts",)

    def plan(self, table: Table, context: RunContext) -> list[str]:
        stage = VerifyMap(self._uses())
        with options_named_for(Door.RECIPE, VerifyEntry, prefix="verify."):
            stage.work(table, context.out)
        return [f"verify: by {', '.join(entry['name'] for entry in stage.config()['verifiers'])}"]

    def execute(self, context: RunContext) -> None:
        stage, target = VerifyMap(self._uses(), context.engine.batch), context.out / "verdicts"
        results = context.map_shards(self.step_name, stage, target)
        # The processes and models of verifiers end with the workers.
        context.workers.shut_down()
        store = context.provide("verdicts")
        row_counts = store.receipt.books
        verdicts = [summarize_verdicts(name, counts) for name, counts in merge_counters(results or []).items()]
        message = "\n".join([f"{row_counts.keep:,} candidates judged", *map(describe_verdicts, verdicts)])
        context.finish_step(
            self.step_name, message, already_done=results is None, verifiers=verdicts, **row_counts.to_dict()
        )

    def _uses(self) -> tuple[VerifierUse, ...]:
        return tuple((entry.use, tuple(sorted((entry.model_extra or {}).items()))) for entry in self.root)


class MeasureStep(MeasureConfig):
    """Measure the verifiers: every option of the command measure, and where verdicts and labels are."""

    step_name: ClassVar[str] = "measure"
    store_names: ClassVar[tuple[str, ...]] = ()

    labels: Annotated[str | None, option("A file of labels, joined by candidate id, else by row.")] = None
    label: Annotated[str | None, column("Labels (right or wrong, or a grade); several as a,b.")] = None
    verdict: Annotated[str | None, column("The verdicts to measure; several as a,b, by default all.")] = None
    score: Annotated[str | None, column("The score to measure at the threshold.")] = None
    seed: Annotated[int | None, option("The seed of the bootstrap, by default that of the run.", ge=0)] = None  # type: ignore[assignment]

    def plan(self, table: Table, context: RunContext) -> list[str]:
        return [f"measure: labels from {self.labels or 'the table'}"]

    def execute(self, context: RunContext) -> None:
        seed = context.seed if self.seed is None else self.seed
        options = self.model_dump(include=set(MeasureConfig.model_fields))
        errors = resolve_below(context.base, None if self.errors is None else str(self.errors))
        config = MeasureConfig.read({**options, "seed": seed, "errors": errors})
        columns = self.model_dump(include={"label", "verdict", "score"})
        inputs = TableConfig.read({**columns, "labels": resolve_below(context.base, self.labels)})
        table = open_labeled(context.rows.path, inputs, config)
        # The labels are part of the identity through the receipt of the table.
        identity_options = {**self.identity("labels"), "seed": seed}
        work = WorkSpec("measure", MEASURE_VERSION, identity_options, source_receipt(table, context.out))
        target, identity = context.out / CARD, work.identity()
        result = _read_card(target, identity)
        already_done = result is not None
        if result is None:
            if target.exists():
                move_aside(target)

            def read_evidence(table: Table, request: EvidenceRequest) -> Evidence:
                return _read_evidence_by_shard(table, request, context)

            report = measure(table, config, read=read_evidence, looks_beside=target)
            result = {"words": report.describe(), "card": report.to_dict()}
            write_bytes(target, (canonical_json({"identity": identity, **result}) + "\n").encode())
        context.finish_step(self.step_name, str(result["words"]), already_done=already_done, card=result["card"])


def _read_card(path: Path, identity: str) -> dict[str, Any] | None:
    """Read a card, or return None if it is not the result of the work with this identity."""
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and content.get("identity") == identity else None


def _read_evidence_by_shard(table: Table, request: EvidenceRequest, context: RunContext) -> Evidence:
    """Read the evidence of the current rows with the engine of the run."""
    columns = table.columns.without_guesses()
    labels = split_labels_by_shard(table, [shard.rows for shard in context.stores["candidates"].receipt.shards])
    if labels is not None:
        columns = replace(columns, label=None)
    tasks = [
        FoldTask(EvidenceFold(request, None if labels is None else labels[number]), context.rows.path, number, columns)
        for number in range(len(context.shard_names))
    ]
    context.observer.on_stage_start("measure", 0)
    return finish_evidence(reduce(merge_evidence, context.summarize_shards(tasks)))


class TrainStep(TrainConfig):
    """Train a small student on the current rows, which are the selected ones after a select.

    A stopped training continues from its last checkpoint.
    """

    step_name: ClassVar[str] = "train"
    store_names: ClassVar[tuple[str, ...]] = (MODEL_FOLDER,)

    use: Annotated[Literal["torch"], option("The library that trains.")] = "torch"

    def plan(self, table: Table, context: RunContext) -> list[str]:
        request = self._request(context)
        start = self.base or f"scratch ({request.model})"
        return [f"train: from {start}, {request.config}"]

    def execute(self, context: RunContext) -> None:
        from winnow.stages.train import stage, training_folder
        from winnow.stages.train.examples import read_examples
        from winnow.stages.train.stage import make_progress_printer

        table = open_rows(context.rows.path)
        request, target = self._request(context), context.out / MODEL_FOLDER
        work = stage.build_work(table, request, read_examples(table))
        already_done = is_finished(target, work)
        # A stopped training with other options is moved aside like a finished one.
        if (
            target.is_dir()
            and not is_store(target)
            and training_folder.read_identity(target) not in (None, work.identity())
        ):
            move_aside(target)
        context.observer.on_stage_start(self.step_name, 0)
        trained = stage.train(table, request, make_progress_printer())
        context.provide(MODEL_FOLDER, as_rows=False)
        context.finish_step(self.step_name, trained.describe(), **{**trained.to_dict(), "already_done": already_done})

    def _request(self, context: RunContext) -> TrainRequest:
        from winnow.stages.train.stage import make_request

        options = {name: getattr(self, name) for name in TrainConfig.model_fields}
        if "seed" not in self.model_fields_set:
            options["seed"] = context.seed
        return make_request(TrainConfig(**options), context.out / MODEL_FOLDER, context.base)
