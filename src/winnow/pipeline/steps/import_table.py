"""The step `import`: the candidates in shards, all candidates of a prompt in one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from winnow.pipeline.recipe_base import RecipeSection
from winnow.pipeline.run_context import Provides, RunContext
from winnow.pipeline.run_folder import is_finished
from winnow.stages.config import Door
from winnow.stages.table_config import RoleColumns, TableConfig, open_input
from winnow.storage.locations.location import resolve_below
from winnow.storage.receipts import WorkSpec
from winnow.storage.store import open_store, prepare_store_folder
from winnow.tables.flat_file import write_quarantine
from winnow.tables.open_table import source_receipt
from winnow.tables.shard_import import choose_shard_count, import_table
from winnow.tables.table import Table

VERSION = 1


class ImportStep(RecipeSection):
    """The table of candidates."""

    step_name: ClassVar[str] = "import"
    store_names: ClassVar[tuple[str, ...]] = ("candidates",)
    provides: ClassVar[Provides] = Provides.ROWS

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
        """Open the candidates where they are."""
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
        store = open_store(target)
        context.provide(self.provides, "candidates", store)
        counts, shards = store.receipt.books, len(store.receipt.shards)
        message = f"{counts.keep:,} candidates in {shards:,} shards"
        context.finish_step(self.step_name, message, already_done=already_done, shards=shards, **counts.to_dict())


def import_work(table: Table, target: Path, shards: int | None) -> WorkSpec:
    """The identity of a table in shards."""
    config = {"shards": choose_shard_count(table) if shards is None else shards}
    return WorkSpec("import", VERSION, config, source_receipt(table, target))
