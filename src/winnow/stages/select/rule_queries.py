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

from winnow.stages.select.pool import count_rows, create_draws
from winnow.stages.select.rules import SelectionRules
from winnow.tables.table import Table

if TYPE_CHECKING:
    import duckdb

MAX_SORTED_SCORES = 200_000
"""Scores that may be fetched and sorted at once while the cut of a top share is sought."""

BIN_COUNT = 1000
"""How many bins the scores are counted in, in each pass that seeks the cut."""

DROP_REASONS = (
    *("undecided", "fail", "without score", "beyond the threshold", "not drawn", "not the best of its prompt"),
    *("below the top share", "repeated text", "over max-rows", "evaluation prompt"),
)
"""Why a row is left out, in the order of the rules."""

RuleQuery = Callable[[], object]


@dataclass(frozen=True)
class Cutoff:
    """The last of all rows that a rule keeps: its score, where scores rank, and then its number and its row."""

    seeded_number: int
    row: int
    score: float = 0.0

    def kept_rows_sql(self) -> str:
        """SQL for the rows of `draws` up to this one."""
        same_number = f"number = {self.seeded_number} and row <= {self.row}"
        return f"select row from draws where number < {self.seeded_number} or ({same_number})"


@dataclass(frozen=True)
class Cutoffs:
    """What the rules that rank all rows keep of them; None keeps every row."""

    top_share: Cutoff | None = None
    max_rows: Cutoff | None = None


@dataclass
class SelectionState:
    """The table that holds the chosen rows, and what each rule took away."""

    name: str
    count: int
    steps: list[dict[str, Any]] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    undecided: int = 0
    without_score: int = 0
    prompts_before: int | None = None
    """Prompts in the pool and among the chosen, where a rule counted them on its way."""
    prompts_after: int | None = None


class RuleQueries:
    """Applies rules to the pool, one after the other."""

    def __init__(
        self,
        duck: duckdb.DuckDBPyConnection,
        table: Table,
        rules: SelectionRules,
        has_exclusions: bool,
        cutoffs: Cutoffs | None = None,
    ) -> None:
        self._duck = duck
        self._has_exclusions = has_exclusions
        self._table = table
        self._rules = rules
        self._cutoffs = cutoffs
        self._best_first = "score asc" if rules.lower_is_better else "score desc"
        self._table_number = 0
        needed_columns = {
            "row": True,
            "prompt": True,
            "score": rules.needs_scores(),
            "passed": rules.passed,
            "text": rules.distinct,
        }
        self._columns = ", ".join(
            f"l.{name}" for name, need in {**needed_columns, "excluded": has_exclusions}.items() if need
        )
        self._state = SelectionState("pool", count_rows(duck, "pool"))

    def apply_rules(self) -> SelectionState:
        """All rules, in their order."""
        for _, apply in self._rules_in_order():
            apply()
        return self._state

    def apply_rules_before(self, rule: str) -> str:
        """The table of the rows that the rules before this one leave."""
        for name, apply in self._rules_in_order():
            if name == rule:
                break
            apply()
        return self._state.name

    def _rules_in_order(self) -> Iterator[tuple[str, RuleQuery]]:
        rules = self._rules
        if rules.passed:
            yield "passed", self._apply_passed
        if rules.needs_scores():
            yield "scored", self._apply_scored
        if rules.threshold is not None:
            yield "threshold", partial(self._apply_threshold, rules.threshold)
        if rules.best_of is not None:
            yield "best_of", partial(self._apply_best_of, rules.best_of, rules.keep)
        if rules.top_share is not None:
            yield "top_share", partial(self._apply_top_share, rules.top_share)
        if rules.distinct:
            yield "distinct", self._apply_distinct
        if rules.max_rows is not None:
            yield "max_rows", partial(self._apply_max_rows, rules.max_rows)
        if self._has_exclusions:
            yield "exclude", partial(self._keep_where, "evaluation prompt", "not excluded")

    def _apply_passed(self) -> None:
        self._state.undecided = self._keep_where("undecided", "passed is not null")
        self._keep_where("fail", "passed")

    def _apply_scored(self) -> None:
        self._state.without_score = self._keep_where("without score", "score is not null")

    def _apply_threshold(self, threshold: float) -> None:
        side = "<=" if self._rules.lower_is_better else ">="
        self._keep_where("beyond the threshold", f"score {side} {_float_literal(threshold)}")

    def _apply_distinct(self) -> None:
        first = "select min(row) as row from {left} group by prompt, text"
        self._keep_rows("repeated text", "{left} l semi join (" + first + ") using (row)")

    def _apply_best_of(self, candidates: int, keep: int) -> None:
        if candidates:
            create_draws(self._duck, self._table, self._rules.seed, "best-of", self._state.name)
            self._keep_first_per_prompt("not drawn", "number, row", candidates)
        if keep == 1:
            self._keep_best_per_prompt()
        else:
            create_draws(self._duck, self._table, self._rules.seed, "ties", self._state.name)
            self._keep_first_per_prompt("not the best of its prompt", f"{self._best_first}, number, row", keep)

    def _keep_first_per_prompt(self, reason: str, order: str, count: int) -> None:
        rank = f"row_number() over (partition by l.prompt order by {order})"
        self._keep_rows(reason, f"{{left}} l join draws using (row) qualify {rank} <= {count}")

    def _keep_best_per_prompt(self) -> None:
        """The best of each prompt without a sort: one row of the extreme score, draws only where that is shared."""
        reason, extreme = "not the best of its prompt", "min" if self._rules.lower_is_better else "max"
        best_query = (
            f"select prompt, {extreme}(score) as score, arg_{extreme}(row, score) as row from {self._state.name}"
        )
        self._duck.execute(f"create or replace temp table bests as {best_query} group by prompt")
        prompts = count_rows(self._duck, "bests")
        if self._state.name == "pool":
            self._state.prompts_before = prompts
        same_score = "l.prompt = b.prompt and l.score = b.score and l.row <> b.row"
        ties_query = f"select l.row, l.prompt, l.score from {self._state.name} l join bests b on {same_score}"
        self._duck.execute(f"create or replace temp table tied as {ties_query}")
        if count_rows(self._duck, "tied"):
            self._break_ties()
        # What is wanted further is at hand, but for texts and marks, which only the rows themselves have.
        needs_whole_rows = self._rules.distinct or self._has_exclusions
        self._keep_rows(
            reason,
            "{left} l semi join bests using (row)" if needs_whole_rows else "(from bests select *, true as passed) l",
        )
        self._state.prompts_after = prompts

    def _break_ties(self) -> None:
        """Put the drawn rows into `bests` where others of the same prompt are as good."""
        best_rows_query = "select row, prompt, score from bests semi join tied using (prompt)"
        self._duck.execute(f"insert into tied {best_rows_query}")
        create_draws(self._duck, self._table, self._rules.seed, "ties", "tied")
        self._duck.execute("delete from bests where prompt in (select prompt from tied)")
        rank = "row_number() over (partition by prompt order by number, row)"
        winners_query = f"select prompt, score, row from tied join draws using (row) qualify {rank} = 1"
        self._duck.execute(f"insert into bests {winners_query}")

    def _apply_top_share(self, share: float) -> None:
        if self._cutoffs is not None:
            if (cutoff := self._cutoffs.top_share) is None:
                self._record_step("below the top share", self._state.count)
            else:
                self._keep_down_to(cutoff.score, 0, cutoff.kept_rows_sql())
            return
        row_count = rows_in_share(share, self._state.count)
        if row_count >= self._state.count:
            self._record_step("below the top share", self._state.count)
            return
        if row_count == 0:
            self._keep_where("below the top share", "false")
            return
        score, better_rows = self._find_cutoff_score(row_count)
        tied_rows_kept = row_count - better_rows
        self._keep_down_to(score, tied_rows_kept, f"select row from draws order by number, row limit {tied_rows_kept}")

    def _keep_down_to(self, score: float, tied_rows_kept: int, kept_ties_sql: str) -> None:
        """Keep what is better than this score; of those that have it all, if there is room, else the lucky ones."""
        side = "<" if self._rules.lower_is_better else ">"
        tied_query = f"select row from {self._state.name} where score = {_float_literal(score)}"
        self._duck.execute(f"create or replace temp table tied as {tied_query}")
        if count_rows(self._duck, "tied") > tied_rows_kept:
            create_draws(self._duck, self._table, self._rules.seed, "ties", "tied")
        else:
            kept_ties_sql = "select row from tied"
        # Two halves, because a condition of two joined by `or` is looked up row by row.
        union_query = (
            f"{{left}} l where score {side} {_float_literal(score)} union all select {self._columns} from {{left}} l"
        )
        self._keep_rows("below the top share", f"{union_query} semi join ({kept_ties_sql}) using (row)")

    def _find_cutoff_score(self, row_count: int) -> tuple[float, int]:
        """The score of the last row within the top `wanted`, and how many rows are strictly better.

        Counts scores in bins and looks closer at the bin that holds the cut, until it holds few scores or one.
        """
        better = "(-score)" if self._rules.lower_is_better else "(score)"
        relation, better_rows, rows_in_bin = self._state.name, 0, self._state.count
        low, high = self._duck.execute(f"select min({better}), max({better}) from {relation}").fetchall()[0]
        while low < high and rows_in_bin > MAX_SORTED_SCORES:
            for bin_row in self._duck.execute(_bins_query(better, relation, low, high)).fetchall():
                rows_in_bin, low, high = bin_row
                if better_rows + rows_in_bin >= row_count:
                    break
                better_rows += rows_in_bin
        if low < high:
            query = f"select {better} as s from {relation} where {_between_sql(better, low, high)}"
            scores = np.sort(self._duck.execute(query).fetchnumpy()["s"])
            low = float(scores[len(scores) - (row_count - better_rows)])
            better_rows += len(scores) - int(np.searchsorted(scores, low, "right"))
        return (-low if self._rules.lower_is_better else low), better_rows

    def _apply_max_rows(self, row_limit: int) -> None:
        if self._cutoffs is not None:
            if (cutoff := self._cutoffs.max_rows) is not None:
                self._keep_drawn(cutoff.kept_rows_sql())
        elif self._state.count > row_limit:
            self._keep_drawn(f"select row from draws order by number, row limit {row_limit}")

    def _keep_drawn(self, kept_rows_sql: str) -> None:
        create_draws(self._duck, self._table, self._rules.seed, "max-rows", self._state.name)
        self._keep_rows("over max-rows", f"{{left}} l semi join ({kept_rows_sql}) using (row)")

    def _keep_where(self, reason: str, condition: str) -> int:
        before = self._state.count
        if count_rows(self._duck, f"{self._state.name} where {condition}") == before:
            self._record_step(reason, before)
            return 0
        return self._keep_rows(reason, f"{{left}} l where {condition}")

    def _keep_rows(self, reason: str, rows: str) -> int:
        """Keep the rows of `rows`: what stands behind `from`, the rows left so far being `{left} l`."""
        before, previous = self._state.count, self._state.name
        self._table_number += 1
        self._state.name = f"left_{self._table_number}"
        query = f"select {self._columns} from {rows.format(left=previous)}"
        self._duck.execute(f"create temp table {self._state.name} as {query}")
        if previous != "pool":
            self._duck.execute(f"drop table {previous}")
        self._state.count = count_rows(self._duck, self._state.name)
        self._record_step(reason, before)
        return before - self._state.count

    def _record_step(self, reason: str, before: int) -> None:
        dropped = before - self._state.count
        self._state.steps.append({"rule": reason, "in": before, "out": self._state.count})
        if dropped:
            self._state.prompts_after = None
            self._state.dropped[reason] = self._state.dropped.get(reason, 0) + dropped


def rows_in_share(share: float, count: int) -> int:
    """How many rows a top share keeps."""
    return math.floor(share * count + 0.5)


def _float_literal(value: float) -> str:
    """A float as SQL that is the same float; a bare literal would be a decimal."""
    return f"'{value!r}'::double"


def _between_sql(score_sql: str, low: float, high: float) -> str:
    return f"{score_sql} between {_float_literal(low)} and {_float_literal(high)}"


def _bins_query(score_sql: str, relation: str, low: float, high: float) -> str:
    """SQL for the number, least and greatest score of each bin, best first; halves, so that no width is infinite."""
    width = high / 2 - low / 2 or 1.0
    position_sql = f"({score_sql} / 2 - {_float_literal(low / 2)}) / {_float_literal(width)}"
    bin_sql = f"case when {score_sql} = {_float_literal(high)} then {BIN_COUNT} else floor({position_sql} * {BIN_COUNT})::int end"
    where = _between_sql(score_sql, low, high)
    return f"select count(*), min({score_sql}), max({score_sql}) from {relation} where {where} group by {bin_sql} order by 3 desc"


def count_prompts(duck: duckdb.DuckDBPyConnection, state: SelectionState) -> tuple[int, int]:
    """How many prompts are in the pool and among the chosen."""
    before = _count_distinct_prompts(duck, "pool") if state.prompts_before is None else state.prompts_before
    return before, _count_distinct_prompts(duck, state.name) if state.prompts_after is None else state.prompts_after


def _count_distinct_prompts(duck: duckdb.DuckDBPyConnection, relation: str) -> int:
    return int(duck.execute(f"select count(distinct prompt) from {relation}").fetchall()[0][0])
