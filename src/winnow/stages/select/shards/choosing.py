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

from winnow.data.engine import engine
from winnow.data.stores.opening import open_rows
from winnow.data.table import Table
from winnow.stages.mapping import Fold, Small
from winnow.stages.select.choose import Chooser, Cut, Cuts, wanted_of
from winnow.stages.select.contamination import Evaluation
from winnow.stages.select.pool import Reading, draws, load
from winnow.stages.select.rules import Rules
from winnow.stages.select.shards.cut import Looked, Ranked, Ranking, Spread, cut_of, keys_of
from winnow.stages.select.shift import Lengths

if TYPE_CHECKING:
    import duckdb

PURPOSES = {"top_share": "ties", "max_rows": "max-rows"}
"""What the numbers are drawn for that rank the rows of a rule."""


@dataclass(frozen=True)
class Pool:
    """The candidates of a shard in DuckDB, and who chooses among them."""

    duck: duckdb.DuckDBPyConnection
    chooser: Chooser
    rows: int


@dataclass(frozen=True)
class Choosing:
    """The settings of a selection whose rules are settled; `exclude` is the path of a table."""

    rules: Rules
    verdicts: tuple[str, ...]
    exclude: str | None = None

    @contextmanager
    def pooled(self, shard: Table, cuts: Cuts, lengths: Lengths | None = None) -> Iterator[Pool]:
        """The pool of a shard."""
        evaluation = None if self.exclude is None else _evaluation(self.exclude, self.rules.exclude_by)
        with engine(threads=1) as duck:
            rows = load(duck, Reading(shard, self.rules, self.verdicts, evaluation, lengths))
            yield Pool(duck, Chooser(duck, shard, self.rules, evaluation is not None, cuts), rows)


@dataclass(frozen=True)
class _Ranking:
    """The rows that the rules before `rule` leave of a shard, as far as it is known where the cut lies."""

    choosing: Choosing
    cuts: Cuts
    rule: str
    looked: Looked

    def ranked(self, shard: Table, numbered: bool) -> Ranked:
        """By score, as far as scores rank; by number only if asked, because numbers take long."""
        rules, scored = self.choosing.rules, self.rule == "top_share"
        with self.choosing.pooled(shard, self.cuts) as pool:
            left = f"{pool.chooser.before(self.rule)} order by row"
            found = pool.duck.execute(f"select row{', score' if scored else ''} from {left}").fetchnumpy()
            rows = np.asarray(found["row"], np.int64)
            keys = keys_of(found["score"] if scored else np.zeros(len(rows)), rules.lower_is_better)
            inside = self.looked.score.holds(keys)
            rows, keys = rows[inside], keys[inside]
            if not numbered:
                return Ranked(keys, np.zeros_like(keys), rows)
            pool.duck.register("inside", {"row": rows})
            draws(pool.duck, shard, rules.seed, PURPOSES[self.rule], "inside")
            numbers = pool.duck.execute("select number from draws order by row").fetchnumpy()["number"]
        within = self.looked.number.holds(numbers)
        return Ranked(keys[within], numbers[within], rows[within])


class Spreading(_Ranking):
    """How what ranks the rows of a rule is spread."""

    def summarize(self, shard: Table) -> Spread:
        """In one shard."""
        one = self.looked.one_score()
        ranked = self.ranked(shard, numbered=one)
        return Spread.of(ranked.number if one else ranked.score)

    def merge(self, one: Spread, other: Spread) -> Spread:
        """In both."""
        return one.merge(other)


class Gathering(_Ranking):
    """The rows among which the cut is."""

    def summarize(self, shard: Table) -> Ranked:
        """Of one shard."""
        return self.ranked(shard, numbered=True)

    def merge(self, one: Ranked, other: Ranked) -> Ranked:
        """Of both."""
        return one.merge(other)


class Folds(Protocol):
    """Who has folds summed up over all shards."""

    def __call__(self, fold: Fold[Small]) -> Small:
        """What the shards say together."""


def cuts_of(choosing: Choosing, over_shards: Folds) -> Cuts:
    """Where the rules that rank all rows cut."""
    rules, cuts = choosing.rules, Cuts()
    if (share := rules.top_share) is not None:
        ranking = Ranking(partial(wanted_of, share), True, rules.lower_is_better)
        cuts = replace(cuts, top_share=_cut(choosing, cuts, "top_share", ranking, over_shards))
    if (most := rules.max_rows) is not None:
        ranking = Ranking(partial(min, most), False)
        cuts = replace(cuts, max_rows=_cut(choosing, cuts, "max_rows", ranking, over_shards))
    return cuts


def _cut(choosing: Choosing, cuts: Cuts, rule: str, ranking: Ranking, over_shards: Folds) -> Cut | None:
    return cut_of(
        ranking,
        lambda looked: over_shards(Spreading(choosing, cuts, rule, looked)),
        lambda looked: over_shards(Gathering(choosing, cuts, rule, looked)),
    )


@cache
def _evaluation(path: str, by: str) -> Evaluation:
    """The evaluation prompts, read once in a process."""
    return Evaluation(open_rows(path), by)
