"""Watches that no candidate id stands twice, at any number of rows.

The ids go to DuckDB, which spills, and are compared at the end. Ids that winnow made itself are unique by
construction and are not watched.
"""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType

import pyarrow as pa

from winnow.data.chunks import Rows
from winnow.data.engine import OF_IDS, engine
from winnow.data.errors import BadTable, shown
from winnow.data.table import Parts, Table


class UniqueIds:
    """Collects the ids of a table's rows; `check` refuses the first that stands twice, naming both places."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._stack = ExitStack()
        self.watched = table.columns.id is not None

    def __enter__(self) -> UniqueIds:
        if self.watched:
            self._duck = self._stack.enter_context(engine(OF_IDS))
            self._duck.execute("create table ids (row bigint, id varchar)")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add(self, rows: Rows, parts: Parts) -> None:
        """The ids of more rows."""
        if self.watched:
            self._duck.register("more", pa.table({"row": rows, "id": parts["id"]}))
            self._duck.execute("insert into ids select row, id from more")

    def check(self) -> None:
        """Refuse an id that stands twice."""
        if not self.watched:
            return
        query = "select id, min(row), max(row) from ids group by id having count(*) > 1 order by 2 limit 1"
        repeated = self._duck.execute(query).fetchone()
        if repeated:
            first, second = (self._table.place(row) for row in repeated[1:])
            problem = f"{self._table.columns.id} is {shown(repeated[0])}, as at {first}; an id names one candidate"
            raise BadTable(second, problem, "Name another column with --id, or make this one the prompt with --prompt")
