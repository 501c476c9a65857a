"""What a selection is told in every process: the rules, the columns they read, and where the cuts are.

A shard holds all candidates of its prompts, so the chooser decides in it what it would decide in the whole. What
ranks all rows is found first, as folds over the shards.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Protocol

import numpy as np

from winnow.stages.select.contamination import EvaluationPrompts
from winnow.stages.select.global_threshold import (
    KeyHistogram,
    RankedRows,
    RankingSpec,
    SearchRange,
    find_cutoff,
    sort_keys,
)
from winnow.stages.select.pool import PoolInput, create_draws, load_pool
from winnow.stages.select.rule_queries import Cutoff, Cutoffs, RuleQueries, rows_in_share
from winnow.stages.select.rules import SelectionRules
from winnow.stages.select.shift import TextLengths
from winnow.stages.shard_tasks import FoldSummary, ShardFold
from winnow.tables.duckdb_session import open_duckdb
from winnow.tables.open_table import open_rows
from winnow.tables.table import Table

if TYPE_CHECKING:
    import duckdb

DRAW_PURPOSES = {"top_share": "ties", "max_rows": "max-rows"}
"""What the numbers are drawn for that rank the rows of a rule."""


@dataclass(frozen=True)
class ShardPool:
    """The candidates of a shard in DuckDB, and who chooses among them."""

    duck: duckdb.DuckDBPyConnection
    rule_queries: RuleQueries
    rows: int


@dataclass(frozen=True)
class SelectConfig:
    """The settings of a selection whose rules are settled; `exclude` is the path of a table."""

    rules: SelectionRules
    verdicts: tuple[str, ...]
    exclude: str | None = None

    @contextmanager
    def open_pool(self, shard: Table, cutoffs: Cutoffs, lengths: TextLengths | None = None) -> Iterator[ShardPool]:
        """The pool of a shard."""
        evaluation = None if self.exclude is None else _load_evaluation(self.exclude, self.rules.exclude_by)
        with open_duckdb(threads=1) as duck:
            rows = load_pool(duck, PoolInput(shard, self.rules, self.verdicts, evaluation, lengths))
            yield ShardPool(duck, RuleQueries(duck, shard, self.rules, evaluation is not None, cutoffs), rows)


@dataclass(frozen=True)
class _RankingFold:
    """The rows that the rules before `rule` leave of a shard, as far as it is known where the cut lies."""

    config: SelectConfig
    cutoffs: Cutoffs
    rule: str
    search_range: SearchRange

    def rank_rows(self, shard: Table, with_numbers: bool) -> RankedRows:
        """By score, as far as scores rank; by number only if asked, because numbers take long."""
        rules, uses_scores = self.config.rules, self.rule == "top_share"
        with self.config.open_pool(shard, self.cutoffs) as pool:
            remaining = f"{pool.rule_queries.apply_rules_before(self.rule)} order by row"
            columns = pool.duck.execute(f"select row{', score' if uses_scores else ''} from {remaining}").fetchnumpy()
            rows = np.asarray(columns["row"], np.int64)
            keys = sort_keys(columns["score"] if uses_scores else np.zeros(len(rows)), rules.lower_is_better)
            inside = self.search_range.score.contains(keys)
            rows, keys = rows[inside], keys[inside]
            if not with_numbers:
                return RankedRows(keys, np.zeros_like(keys), rows)
            pool.duck.register("inside", {"row": rows})
            create_draws(pool.duck, shard, rules.seed, DRAW_PURPOSES[self.rule], "inside")
            numbers = pool.duck.execute("select number from draws order by row").fetchnumpy()["number"]
        within = self.search_range.number.contains(numbers)
        return RankedRows(keys[within], numbers[within], rows[within])


class HistogramFold(_RankingFold):
    """How what ranks the rows of a rule is spread."""

    def summarize(self, shard: Table) -> KeyHistogram:
        """In one shard."""
        single_score = self.search_range.has_single_score()
        ranked = self.rank_rows(shard, with_numbers=single_score)
        return KeyHistogram.from_keys(ranked.number if single_score else ranked.score)

    def merge(self, left: KeyHistogram, right: KeyHistogram) -> KeyHistogram:
        """In both."""
        return left.merge(right)


class CollectFold(_RankingFold):
    """The rows among which the cut is."""

    def summarize(self, shard: Table) -> RankedRows:
        """Of one shard."""
        return self.rank_rows(shard, with_numbers=True)

    def merge(self, left: RankedRows, right: RankedRows) -> RankedRows:
        """Of both."""
        return left.merge(right)


class FoldRunner(Protocol):
    """Who has folds summed up over all shards."""

    def __call__(self, fold: ShardFold[FoldSummary]) -> FoldSummary:
        """What the shards say together."""


def find_cutoffs(config: SelectConfig, run_fold: FoldRunner) -> Cutoffs:
    """Where the rules that rank all rows cut."""
    rules, cutoffs = config.rules, Cutoffs()
    if (share := rules.top_share) is not None:
        spec = RankingSpec(partial(rows_in_share, share), True, rules.lower_is_better)
        cutoffs = replace(cutoffs, top_share=_find_cutoff(config, cutoffs, "top_share", spec, run_fold))
    if (row_limit := rules.max_rows) is not None:
        spec = RankingSpec(partial(min, row_limit), False)
        cutoffs = replace(cutoffs, max_rows=_find_cutoff(config, cutoffs, "max_rows", spec, run_fold))
    return cutoffs


def _find_cutoff(
    config: SelectConfig, cutoffs: Cutoffs, rule: str, spec: RankingSpec, run_fold: FoldRunner
) -> Cutoff | None:
    return find_cutoff(
        spec,
        lambda looked: run_fold(HistogramFold(config, cutoffs, rule, looked)),
        lambda looked: run_fold(CollectFold(config, cutoffs, rule, looked)),
    )


@cache
def _load_evaluation(path: str, by: str) -> EvaluationPrompts:
    """The evaluation prompts, read once in a process."""
    return EvaluationPrompts(open_rows(path), by)
