"""The step edit: the texts of the current rows are edited shard by shard, and the edited rows replace them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from winnow.pipeline.run_context import Provides, RunContext
from winnow.stages.config import option
from winnow.stages.edit.config import EditConfig
from winnow.storage.store import open_store
from winnow.tables.table import Table

if TYPE_CHECKING:
    from winnow.stages.edit.shard_map import EditMap


class EditStep(EditConfig):
    """The section edit: token editing of the candidates."""

    step_name: ClassVar[str] = "edit"
    store_names: ClassVar[tuple[str, ...]] = ("edits",)
    provides: ClassVar[Provides] = Provides.ROWS

    model: Annotated[str, option("A model folder; its path is relative to the recipe unless absolute.")]

    def plan(self, table: Table, context: RunContext) -> list[str]:
        self._edit_map(context).work(table, context.out)
        return [f"edit: tokens with a probability of at least {self.threshold:g} under {self.model}"]

    def execute(self, context: RunContext) -> None:
        from winnow.stages.edit.edit_counts import describe_edits
        from winnow.stages.edit.stage import tally_store

        target = context.out / "edits"
        results = context.map_shards(self.step_name, self._edit_map(context), context.rows, target)
        # The workers hold the model in memory, so they end here.
        context.workers.shut_down()
        store = open_store(target)
        context.provide(self.provides, "edits", store)
        summary = tally_store(store).to_dict()
        message = "\n".join([f"{summary['rows']:,} texts edited", *describe_edits(summary)])
        context.finish_step(self.step_name, message, already_done=results is None, **summary)

    def _edit_map(self, context: RunContext) -> EditMap:
        from winnow.stages.edit.shard_map import EditMap

        options = self.model_dump(exclude={"model"})
        if "seed" not in self.model_fields_set:
            options["seed"] = context.seed
        return EditMap(str(context.base / self.model), EditConfig(**options))
