"""The step `import`: the table of candidates brought into shards, all candidates of a prompt in one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from winnow.data.columns import stated
from winnow.data.places.place import below
from winnow.data.quarantine import BadRows
from winnow.data.stores.flat import write_quarantine
from winnow.data.stores.opening import open_rows, source_receipt
from winnow.data.stores.receipts import Work
from winnow.data.stores.shards.imported import import_table, shards_for
from winnow.data.stores.store import open_store, prepare
from winnow.data.table import Table
from winnow.runs.folder import stands
from winnow.runs.parts import Part
from winnow.runs.under_way import UnderWay

VERSION = 1


class ColumnNames(Part):
    """Which column plays which part; what is not named is guessed."""

    id: str | None = None
    prompt: str | None = None
    prompt_text: str | None = None
    text: str | None = None
    messages: str | None = None
    reference: str | None = None
    score: str | None = None
    label: str | None = None


class Data(Part):
    """What goes in."""

    step: ClassVar[str] = "import"
    leaves: ClassVar[tuple[str, ...]] = ("candidates",)

    candidates: Annotated[str, Field(description="the table of candidates: a file, a pattern or a store")]
    columns: ColumnNames = ColumnNames()
    lists: Annotated[str | None, Field(description="columns that hold a list of candidates per row: a,b")] = None
    bad_rows: Annotated[str, Field(description="refuse, or quarantine:N")] = "refuse"
    shards: Annotated[
        int | None, Field(ge=1, le=512, description="how many shards; judged from the files if absent")
    ] = None

    def table(self, base: Path) -> Table:
        """The candidates where they came from."""
        named = {**self.columns.model_dump(exclude_none=True), **({"candidates": self.lists} if self.lists else {})}
        given = self.candidates if self.candidates == "-" else below(base, self.candidates)
        return open_rows(given, stated(**named), BadRows.parse(self.bad_rows))

    def plan(self, table: Table, run: UnderWay) -> list[str]:
        return [f"import: {table.name} into {self.shards or shards_for(table):,} shards", table.columns.said()]

    def go(self, run: UnderWay) -> None:
        table, target = self.table(run.base), run.out / "candidates"
        work = import_work(table, target, self.shards)
        already = stands(target, work)
        if not already:
            run.watcher.begins(self.step, 0)
            prepare(target)
            import_table(table, target, work)
            write_quarantine(target, table.bad)
        store = run.stores["candidates"] = open_store(target)
        books, shards = store.receipt.books, len(store.receipt.shards)
        words = f"{books.keep:,} candidates in {shards:,} shards"
        run.ends(self.step, words, already_done=already, shards=shards, **books.plain())


def import_work(table: Table, target: Path, shards: int | None) -> Work:
    """A table brought into shards: its identity."""
    config = {"shards": shards_for(table) if shards is None else shards}
    return Work("import", VERSION, config, source_receipt(table, target))
