"""The step `import`: the table of candidates brought into shards, all candidates of a prompt in one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from winnow.pipeline.recipe_base import RecipeSection
from winnow.pipeline.run_context import RunContext
from winnow.pipeline.run_folder import is_finished
from winnow.storage.locations.location import resolve_below
from winnow.storage.receipts import WorkSpec
from winnow.storage.store import open_store, prepare_store_folder
from winnow.tables.columns import make_columns
from winnow.tables.flat_file import write_quarantine
from winnow.tables.open_table import open_rows, source_receipt
from winnow.tables.quarantine import BadRows
from winnow.tables.shard_import import choose_shard_count, import_table
from winnow.tables.table import Table

VERSION = 1


class ColumnsSection(RecipeSection):
    """Which column plays which part; what is not named is guessed."""

    id: str | None = None
    prompt: str | None = None
    prompt_text: str | None = None
    text: str | None = None
    messages: str | None = None
    reference: str | None = None
    score: str | None = None
    label: str | None = None


class ImportStep(RecipeSection):
    """What goes in."""

    step_name: ClassVar[str] = "import"
    store_names: ClassVar[tuple[str, ...]] = ("candidates",)

    candidates: Annotated[str, Field(description="the table of candidates: a file, a pattern or a store")]
    columns: ColumnsSection = ColumnsSection()
    lists: Annotated[str | None, Field(description="columns that hold a list of candidates per row: a,b")] = None
    bad_rows: Annotated[str, Field(description="refuse, or quarantine:N")] = "refuse"
    shards: Annotated[
        int | None, Field(ge=1, le=512, description="how many shards; judged from the files if absent")
    ] = None

    def table(self, base: Path) -> Table:
        """The candidates where they came from."""
        column_names = {
            **self.columns.model_dump(exclude_none=True),
            **({"candidates": self.lists} if self.lists else {}),
        }
        path = self.candidates if self.candidates == "-" else resolve_below(base, self.candidates)
        return open_rows(path, make_columns(**column_names), BadRows.parse(self.bad_rows))

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
        store = context.stores["candidates"] = open_store(target)
        counts, shards = store.receipt.books, len(store.receipt.shards)
        message = f"{counts.keep:,} candidates in {shards:,} shards"
        context.finish_step(self.step_name, message, already_done=already_done, shards=shards, **counts.to_dict())


def import_work(table: Table, target: Path, shards: int | None) -> WorkSpec:
    """A table brought into shards: its identity."""
    config = {"shards": choose_shard_count(table) if shards is None else shards}
    return WorkSpec("import", VERSION, config, source_receipt(table, target))
