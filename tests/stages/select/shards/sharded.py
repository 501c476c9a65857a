"""A selection made shard by shard in one process, and the same made of the whole store as a table.

Shards are merged in an order of chance. What is compared: rows, weights and rules of both stores, books, and what
is said.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from winnow.data.stores.opening import open_rows
from winnow.data.stores.receipts import Books
from winnow.data.stores.shards.done import counted, finish
from winnow.data.stores.shards.imported import import_table
from winnow.data.stores.store import Store, open_store, prepare
from winnow.data.table import open_table
from winnow.runs.steps.imported import import_work
from winnow.stages.mapping import Fold, Glance, Small, summary_of
from winnow.stages.named import verdict_columns
from winnow.stages.select import Request, Rules, intended, select, settled
from winnow.stages.select.shards.choosing import Choosing, cuts_of
from winnow.stages.select.shards.shard import Choice, Target, choose, told


@dataclass(frozen=True)
class Chosen:
    """A selection and its control, as far as the layout of shards does not show."""

    rows: list[dict[str, Any]]
    control: list[dict[str, Any]]
    books: tuple[dict[str, Any], dict[str, Any]]
    summary: dict[str, Any]


def imported(given: object, folder: Path, shards: int) -> Path:
    """A store of candidates."""
    table, target = open_table(given), folder / "candidates"
    prepare(target)
    import_table(table, target, import_work(table, target, shards))
    return target


def by_table(source: Path, rules: Rules, exclude: str | None) -> Chosen:
    """By the chooser of the whole."""
    table = open_rows(source)
    request = _request(source.parent / "whole", rules, exclude)
    summary = select(table, request).summary
    assert isinstance(request.control, Path) and request.out is not None
    return _chosen(open_store(request.out), open_store(request.control), summary)


def by_shards(source: Path, rules: Rules, exclude: str | None, seed: int = 0) -> Chosen:
    """By shards, in an order of chance."""
    draws = random.Random(seed)
    request = _request(source.parent / "shards", rules, exclude)
    table, settled_rules = settled(open_rows(source), request)
    verdicts = tuple(verdict_columns(table, None)) if settled_rules.passed else ()
    choosing, columns = Choosing(settled_rules, verdicts, exclude), table.columns.stated()
    shards = [shard.name for shard in open_store(source).receipt.shards]

    def over_shards(fold: Fold[Small]) -> Small:
        said = [summary_of(Glance(fold, source, number, columns)) for number in range(len(shards))]
        draws.shuffle(said)
        return reduce(fold.merge, said)

    works = intended(open_rows(source), request)
    targets = tuple(Target(request.out.parent / name, work, name == "control") for name, work in works.items())  # type: ignore[union-attr, arg-type]
    for target in targets:
        prepare(target.folder)
    cuts = cuts_of(choosing, over_shards)
    choices = [Choice(choosing, cuts, source, n, name, columns, targets) for n, name in enumerate(shards)]
    done = [choose(choice) for choice in draws.sample(choices, len(choices))]
    one, other = (finish(target.folder, "selection", target.work, shards) for target in targets)
    summary = told(table, settled_rules.said(), counted(done))
    selection, control = (Store(target.folder, receipt) for target, receipt in zip(targets, (one, other), strict=True))
    return _chosen(selection, control, summary)


def _request(folder: Path, rules: Rules, exclude: str | None) -> Request:
    beside = None if exclude is None else open_rows(exclude)
    return Request(rules, exclude=beside, out=folder / "selection", control=folder / "control")


def _chosen(selection: Store, control: Store, summary: dict[str, Any]) -> Chosen:
    rows, drawn = ([row for batch in store.batches() for row in batch.to_pylist()] for store in (selection, control))
    said = {name: value for name, value in summary.items() if name not in ("out", "control")}
    return Chosen(rows, drawn, (_plain(selection.receipt.books), _plain(control.receipt.books)), said)


def _plain(books: Books) -> dict[str, Any]:
    return {**books.plain(), "reasons": dict(sorted(books.reasons.items()))}
