"""The step `train`: a small model fitted to what was selected, or to all candidates where nothing selects.

The model is a finished result like any other; a run that is stopped goes on from the last checkpoint to the same bytes,
on the same machine. torch is loaded when the step is planned or its turn comes, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from winnow.errors import UsageError
from winnow.pipeline.recipe_base import RecipeSection
from winnow.pipeline.run_context import RunContext
from winnow.pipeline.run_folder import is_finished, move_aside
from winnow.storage.store import is_store, open_store
from winnow.tables.open_table import open_rows
from winnow.tables.table import Table

if TYPE_CHECKING:
    from winnow.stages.train import TrainRequest

MODEL_FOLDER = "student"


class TrainStep(RecipeSection):
    """A student."""

    step_name: ClassVar[str] = "train"
    store_names: ClassVar[tuple[str, ...]] = (MODEL_FOLDER,)

    use: Literal["torch"] = "torch"
    base: Annotated[str | None, Field(description="the folder of a trained model to start from")] = None
    shape: Annotated[dict[str, int | str] | None, Field(description="of a new one: kind, tokenizer, width, ...")] = None
    held_out: Annotated[str | None, Field(description="a table that is never learned from")] = None
    verifier: Annotated[str | None, Field(description="judges the answers to the held-out prompts")] = None
    steps: int | None = None
    epochs: float | None = None
    batch: int | None = None
    lr: float | None = None
    warmup: int | None = None
    decay_fraction: float | None = None
    weight_decay: float | None = None
    clip: float | None = None
    patience: int | None = None
    target_accuracy: float | None = None
    eval_every: int | None = None
    checkpoint_every: int | None = None

    def plan(self, table: Table, context: RunContext) -> list[str]:
        request = self._request(context)
        start = self.base or f"scratch ({request.model})"
        return [f"train: from {start}, {request.config}"]

    def execute(self, context: RunContext) -> None:
        from winnow.stages.train import checkpoint, make_progress_printer, stage
        from winnow.stages.train.examples import read_examples

        table = open_rows(context.latest("selected", "verdicts", "candidates").path)
        request, target = self._request(context), context.out / MODEL_FOLDER
        work = stage.build_work(table, request, read_examples(table))
        already_done = is_finished(target, work)
        # A training of other settings that was stopped is moved aside like a finished one.
        if target.is_dir() and not is_store(target) and checkpoint.read_identity(target) not in (None, work.identity()):
            move_aside(target)
        context.observer.on_stage_start(self.step_name, 0)
        trained = stage.train(table, request, make_progress_printer())
        context.stores[MODEL_FOLDER] = open_store(target)
        context.finish_step(self.step_name, trained.describe(), **{**trained.to_dict(), "already_done": already_done})

    def _request(self, context: RunContext) -> TrainRequest:
        from winnow.models.tiny.config import model_config_from
        from winnow.stages.train import TrainConfig, TrainRequest
        from winnow.verifiers.registry import make_verifier

        if self.base is not None and self.shape:
            raise UsageError("train.shape", "and train.base are both given", "A trained model has its shape already")
        model = model_config_from(dict(self.shape or {})) if self.base is None else context.base / self.base
        answer_verifier = None if self.verifier is None else make_verifier(self.verifier)
        held_out = None if self.held_out is None else open_rows(str(context.base / self.held_out))
        return TrainRequest(
            model,
            TrainConfig(**self._settings(), seed=context.seed),
            context.out / MODEL_FOLDER,
            held_out,
            answer_verifier,
        )

    def _settings(self) -> dict[str, Any]:
        """What the recipe says of how to train; the rest has its defaults in the stage."""
        others = {"use", "base", "shape", "held_out", "verifier"}
        return self.model_dump(exclude=others, exclude_none=True)
