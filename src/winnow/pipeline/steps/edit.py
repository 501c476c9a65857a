"""The step `edit`: the texts of the candidates, edited, shard by shard; what follows reads the edited ones."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from winnow.pipeline.recipe_base import RecipeSection
from winnow.pipeline.run_context import RunContext
from winnow.storage.store import open_store
from winnow.tables.table import Table


class EditStep(RecipeSection):
    """Token editing."""

    step_name: ClassVar[str] = "edit"
    store_names: ClassVar[tuple[str, ...]] = ("edits",)

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

    def plan(self, table: Table, context: RunContext) -> list[str]:
        self._edit_config(context).work(table, context.out)
        return [f"edit: tokens with a chance of at least {self.threshold:g} by {self.model}"]

    def execute(self, context: RunContext) -> None:
        from winnow.stages.edit.edit_counts import describe_edits
        from winnow.stages.edit.stage import tally_store

        target = context.out / "edits"
        done = context.map_shards(self.step_name, self._edit_config(context), context.stores["candidates"], target)
        # A model is large, and goes with the workers.
        context.workers.shut_down()
        store = context.stores["edits"] = open_store(target)
        summary = tally_store(store).to_dict()
        message = "\n".join([f"{summary['rows']:,} texts edited", *describe_edits(summary)])
        context.finish_step(self.step_name, message, already_done=done is None, **summary)

    def _edit_config(self, context: RunContext) -> Any:
        from winnow.stages.edit.options import edit_map_from_options

        options = self.model_dump(exclude={"model"}, exclude_none=True)
        return edit_map_from_options(str(context.base / self.model), {**options, "seed": context.seed})
