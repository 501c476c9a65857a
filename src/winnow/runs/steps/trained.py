"""The step `train`: a small model fitted to what was selected, or to all candidates where nothing selects.

The model is a finished result like any other; a run that is stopped goes on from the last checkpoint to the same bytes,
on the same machine. torch is loaded when the step is planned or its turn comes, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from winnow.data.errors import UsageError
from winnow.data.stores.opening import open_rows
from winnow.data.stores.store import is_store, open_store
from winnow.data.table import Table
from winnow.runs.folder import aside, stands
from winnow.runs.parts import Part
from winnow.runs.under_way import UnderWay

if TYPE_CHECKING:
    from winnow.stages.train import Request

FOLDER = "student"


class Train(Part):
    """A student."""

    step: ClassVar[str] = "train"
    leaves: ClassVar[tuple[str, ...]] = (FOLDER,)

    use: Literal["torch"] = "torch"
    base: Annotated[str | None, Field(description="the folder of a trained model to start from")] = None
    shape: Annotated[dict[str, int | str] | None, Field(description="of a new one: kind, pieces, width, ...")] = None
    held_out: Annotated[str | None, Field(description="a table that is never learned from")] = None
    verifier: Annotated[str | None, Field(description="judges the answers to the held-out prompts")] = None
    steps: int | None = None
    epochs: float | None = None
    batch: int | None = None
    lr: float | None = None
    warmup: int | None = None
    fall: float | None = None
    weight_decay: float | None = None
    clip: float | None = None
    patience: int | None = None
    enough: float | None = None
    look_every: int | None = None
    keep_every: int | None = None

    def plan(self, table: Table, run: UnderWay) -> list[str]:
        request = self._request(run)
        start = self.base or f"scratch ({request.model})"
        return [f"train: from {start}, {request.settings}"]

    def go(self, run: UnderWay) -> None:
        from winnow.stages.train import checkpoint, stage, told
        from winnow.stages.train.examples import examples

        table = open_rows(run.latest("selected", "verdicts", "candidates").path)
        request, target = self._request(run), run.out / FOLDER
        work = stage.work_of(table, request, examples(table))
        already = stands(target, work)
        # A training of other settings that was stopped is moved aside like a finished one.
        if target.is_dir() and not is_store(target) and checkpoint.belongs_to(target) not in (None, work.identity()):
            aside(target)
        run.watcher.begins(self.step, 0)
        trained = stage.train(table, request, told())
        run.stores[FOLDER] = open_store(target)
        run.ends(self.step, trained.words(), **{**trained.plain(), "already_done": already})

    def _request(self, run: UnderWay) -> Request:
        from winnow.models.tiny.shape import shape_from
        from winnow.stages.train import Request, Settings
        from winnow.verifiers.named import verifier

        if self.base is not None and self.shape:
            raise UsageError("train.shape", "and train.base are both given", "A trained model has its shape already")
        model = shape_from(dict(self.shape or {})) if self.base is None else run.base / self.base
        judge = None if self.verifier is None else verifier(self.verifier)
        held_out = None if self.held_out is None else open_rows(str(run.base / self.held_out))
        return Request(model, Settings(**self._settings(), seed=run.seed), run.out / FOLDER, held_out, judge)

    def _settings(self) -> dict[str, Any]:
        """What the recipe says of how to train; the rest has its defaults in the stage."""
        others = {"use", "base", "shape", "held_out", "verifier"}
        return self.model_dump(exclude=others, exclude_none=True)
