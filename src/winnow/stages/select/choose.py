"""The rules as queries: each takes the rows the last one left and says how many went, and why.

Every step makes a table `left_N` of row numbers and what later rules need. Ties and draws follow the seeded
number of a row's id, so the choice depends on nothing but the data and the seed.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from winnow.data.table import Table
from winnow.stages.select.pool import draws
from winnow.stages.select.rules import Rules

if TYPE_CHECKING:
    import duckdb

FEW = 200_000
"""Scores that may be fetched and sorted at once while the cut of a top share is sought."""


@dataclass
class Chosen:
    """The table that holds the chosen rows, and what each rule took away."""

    name: str
    count: int
    steps: list[dict[str, Any]] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    undecided: int = 0
    unscored: int = 0


class Chooser:
    """Applies rules to the pool, one after the other."""

    def __init__(self, duck: duckdb.DuckDBPyConnection, table: Table, rules: Rules, excluding: bool) -> None:
        self._duck = duck
        self._excluding = excluding
        self._table = table
        self._rules = rules
        self._better = "score asc" if rules.lower_is_better else "score desc"
        self._number = 0
        self._chosen = Chosen("pool", self._count("pool"))

    def chosen(self) -> Chosen:
        """All rules, in their order."""
        rules = self._rules
        if rules.passed:
            self._chosen.undecided = self._filter("undecided", "passed is not null")
            self._filter("fail", "passed")
        if rules.scored():
            self._chosen.unscored = self._filter("without score", "score is not null")
        if rules.threshold is not None:
            side = "<=" if rules.lower_is_better else ">="
            self._filter("beyond the threshold", f"score {side} {_sql(rules.threshold)}")
        if rules.best_of is not None:
            self._best_of(rules.best_of, rules.keep)
        if rules.top_share is not None:
            self._top_share(rules.top_share)
        if rules.distinct:
            first = "select min(row) as row from {left} group by prompt, text"
            self._step("repeated text", "select l.* from {left} l semi join (" + first + ") using (row)")
        if rules.max_rows is not None and self._chosen.count > rules.max_rows:
            self._drawn("max-rows", "over max-rows", rules.max_rows, "{left}")
        if self._excluding:
            self._filter("evaluation prompt", "not excluded")
        return self._chosen

    def _best_of(self, drawn: int, keep: int) -> None:
        if drawn:
            draws(self._duck, self._table, self._rules.seed, "best-of", self._chosen.name)
            ranked = "select l.*, row_number() over (partition by prompt order by number, row) as turn from {left} l join draws using (row)"
            self._step("not drawn", f"select * exclude (turn) from ({ranked}) where turn <= {drawn}")
        if keep == 1:
            self._best_one()
        else:
            draws(self._duck, self._table, self._rules.seed, "ties", self._chosen.name)
            ranked = f"select l.*, row_number() over (partition by prompt order by {self._better}, number, row) as turn from {{left}} l join draws using (row)"
            self._step("not the best of its prompt", f"select * exclude (turn) from ({ranked}) where turn <= {keep}")

    def _best_one(self) -> None:
        """The best of each prompt without a sort: the extreme first, draws only where it is shared."""
        extreme = "min" if self._rules.lower_is_better else "max"
        left = self._chosen.name
        self._duck.execute(
            f"create or replace temp table extremes as select prompt, {extreme}(score) as score from {left} group by prompt"
        )
        self._step(
            "not the best of its prompt",
            "select l.* from {left} l join extremes e on l.prompt = e.prompt and l.score = e.score",
        )
        if self._chosen.count > self._count("extremes"):
            self._duck.execute(
                f"create or replace temp table tied as select row, prompt from {self._chosen.name} qualify count(*) over (partition by prompt) > 1"
            )
            draws(self._duck, self._table, self._rules.seed, "ties", "tied")
            loser = "select row from tied join draws using (row) qualify row_number() over (partition by prompt order by number, row) > 1"
            self._step("not the best of its prompt", "select l.* from {left} l anti join (" + loser + ") using (row)")

    def _top_share(self, share: float) -> None:
        wanted = math.floor(share * self._chosen.count + 0.5)
        if wanted >= self._chosen.count:
            self._note("below the top share", self._chosen.count)
            return
        if wanted == 0:
            self._filter("below the top share", "false")
            return
        cut, above = self._cut(wanted)
        side = "<" if self._rules.lower_is_better else ">"
        at_cut = f"select row from {self._chosen.name} where score = {_sql(cut)}"
        self._duck.execute(f"create or replace temp table tied as {at_cut}")
        draws(self._duck, self._table, self._rules.seed, "ties", "tied")
        self._duck.execute(
            f"create or replace temp table lucky as select row from draws order by number, row limit {wanted - above}"
        )
        kept = f"select * from {{left}} where score {side} {_sql(cut)} or row in (select row from lucky)"
        self._step("below the top share", kept)

    def _cut(self, wanted: int) -> tuple[float, int]:
        """The score of the last row within the top `wanted`, and how many rows are strictly better.

        Bisects over the order of floats with one counting query a step, so that nothing is sorted or held.
        """
        sign = "-" if self._rules.lower_is_better else ""
        better = f"({sign}score)"
        left = self._chosen.name
        found = self._duck.execute(f"select min({better}), max({better}) from {left}").fetchone()
        low, high = _ordered(found[0]), _ordered(found[1])  # type: ignore[index]
        above = 0
        inside = self._chosen.count
        while low < high and inside > FEW:
            middle = (low + high) // 2
            count = self._count(f"{left} where {better} > {_sql(_float(middle))}")
            if count >= wanted:
                low, inside = middle + 1, count - above
            else:
                high, inside, above = (
                    middle,
                    self._count(f"{left} where {better} between {_sql(_float(low))} and {_sql(_float(middle))}"),
                    count,
                )
        query = f"select {better} as s from {left} where {better} between {_sql(_float(low))} and {_sql(_float(high))}"
        if low == high:
            cut = _float(low)
        else:
            scores = self._duck.execute(query).fetchnumpy()["s"]
            beyond = self._count(f"{left} where {better} > {_sql(_float(high))}")
            cut = float(np.partition(scores, len(scores) - (wanted - beyond))[len(scores) - (wanted - beyond)])
        strictly = self._count(f"{left} where {better} > {_sql(cut)}")
        return (-cut if sign else cut), strictly

    def _drawn(self, purpose: str, reason: str, count: int, rows: str) -> None:
        draws(self._duck, self._table, self._rules.seed, purpose, rows.format(left=self._chosen.name))
        kept = f"(select row from draws order by number, row limit {count})"
        self._step(reason, f"select l.* from {{left}} l semi join {kept} using (row)")

    def _filter(self, reason: str, condition: str) -> int:
        return self._step(reason, f"select * from {{left}} where {condition}")

    def _step(self, reason: str, query: str) -> int:
        before, old = self._chosen.count, self._chosen.name
        self._number += 1
        self._chosen.name = f"left_{self._number}"
        self._duck.execute(f"create temp table {self._chosen.name} as {query.format(left=old)}")
        if old != "pool":
            self._duck.execute(f"drop table {old}")
        self._chosen.count = self._count(self._chosen.name)
        self._note(reason, before)
        return before - self._chosen.count

    def _note(self, reason: str, before: int) -> None:
        gone = before - self._chosen.count
        self._chosen.steps.append({"rule": reason, "in": before, "out": self._chosen.count})
        if gone:
            self._chosen.dropped[reason] = self._chosen.dropped.get(reason, 0) + gone

    def _count(self, relation: str) -> int:
        found = self._duck.execute(f"select count(*) from {relation}").fetchone()
        return int(found[0]) if found else 0


def _sql(value: float) -> str:
    """A float as SQL that is the same float; a bare literal would be a decimal."""
    return f"'{value!r}'::double"


def _ordered(value: float) -> int:
    """A float as a whole number in the same order."""
    bits: int = struct.unpack("<q", struct.pack("<d", value + 0.0))[0]
    return bits if bits >= 0 else -(bits & 0x7FFFFFFFFFFFFFFF)


def _float(number: int) -> float:
    """The float at this place of the order."""
    value: float = struct.unpack("<d", struct.pack("<q", abs(number)))[0]
    return value if number >= 0 else -value
