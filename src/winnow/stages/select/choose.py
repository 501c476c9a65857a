"""The rules as queries: each takes the rows the last one left and says how many went, and why.

Every step makes a table `left_N` of row numbers and what later rules need. Ties and draws follow the seeded
number of a row's id, so the choice depends on nothing but the data and the seed. Where the rows are a shard of more,
what those that rank all rows keep is given as a cut, because a shard alone cannot know it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from winnow.data.table import Table
from winnow.stages.select.pool import counted, draws
from winnow.stages.select.rules import Rules

if TYPE_CHECKING:
    import duckdb

FEW = 200_000
"""Scores that may be fetched and sorted at once while the cut of a top share is sought."""

BINS = 1000
"""How many bins the scores are counted in, in each pass that seeks the cut."""

REASONS = (
    *("undecided", "fail", "without score", "beyond the threshold", "not drawn", "not the best of its prompt"),
    *("below the top share", "repeated text", "over max-rows", "evaluation prompt"),
)
"""Why a row is left out, in the order of the rules."""

Rule = Callable[[], object]


@dataclass(frozen=True)
class Cut:
    """The last of all rows that a rule keeps: its score, where scores rank, and then its number and its row."""

    number: int
    row: int
    score: float = 0.0

    def lucky(self) -> str:
        """SQL for the rows of `draws` up to this one."""
        at = f"number = {self.number} and row <= {self.row}"
        return f"select row from draws where number < {self.number} or ({at})"


@dataclass(frozen=True)
class Cuts:
    """What the rules that rank all rows keep of them; None keeps every row."""

    top_share: Cut | None = None
    max_rows: Cut | None = None


@dataclass
class Chosen:
    """The table that holds the chosen rows, and what each rule took away."""

    name: str
    count: int
    steps: list[dict[str, Any]] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    undecided: int = 0
    unscored: int = 0
    prompts_before: int | None = None
    """Prompts in the pool and among the chosen, where a rule counted them on its way."""
    prompts_after: int | None = None


class Chooser:
    """Applies rules to the pool, one after the other."""

    def __init__(
        self, duck: duckdb.DuckDBPyConnection, table: Table, rules: Rules, excluding: bool, cuts: Cuts | None = None
    ) -> None:
        self._duck = duck
        self._excluding = excluding
        self._table = table
        self._rules = rules
        self._cuts = cuts
        self._better = "score asc" if rules.lower_is_better else "score desc"
        self._number = 0
        used = {"row": True, "prompt": True, "score": rules.scored(), "passed": rules.passed, "text": rules.distinct}
        self._columns = ", ".join(f"l.{name}" for name, need in {**used, "excluded": excluding}.items() if need)
        self._chosen = Chosen("pool", counted(duck, "pool"))

    def chosen(self) -> Chosen:
        """All rules, in their order."""
        for _, apply in self._in_order():
            apply()
        return self._chosen

    def before(self, rule: str) -> str:
        """The table of the rows that the rules before this one leave."""
        for name, apply in self._in_order():
            if name == rule:
                break
            apply()
        return self._chosen.name

    def _in_order(self) -> Iterator[tuple[str, Rule]]:
        rules = self._rules
        if rules.passed:
            yield "passed", self._passed
        if rules.scored():
            yield "scored", self._scored
        if rules.threshold is not None:
            yield "threshold", partial(self._threshold, rules.threshold)
        if rules.best_of is not None:
            yield "best_of", partial(self._best_of, rules.best_of, rules.keep)
        if rules.top_share is not None:
            yield "top_share", partial(self._top_share, rules.top_share)
        if rules.distinct:
            yield "distinct", self._distinct
        if rules.max_rows is not None:
            yield "max_rows", partial(self._max_rows, rules.max_rows)
        if self._excluding:
            yield "exclude", partial(self._filter, "evaluation prompt", "not excluded")

    def _passed(self) -> None:
        self._chosen.undecided = self._filter("undecided", "passed is not null")
        self._filter("fail", "passed")

    def _scored(self) -> None:
        self._chosen.unscored = self._filter("without score", "score is not null")

    def _threshold(self, threshold: float) -> None:
        side = "<=" if self._rules.lower_is_better else ">="
        self._filter("beyond the threshold", f"score {side} {_sql(threshold)}")

    def _distinct(self) -> None:
        first = "select min(row) as row from {left} group by prompt, text"
        self._step("repeated text", "{left} l semi join (" + first + ") using (row)")

    def _best_of(self, drawn: int, keep: int) -> None:
        if drawn:
            draws(self._duck, self._table, self._rules.seed, "best-of", self._chosen.name)
            self._ranked("not drawn", "number, row", drawn)
        if keep == 1:
            self._best_one()
        else:
            draws(self._duck, self._table, self._rules.seed, "ties", self._chosen.name)
            self._ranked("not the best of its prompt", f"{self._better}, number, row", keep)

    def _ranked(self, reason: str, order: str, first: int) -> None:
        turn = f"row_number() over (partition by l.prompt order by {order})"
        self._step(reason, f"{{left}} l join draws using (row) qualify {turn} <= {first}")

    def _best_one(self) -> None:
        """The best of each prompt without a sort: one row of the extreme score, draws only where that is shared."""
        reason, extreme = "not the best of its prompt", "min" if self._rules.lower_is_better else "max"
        grouped = f"select prompt, {extreme}(score) as score, arg_{extreme}(row, score) as row from {self._chosen.name}"
        self._duck.execute(f"create or replace temp table bests as {grouped} group by prompt")
        prompts = counted(self._duck, "bests")
        if self._chosen.name == "pool":
            self._chosen.prompts_before = prompts
        shared = "l.prompt = b.prompt and l.score = b.score and l.row <> b.row"
        others = f"select l.row, l.prompt, l.score from {self._chosen.name} l join bests b on {shared}"
        self._duck.execute(f"create or replace temp table tied as {others}")
        if counted(self._duck, "tied"):
            self._draw_among_tied()
        # What is wanted further is at hand, but for texts and marks, which only the rows themselves have.
        looked_up = self._rules.distinct or self._excluding
        self._step(
            reason, "{left} l semi join bests using (row)" if looked_up else "(from bests select *, true as passed) l"
        )
        self._chosen.prompts_after = prompts

    def _draw_among_tied(self) -> None:
        """Put the drawn rows into `bests` where others of the same prompt are as good."""
        first = "select row, prompt, score from bests semi join tied using (prompt)"
        self._duck.execute(f"insert into tied {first}")
        draws(self._duck, self._table, self._rules.seed, "ties", "tied")
        self._duck.execute("delete from bests where prompt in (select prompt from tied)")
        turn = "row_number() over (partition by prompt order by number, row)"
        drawn = f"select prompt, score, row from tied join draws using (row) qualify {turn} = 1"
        self._duck.execute(f"insert into bests {drawn}")

    def _top_share(self, share: float) -> None:
        if self._cuts is not None:
            if (cut := self._cuts.top_share) is None:
                self._note("below the top share", self._chosen.count)
            else:
                self._down_to(cut.score, 0, cut.lucky())
            return
        wanted = wanted_of(share, self._chosen.count)
        if wanted >= self._chosen.count:
            self._note("below the top share", self._chosen.count)
            return
        if wanted == 0:
            self._filter("below the top share", "false")
            return
        score, above = self._cut(wanted)
        room = wanted - above
        self._down_to(score, room, f"select row from draws order by number, row limit {room}")

    def _down_to(self, score: float, room: int, lucky: str) -> None:
        """Keep what is better than this score; of those that have it all, if there is room, else the lucky ones."""
        side = "<" if self._rules.lower_is_better else ">"
        at_cut = f"select row from {self._chosen.name} where score = {_sql(score)}"
        self._duck.execute(f"create or replace temp table tied as {at_cut}")
        if counted(self._duck, "tied") > room:
            draws(self._duck, self._table, self._rules.seed, "ties", "tied")
        else:
            lucky = "select row from tied"
        # Two halves, because a condition of two joined by `or` is looked up row by row.
        halves = f"{{left}} l where score {side} {_sql(score)} union all select {self._columns} from {{left}} l"
        self._step("below the top share", f"{halves} semi join ({lucky}) using (row)")

    def _cut(self, wanted: int) -> tuple[float, int]:
        """The score of the last row within the top `wanted`, and how many rows are strictly better.

        Counts scores in bins and looks closer at the bin that holds the cut, until it holds few scores or one.
        """
        better = "(-score)" if self._rules.lower_is_better else "(score)"
        left, above, inside = self._chosen.name, 0, self._chosen.count
        low, high = self._duck.execute(f"select min({better}), max({better}) from {left}").fetchall()[0]
        while low < high and inside > FEW:
            for one in self._duck.execute(_binned(better, left, low, high)).fetchall():
                inside, low, high = one
                if above + inside >= wanted:
                    break
                above += inside
        if low < high:
            query = f"select {better} as s from {left} where {_between(better, low, high)}"
            scores = np.sort(self._duck.execute(query).fetchnumpy()["s"])
            low = float(scores[len(scores) - (wanted - above)])
            above += len(scores) - int(np.searchsorted(scores, low, "right"))
        return (-low if self._rules.lower_is_better else low), above

    def _max_rows(self, most: int) -> None:
        if self._cuts is not None:
            if (cut := self._cuts.max_rows) is not None:
                self._drawn(cut.lucky())
        elif self._chosen.count > most:
            self._drawn(f"select row from draws order by number, row limit {most}")

    def _drawn(self, lucky: str) -> None:
        draws(self._duck, self._table, self._rules.seed, "max-rows", self._chosen.name)
        self._step("over max-rows", f"{{left}} l semi join ({lucky}) using (row)")

    def _filter(self, reason: str, condition: str) -> int:
        before = self._chosen.count
        if counted(self._duck, f"{self._chosen.name} where {condition}") == before:
            self._note(reason, before)
            return 0
        return self._step(reason, f"{{left}} l where {condition}")

    def _step(self, reason: str, rows: str) -> int:
        """Keep the rows of `rows`: what stands behind `from`, the rows left so far being `{left} l`."""
        before, old = self._chosen.count, self._chosen.name
        self._number += 1
        self._chosen.name = f"left_{self._number}"
        query = f"select {self._columns} from {rows.format(left=old)}"
        self._duck.execute(f"create temp table {self._chosen.name} as {query}")
        if old != "pool":
            self._duck.execute(f"drop table {old}")
        self._chosen.count = counted(self._duck, self._chosen.name)
        self._note(reason, before)
        return before - self._chosen.count

    def _note(self, reason: str, before: int) -> None:
        gone = before - self._chosen.count
        self._chosen.steps.append({"rule": reason, "in": before, "out": self._chosen.count})
        if gone:
            self._chosen.prompts_after = None
            self._chosen.dropped[reason] = self._chosen.dropped.get(reason, 0) + gone


def wanted_of(share: float, count: int) -> int:
    """How many rows a top share keeps."""
    return math.floor(share * count + 0.5)


def _sql(value: float) -> str:
    """A float as SQL that is the same float; a bare literal would be a decimal."""
    return f"'{value!r}'::double"


def _between(better: str, low: float, high: float) -> str:
    return f"{better} between {_sql(low)} and {_sql(high)}"


def _binned(better: str, left: str, low: float, high: float) -> str:
    """SQL for the number, least and greatest score of each bin, best first; halves, so that no width is infinite."""
    width = high / 2 - low / 2 or 1.0
    place = f"({better} / 2 - {_sql(low / 2)}) / {_sql(width)}"
    bins = f"case when {better} = {_sql(high)} then {BINS} else floor({place} * {BINS})::int end"
    where = _between(better, low, high)
    return f"select count(*), min({better}), max({better}) from {left} where {where} group by {bins} order by 3 desc"


def prompts_of(duck: duckdb.DuckDBPyConnection, chosen: Chosen) -> tuple[int, int]:
    """How many prompts are in the pool and among the chosen."""
    before = _prompts(duck, "pool") if chosen.prompts_before is None else chosen.prompts_before
    return before, _prompts(duck, chosen.name) if chosen.prompts_after is None else chosen.prompts_after


def _prompts(duck: duckdb.DuckDBPyConnection, relation: str) -> int:
    return int(duck.execute(f"select count(distinct prompt) from {relation}").fetchall()[0][0])
