"""The step `edit`: the texts of the candidates, edited, shard by shard; what follows reads the edited ones."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from winnow.data.stores.store import open_store
from winnow.data.table import Table
from winnow.runs.parts import Part
from winnow.runs.under_way import UnderWay


class Edit(Part):
    """Token editing."""

    step: ClassVar[str] = "edit"
    leaves: ClassVar[tuple[str, ...]] = ("edits",)

    model: Annotated[str, Field(description="a model folder; beside the recipe unless the path is absolute")]
    logprobs: Annotated[str | None, Field(description="the column with stored log-probabilities")] = None
    threshold: float = 0.99
    down: float | None = None
    down_by: Literal["resample", "delete"] = "resample"
    top_k: Annotated[int | None, Field(ge=1, description="8 unless another way to draw is named")] = None
    top_p: float | None = None
    rejection: bool = False
    beta: float | None = None
    like: Literal["paper", "code"] = "paper"
    protect: Annotated[tuple[str, ...], Field(description="what stays; [] for nothing")] = (
        *("code", "numbers", "names"),
        *("urls", "chat"),
    )
    protect_regex: tuple[str, ...] = ()
    rounds: Annotated[int, Field(ge=1)] = 1
    read_again: Annotated[int, Field(ge=0)] = 10
    window: int | None = None
    overlap: int | None = None
    device: str | None = None
    batch: Annotated[int, Field(ge=1, description="texts side by side on a GPU")] = 16
    threads: Annotated[int, Field(ge=1)] = 1

    def plan(self, table: Table, run: UnderWay) -> list[str]:
        self._stage(run).work(table, run.out)
        return [f"edit: tokens with a chance of at least {self.threshold:g} by {self.model}"]

    def go(self, run: UnderWay) -> None:
        from winnow.stages.edit.figures import said
        from winnow.stages.edit.stage import tally_of

        target = run.out / "edits"
        done = run.mapped(self.step, self._stage(run), run.stores["candidates"], target)
        # A model is large, and goes with the workers.
        run.workers.let_go()
        store = run.stores["edits"] = open_store(target)
        summary = tally_of(store).plain()
        words = "\n".join([f"{summary['rows']:,} texts edited", *said(summary)])
        run.ends(self.step, words, already_done=done is None, **summary)

    def _stage(self, run: UnderWay) -> Any:
        from winnow.stages.edit.front import editing_of

        given = self.model_dump(exclude={"model"}, exclude_none=True)
        return editing_of(str(run.base / self.model), {**given, "seed": run.seed})
