"""The step train: a small model is fitted to the current rows, which are the selected ones after a select.

The model is a finished result like any other, and a stopped training continues from its last checkpoint. torch is
imported when the step is planned or executed, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from winnow.pipeline.run_context import Provides, RunContext
from winnow.pipeline.run_folder import is_finished, move_aside
from winnow.stages.config import option
from winnow.stages.train.config import TrainConfig
from winnow.storage.store import is_store, open_store
from winnow.tables.open_table import open_rows
from winnow.tables.table import Table

if TYPE_CHECKING:
    from winnow.stages.train.stage import TrainRequest

MODEL_FOLDER = "student"


class TrainStep(TrainConfig):
    """The section train: a small student of the current rows."""

    step_name: ClassVar[str] = "train"
    store_names: ClassVar[tuple[str, ...]] = (MODEL_FOLDER,)
    provides: ClassVar[Provides] = Provides.MODEL

    use: Annotated[Literal["torch"], option("The library that trains.")] = "torch"

    def plan(self, table: Table, context: RunContext) -> list[str]:
        request = self._request(context)
        start = self.base or f"scratch ({request.model})"
        return [f"train: from {start}, {request.config}"]

    def execute(self, context: RunContext) -> None:
        from winnow.stages.train import checkpoint, stage
        from winnow.stages.train.examples import read_examples
        from winnow.stages.train.progress import make_progress_printer

        table = open_rows(context.rows.path)
        request, target = self._request(context), context.out / MODEL_FOLDER
        work = stage.build_work(table, request, read_examples(table))
        already_done = is_finished(target, work)
        # A stopped training with other options is moved aside like a finished one.
        if target.is_dir() and not is_store(target) and checkpoint.read_identity(target) not in (None, work.identity()):
            move_aside(target)
        context.observer.on_stage_start(self.step_name, 0)
        trained = stage.train(table, request, make_progress_printer())
        context.provide(self.provides, MODEL_FOLDER, open_store(target))
        context.finish_step(self.step_name, trained.describe(), **{**trained.to_dict(), "already_done": already_done})

    def _request(self, context: RunContext) -> TrainRequest:
        from winnow.stages.train.stage import make_request

        options = {name: getattr(self, name) for name in TrainConfig.model_fields}
        if "seed" not in self.model_fields_set:
            options["seed"] = context.seed
        return make_request(TrainConfig(**options), context.out / MODEL_FOLDER, context.base)
