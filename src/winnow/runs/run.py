"""A run: candidates into shards, verdicts, the card, the selection; the same command again goes on where it stopped.

Every result is a store whose identity says of which work it is. What stands finished is not done again, what was
asked for otherwise is moved aside, and nothing depends on the engine, the batch or the moment of an interruption.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import reduce
from pathlib import Path
from time import perf_counter
from typing import Any

from winnow.data.columns import stated
from winnow.data.places.place import below, local
from winnow.data.quarantine import BadRows
from winnow.data.stores.atomic import make_folder, refused, write_bytes
from winnow.data.stores.flat import write_quarantine
from winnow.data.stores.opening import candidates, open_rows, source_receipt, with_labels
from winnow.data.stores.receipts import Work
from winnow.data.stores.shards.done import Done, clear, counted, finish, shard_receipt
from winnow.data.stores.shards.imported import import_table, shards_for
from winnow.data.stores.store import Store, open_store, prepare
from winnow.data.table import Table
from winnow.data.values import canonical
from winnow.runs.engines import mapped
from winnow.runs.folder import aside, clear_partials, keep_facts, locked, log, stands
from winnow.runs.recipe import Measure, Recipe, Select
from winnow.stages.decide.evidence import Asked, Evidence, evidence_of
from winnow.stages.decide.measure import Measuring, Reader, measure
from winnow.stages.decide.partial import merge
from winnow.stages.mapping import Glance, Map, Task, do, summary_of
from winnow.stages.measuring import Evidencing, labels_by_shard
from winnow.stages.select import Request, intended, select
from winnow.stages.select.rules import Rules, best_of
from winnow.stages.verify import Tally, said
from winnow.stages.verifying import Use, Verifying
from winnow.stats.evidence import Drawn, How

IMPORT_VERSION = 1
MEASURE_VERSION = 1


class Watcher:
    """Told what a run does; this one keeps silent."""

    def begins(self, stage: str, shards: int) -> None:
        """A stage with this many shards begins."""

    def shard(self, done: Done) -> None:
        """One more shard is done."""

    def ends(self, stage: str, words: str) -> None:
        """A stage has ended, or stood finished."""


@dataclass
class Run:
    """A recipe under way in its folder."""

    recipe: Recipe
    base: Path
    watcher: Watcher = field(default_factory=Watcher)
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def out(self) -> Path:
        """The folder of the run."""
        return self.base / local(self.recipe.out, "out", "a run works in a local folder, which it locks")

    def go(self) -> dict[str, Any]:
        """Do what is not done yet; returns what each stage says of itself."""
        with locked(self.out):
            clear_partials(self.out)
            keep_facts(self.out, self.recipe.resolved(), self.recipe.seed)
            self.told = {"out": str(self.out), "stages": []}
            store = self._stage("import", self._import)
            judged = store
            if self.recipe.verify is not None:
                judged = self._stage("verify", lambda: self._verify(store))
            if (card := self.recipe.measure) is not None:
                self._stage("measure", lambda: self._measure(card, judged, store))
            if (choice := self.recipe.select) is not None:
                self._stage("select", lambda: self._select(choice, judged))
        return self.told

    def plan(self) -> dict[str, Any]:
        """Check what can be checked without writing, and say what would be done."""
        table = self.table()
        shards = self.recipe.data.shards or shards_for(table)
        words = [f"import: {table.name} into {shards:,} shards", table.columns.said()]
        if self.recipe.verify is not None:
            config = Verifying(self.uses()).config()
            Verifying(self.uses()).work(table, self.out)
            words.append(f"verify: by {', '.join(one['name'] for one in config['verifiers'])}")
        if self.recipe.measure is not None:
            words.append(f"measure: labels from {self.recipe.measure.labels or 'the table'}")
        if self.recipe.select is not None:
            words.append(f"select: {self._rules(self.recipe.select).said()}")
        return {"out": str(self.out), "recipe": self.recipe.model_dump(mode="json"), "words": words}

    def _stage(self, name: str, work: Callable[[], Any]) -> Any:
        start = perf_counter()
        result = work()
        log(self.out, name, perf_counter() - start)
        return result

    def _end(self, stage: str, words: str, **told: Any) -> None:
        self.told["stages"].append({"stage": stage, **told})
        self.watcher.ends(stage, words)

    def _import(self) -> Store:
        table, target = self.table(), self.out / "candidates"
        work = import_work(table, target, self.recipe.data.shards)
        already = stands(target, work)
        if not already:
            self.watcher.begins("import", 0)
            prepare(target)
            import_table(table, target, work)
            write_quarantine(target, table.bad)
        store = open_store(target)
        books, shards = store.receipt.books, len(store.receipt.shards)
        self._end(
            "import",
            f"{books.keep:,} candidates in {shards:,} shards",
            already_done=already,
            shards=shards,
            **books.plain(),
        )
        return store

    def table(self) -> Table:
        """The candidates where they came from."""
        data = self.recipe.data
        named = {**data.columns.model_dump(exclude_none=True), **({"candidates": data.lists} if data.lists else {})}
        given = data.candidates if data.candidates == "-" else below(self.base, data.candidates)
        return open_rows(given, stated(**named), BadRows.parse(data.bad_rows))

    def _verify(self, source: Store) -> Store:
        stage = Verifying(self.uses(), self.recipe.engine.batch)
        target = self.out / "verdicts"
        done = self._mapped("verify", stage, source, target)
        store = open_store(target)
        books = store.receipt.books
        tallies = [Tally(name, counts).plain() for name, counts in counted(done or []).items()]
        words = "\n".join([f"{books.keep:,} candidates judged", *map(said, tallies)])
        self._end("verify", words, already_done=done is None, verifiers=tallies, **books.plain())
        return store

    def uses(self) -> tuple[Use, ...]:
        """The verifiers, by name and settings."""
        return tuple((one.use, tuple(sorted((one.model_extra or {}).items()))) for one in self.recipe.verify or ())

    def _mapped(self, name: str, stage: Map, source: Store, target: Path) -> list[Done] | None:
        """What was done for each shard; None where the store stood finished."""
        work = stage.work(candidates(source), target)
        names = [shard.name for shard in source.receipt.shards]
        if stands(target, work):
            # A run that was stopped right after the receipt left those of the shards.
            clear(target, names)
            return None
        make_folder(target)
        clear_others(target, names)
        self.watcher.begins(name, len(names))
        tasks = [Task(stage, source.path, target, number, work) for number in range(len(names))]
        found = []
        for done in mapped(do, tasks, self._workers(len(tasks))):
            self.watcher.shard(done)
            found.append(done)
        finish(target, stage.kind, work, names)
        return found

    def _workers(self, tasks: int) -> int:
        """As stated, else one per core; none where there is nothing to share out."""
        stated_workers = self.recipe.engine.workers
        if stated_workers is not None:
            return stated_workers
        return min(os.cpu_count() or 1, tasks) if tasks > 1 else 0

    def _judged(self, store: Store, labels: str | None, label: str | None) -> Table:
        table = open_rows(store.path, stated(**({"label": label} if label and labels is None else {})))
        return table if labels is None else with_labels(table, below(self.base, labels), label)

    def _measure(self, asked: Measure, judged: Store, store: Store) -> None:
        table = self._judged(judged, asked.labels, asked.label)
        target = self.out / "card.json"
        config = {**asked.model_dump(exclude={"labels"}), "seed": self.recipe.seed}
        identity = Work("measure", MEASURE_VERSION, config, source_receipt(table, self.out)).identity()
        told = _card_of(target, identity)
        already = told is not None
        if told is None:
            if target.exists():
                aside(target)
            how = How(Drawn(asked.labels_drawn), asked.classes, judge=asked.labels_by, seed=self.recipe.seed)
            measuring = Measuring(asked.verdict, right_if=asked.right_if, by=asked.by, how=how)
            measured = measure(table, measuring, self._by_shards(judged, store))
            told = {"words": measured.words(), "card": measured.plain()}
            write_bytes(target, (canonical({"identity": identity, **told}) + "\n").encode())
        self._end("measure", str(told["words"]), already_done=already, card=told["card"])

    def _by_shards(self, judged: Store, store: Store) -> Reader:
        """Who reads the evidence of a judged store: the engine, shard by shard."""

        def read(table: Table, asked: Asked) -> Evidence:
            labels = labels_by_shard(table, [shard.rows for shard in store.receipt.shards])
            columns = replace(table.columns.stated(), label=None) if labels is not None else table.columns.stated()
            numbers = range(len(store.receipt.shards))
            folds = (Evidencing(asked, None if labels is None else labels[number]) for number in numbers)
            glances = [Glance(fold, judged.path, number, columns) for number, fold in zip(numbers, folds, strict=True)]
            self.watcher.begins("measure", 0)
            return evidence_of(reduce(merge, mapped(summary_of, glances, self._workers(len(glances)))), asked)

        return read

    def _rules(self, asked: Select) -> Rules:
        known = {f.name for f in fields(Rules)}
        given = {name: value for name, value in asked.model_dump(exclude_none=True).items() if name in known}
        if asked.best_of is not None:
            given["best_of"] = best_of(str(asked.best_of))
        return Rules(**given, exclude_by=asked.by, seed=self.recipe.seed)

    def _select(self, asked: Select, store: Store) -> None:
        exclude = None if asked.exclude is None else open_rows(below(self.base, asked.exclude))
        target, control = self.out / "selected", self.out / "control"
        request = Request(
            self._rules(asked), asked.verdict, exclude, out=target, control=control if asked.control else False
        )
        table = open_rows(store.path, stated(**({"score": asked.score} if asked.score else {})))
        folders = {"selection": target, "control": control}
        standing = [stands(folders[name], work) for name, work in intended(table, request).items()]
        self.watcher.begins("select", 0)
        chosen = select(table, request)
        self._end("select", chosen.words(), already_done=all(standing), **chosen.summary)


def import_work(table: Table, target: Path, shards: int | None) -> Work:
    """A table brought into shards: its identity."""
    config = {"shards": shards_for(table) if shards is None else shards}
    return Work("import", IMPORT_VERSION, config, source_receipt(table, target))


def clear_others(target: Path, names: list[str]) -> None:
    """Take away the shards that unfinished work of another shape left."""
    wanted = {*names, *(shard_receipt(target, name).name for name in names)}
    for path in target.iterdir():
        if path.name not in wanted and path.name.startswith(("part-", ".part-")):
            with refused(path):
                path.unlink()


def _card_of(target: Path, identity: str) -> dict[str, Any] | None:
    """What stands in the file, if it is the card of this work."""
    try:
        content: dict[str, Any] = json.loads(target.read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and content.get("identity") == identity else None
