"""The rules as DuckDB queries: each takes the rows that the rule before it left, and counts what it drops and why.

Every rule makes a table `left_N` of row numbers and the columns that later rules need. Ties and draws are decided by a
seeded number made from the id of each row, so the selection depends only on the data and the seed. The rules that rank
all rows (top-share and max-rows) need the last row to keep: it is found in a whole table, and given for a shard.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from winnow.stages.select.config import SelectConfig
from winnow.stages.select.global_threshold import (
    KeyHistogram,
    Keys,
    RankingRule,
    SearchRange,
    find_last_row,
    score_from_key,
    sort_keys,
)
from winnow.stages.select.pool import count_rows, create_draws
from winnow.tables.table import Table

if TYPE_CHECKING:
    import duckdb

KEY_BATCH_ROWS = 1 << 18
"""How many keys are read at once while the last row of a ranking is sought."""

DROP_REASONS = (
    *("undecided", "fail", "without score", "beyond the threshold", "not drawn", "not the best of its prompt"),
    *("below the top share", "repeated text", "over max-rows", "evaluation prompt"),
)
"""Why a row is left out, in the order of the rules."""

LastRow = tuple[int, ...] | None
"""The keys of the last row that a ranking keeps; None if it keeps all rows, empty if it keeps none."""


@dataclass(frozen=True)
class Cutoffs:
    """The last rows that the rules which rank all rows keep."""

    top_share: LastRow = None
    max_rows: LastRow = None


@dataclass
class SelectionState:
    """The table of the rows left so far, and what each rule dropped."""

    name: str
    count: int
    steps: list[dict[str, Any]] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    prompts_before: int | None = None
    """Prompts in the pool and among the rows left, where a rule has counted them."""
    prompts_after: int | None = None


class RuleQueries:
    """Applies the rules of a selection to the pool, one after the other.

    Args:
        duck: The connection that holds the pool.
        table: The table of the pool, whose ids are read for draws.
        config: The rules, with `passed` decided.
        has_exclusions: Whether the pool says which rows are evaluation prompts.
        cutoffs: Where the rules that rank all rows cut, if the table is one shard of several.
    """

    def __init__(
        self,
        duck: duckdb.DuckDBPyConnection,
        table: Table,
        config: SelectConfig,
        has_exclusions: bool,
        cutoffs: Cutoffs | None = None,
    ) -> None:
        self._duck = duck
        self._table = table
        self._config = config
        self._has_exclusions = has_exclusions
        self._cutoffs = cutoffs
        self._drawn: object = None
        self._best_first = "score asc" if config.lower_is_better else "score desc"
        self._table_number = 0
        needed_columns = {
            "row": True,
            "prompt": True,
            "score": config.needs_scores(),
            "passed": config.passed,
            "text": config.distinct,
            "excluded": has_exclusions,
        }
        self._columns = ", ".join(f"l.{name}" for name, is_needed in needed_columns.items() if is_needed)
        self._state = SelectionState("pool", count_rows(duck, "pool"))

    def apply_rules(self, before: str | None = None) -> SelectionState:
        """Apply the rules in their order: all, or those before the rule of this name."""
        for name, apply in self._rules_in_order():
            if name == before:
                break
            apply()
        return self._state

    def count_keys(self, search_range: SearchRange) -> KeyHistogram:
        """Count the keys of the rows left so far that are in the range."""
        inside = search_range.bucket.contains
        return KeyHistogram.from_parts(keys[inside(keys)] for keys in self._read_keys(search_range))

    def _rules_in_order(self) -> Iterator[tuple[str, Callable[[], object]]]:
        config = self._config
        if config.passed:
            yield "passed", self._apply_passed
        if config.needs_scores():
            yield "scored", partial(self._keep_where, "without score", "score is not null")
        if config.threshold is not None:
            side = "<=" if config.lower_is_better else ">="
            condition = f"score {side} {_float_literal(config.threshold)}"
            yield "threshold", partial(self._keep_where, "beyond the threshold", condition)
        if config.best_of is not None:
            yield "best_of", self._apply_best_of
        if config.top_share is not None:
            yield "top_share", partial(self._apply_top_share, config.top_share)
        if config.distinct:
            yield "distinct", self._apply_distinct
        if config.max_rows is not None:
            yield "max_rows", partial(self._apply_max_rows, config.max_rows)
        if self._has_exclusions:
            yield "exclude", partial(self._keep_where, "evaluation prompt", "not excluded")

    def _apply_passed(self) -> None:
        self._keep_where("undecided", "passed is not null")
        self._keep_where("fail", "passed")

    def _apply_distinct(self) -> None:
        first = "select min(row) as row from {left} group by prompt, text"
        self._keep_rows("repeated text", "{left} l semi join (" + first + ") using (row)")

    def _apply_best_of(self) -> None:
        if isinstance(self._config.best_of, int):
            self._draw("best-of", self._state.name)
            self._keep_first_per_prompt("not drawn", "number, row", self._config.best_of)
        if self._config.keep == 1:
            self._keep_best_per_prompt()
        else:
            self._draw("ties", self._state.name)
            order = f"{self._best_first}, number, row"
            self._keep_first_per_prompt("not the best of its prompt", order, self._config.keep)

    def _keep_first_per_prompt(self, reason: str, order: str, count: int) -> None:
        rank = f"row_number() over (partition by l.prompt order by {order})"
        self._keep_rows(reason, f"{{left}} l join draws using (row) qualify {rank} <= {count}")

    def _keep_best_per_prompt(self) -> None:
        """Keep the best row of each prompt without a sort; numbers are drawn only where the best score is shared."""
        reason, extreme = "not the best of its prompt", "min" if self._config.lower_is_better else "max"
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
        # `bests` has the columns that later rules need, except texts and marks of evaluation prompts.
        needs_whole_rows = self._config.distinct or self._has_exclusions
        self._keep_rows(
            reason,
            "{left} l semi join bests using (row)" if needs_whole_rows else "(from bests select *, true as passed) l",
        )
        # After the step is recorded, which forgets the number of prompts.
        self._state.prompts_after = prompts

    def _break_ties(self) -> None:
        """Replace the rows of `bests` whose score is shared by the row that is drawn first."""
        best_rows_query = "select row, prompt, score from bests semi join tied using (prompt)"
        self._duck.execute(f"insert into tied {best_rows_query}")
        self._draw("ties", "tied")
        self._duck.execute("delete from bests where prompt in (select prompt from tied)")
        rank = "row_number() over (partition by prompt order by number, row)"
        winners_query = f"select prompt, score, row from tied join draws using (row) qualify {rank} = 1"
        self._duck.execute(f"insert into bests {winners_query}")

    def _apply_top_share(self, share: float) -> None:
        reason, last_row = "below the top share", self._find_last_row("top_share", partial(rows_in_share, share))
        if last_row is None:
            self._record_step(reason, self._state.count)
        elif not last_row:
            self._keep_where(reason, "false")
        else:
            side = "<" if self._config.lower_is_better else ">"
            score = _float_literal(score_from_key(last_row[0], self._config.lower_is_better))
            if len(last_row) == 1:
                self._keep_where(reason, f"score {side}= {score}")
                return
            self._draw_ranked("top_share", last_row)
            # Two halves, because DuckDB evaluates a condition with `or` row by row.
            ties = f"select {self._columns} from {{left}} l semi join ({_kept_draws_sql(*last_row[1:])}) using (row)"
            self._keep_rows(reason, f"{{left}} l where score {side} {score} union all {ties}")

    def _apply_max_rows(self, row_limit: int) -> None:
        last_row = self._find_last_row("max_rows", partial(min, row_limit))
        if last_row is not None:
            self._draw_ranked("max_rows", last_row)
            self._keep_rows("over max-rows", f"{{left}} l semi join ({_kept_draws_sql(*last_row)}) using (row)")

    def _find_last_row(self, rule: RankingRule, target_count: Callable[[int], int]) -> LastRow:
        if self._cutoffs is not None:
            last_row: LastRow = getattr(self._cutoffs, rule)
            return last_row
        if target_count(self._state.count) >= self._state.count:
            return None
        return find_last_row(rule, target_count, self.count_keys)

    def _read_keys(self, search_range: SearchRange) -> Iterator[Keys]:
        name = search_range.key_name()
        relation = self._state.name
        if name != "score":
            self._draw_ranked(search_range.rule, search_range.found)
            relation = "draws" if name == "number" else f"draws where number = {search_range.found[-1]}"
        for batch in self._duck.sql(f"select {name} from {relation}").to_arrow_reader(KEY_BATCH_ROWS):
            values = batch.column(0).to_numpy(zero_copy_only=False)
            yield sort_keys(values, self._config.lower_is_better) if name == "score" else values.astype(np.uint64)

    def _draw_ranked(self, rule: RankingRule, found: tuple[int, ...]) -> None:
        """Draw the numbers by which a rule ranks rows: of all, or of those with the score that was found."""
        key = (rule, self._state.name, found[:1] if rule == "top_share" else ())
        if self._drawn == key:
            return
        if rule == "top_share":
            score = _float_literal(score_from_key(found[0], self._config.lower_is_better))
            tied_query = f"select row from {self._state.name} where score = {score}"
            self._duck.execute(f"create or replace temp table tied as {tied_query}")
            self._draw("ties", "tied")
        else:
            self._draw("max-rows", self._state.name)
        self._drawn = key

    def _draw(self, purpose: str, relation: str) -> None:
        create_draws(self._duck, self._table, self._config.seed, purpose, relation)
        self._drawn = None

    def _keep_where(self, reason: str, condition: str) -> None:
        if count_rows(self._duck, f"{self._state.name} where {condition}") == self._state.count:
            self._record_step(reason, self._state.count)
        else:
            self._keep_rows(reason, f"{{left}} l where {condition}")

    def _keep_rows(self, reason: str, rows: str) -> None:
        """Keep some rows.

        Args:
            reason: Why the others are dropped.
            rows: What follows `from` in the query for the rows; the rows left so far are `{left} l`.
        """
        before, previous = self._state.count, self._state.name
        self._table_number += 1
        self._state.name = f"left_{self._table_number}"
        query = f"select {self._columns} from {rows.format(left=previous)}"
        self._duck.execute(f"create temp table {self._state.name} as {query}")
        if previous != "pool":
            self._duck.execute(f"drop table {previous}")
        self._state.count = count_rows(self._duck, self._state.name)
        self._record_step(reason, before)

    def _record_step(self, reason: str, before: int) -> None:
        dropped = before - self._state.count
        self._state.steps.append({"rule": reason, "in": before, "out": self._state.count})
        if dropped:
            self._state.prompts_after = None
            self._state.dropped[reason] = self._state.dropped.get(reason, 0) + dropped


def rows_in_share(share: float, count: int) -> int:
    """How many of so many rows a top share keeps."""
    return math.floor(share * count + 0.5)


def count_prompts(duck: duckdb.DuckDBPyConnection, state: SelectionState) -> tuple[int, int]:
    """How many prompts are in the pool and among the chosen rows."""
    before = _count_distinct_prompts(duck, "pool") if state.prompts_before is None else state.prompts_before
    return before, _count_distinct_prompts(duck, state.name) if state.prompts_after is None else state.prompts_after


def _count_distinct_prompts(duck: duckdb.DuckDBPyConnection, relation: str) -> int:
    return int(duck.execute(f"select count(distinct prompt) from {relation}").fetchall()[0][0])


def _float_literal(value: float) -> str:
    """SQL for exactly this float; a bare literal would be a decimal number."""
    return f"'{value!r}'::double"


def _kept_draws_sql(number: int, row: int | None = None) -> str:
    """SQL for the rows of `draws` up to the last one that is kept."""
    same_number = "true" if row is None else f"row <= {row}"
    return f"select row from draws where number < {number} or (number = {number} and {same_number})"
