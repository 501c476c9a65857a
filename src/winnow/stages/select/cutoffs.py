"""Where the rules that rank all rows cut, found by folds over the shards of a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from winnow.stages.select.global_threshold import KeyHistogram, RankingRule, SearchRange, find_last_row
from winnow.stages.select.row_choice import ShardSelection
from winnow.stages.select.rule_queries import Cutoffs, rows_in_share
from winnow.tables.table import Table


@dataclass(frozen=True)
class HistogramFold:
    """The keys in a range, of the rows that the earlier rules leave."""

    selection: ShardSelection
    cutoffs: Cutoffs
    search_range: SearchRange

    def summarize(self, shard: Table) -> KeyHistogram:
        """Count the keys of one shard."""
        with self.selection.open_pool(shard, self.cutoffs) as (_, rules, _):
            rules.apply_rules(before=self.search_range.rule)
            return rules.count_keys(self.search_range)

    def merge(self, left: KeyHistogram, right: KeyHistogram) -> KeyHistogram:
        """Count the keys of both."""
        return left.merge(right)


def find_cutoffs(selection: ShardSelection, run_fold: Callable[[HistogramFold], KeyHistogram]) -> Cutoffs:
    """Find the last row that each rule keeps which ranks all rows.

    Args:
        selection: The settings.
        run_fold: Merges what a fold summarizes of every shard.
    """
    config, cutoffs = selection.config, Cutoffs()
    targets: dict[RankingRule, Callable[[int], int] | None] = {
        "top_share": None if config.top_share is None else partial(rows_in_share, config.top_share),
        "max_rows": None if config.max_rows is None else partial(min, config.max_rows),
    }
    for rule, target_count in targets.items():
        if target_count is not None:
            last_row = find_last_row(rule, target_count, lambda r, c=cutoffs: run_fold(HistogramFold(selection, c, r)))  # type: ignore[misc]
            cutoffs = replace(cutoffs, **{rule: last_row})
    return cutoffs
