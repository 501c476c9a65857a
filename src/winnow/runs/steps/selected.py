"""The step `select`: the rows to train on, and as many drawn at random to compare against.

Shard by shard, with cuts for the rules that rank all rows. What was counted on the way is kept beside the selection,
sealed, so that it can be said again; where it is gone or damaged, it is counted again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import reduce
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from winnow.data.columns import stated
from winnow.data.places.place import below
from winnow.data.stores.atomic import make_folder, write_bytes
from winnow.data.stores.opening import open_rows
from winnow.data.stores.receipts import sealed
from winnow.data.stores.shards.done import Done, clear, counted, finish
from winnow.data.stores.store import Store, open_store
from winnow.data.table import Table
from winnow.runs.folder import stands
from winnow.runs.parts import Part
from winnow.runs.under_way import UnderWay, clear_others
from winnow.stages.mapping import Fold, Glance, Small
from winnow.stages.named import verdict_columns
from winnow.stages.select import Request, intended, select, settled
from winnow.stages.select.rules import Rules, best_of
from winnow.stages.select.shards.choosing import Choosing, cuts_of
from winnow.stages.select.shards.shard import Choice, Counts, Target, choose, told
from winnow.stages.select.words import said

COUNTS = ".selection.json"
FOLDERS = {"selection": "selected", "control": "control"}


class Select(Part):
    """The rules of the selection, in their order."""

    step: ClassVar[str] = "select"
    leaves: ClassVar[tuple[str, ...]] = ("selected", "control")

    verdict: Annotated[str | None, Field(description="the verdicts that decide: a,b; all if absent")] = None
    score: Annotated[str | None, Field(description="the score to go by, where there are several")] = None
    passed: bool | None = None
    threshold: float | None = None
    best_of: Annotated[int, Field(ge=1)] | Literal["all"] | None = None
    keep: Annotated[int, Field(ge=1)] = 1
    top_share: Annotated[float | None, Field(ge=0, le=1)] = None
    distinct: bool = False
    max_rows: Annotated[int | None, Field(ge=0)] = None
    exclude: Annotated[str | None, Field(description="a table of evaluation prompts")] = None
    by: Literal["text", "ngram13"] = "text"
    lower_is_better: bool = False
    control: Annotated[bool, Field(description="also draw as many rows at random")] = False

    def plan(self, table: Table, run: UnderWay) -> list[str]:
        return [f"select: {self._rules(run.seed).said()}"]

    def go(self, run: UnderWay) -> None:
        judged = run.latest("verdicts", "edits", "candidates")
        table = open_rows(judged.path, stated(**({"score": self.score} if self.score else {})))
        request = self._request(run)
        works = intended(table, request)
        targets = [Target(run.out / FOLDERS[name], work, name == "control") for name, work in works.items()]
        left = tuple(target for target in targets if not stands(target.folder, target.work))
        for target in targets:
            if target not in left:
                # A run that was stopped right after the receipt left those of the shards.
                clear(target.folder, [shard.name for shard in judged.receipt.shards])
        if by_shards(table, request):
            summary = _Choosing(run, judged, request, table, self._exclude(run)).told(targets[0], left)
        else:
            run.watcher.begins(self.step, 0)
            summary = select(table, request).summary
        summary["out"] = str(targets[0].folder)
        if self.control:
            summary["control"] = {"rows": summary["selected"], "out": str(targets[1].folder)}
        run.stores |= {target.folder.name: open_store(target.folder) for target in targets}
        run.ends(self.step, "\n".join(said(summary)), already_done=not left, **summary)

    def _request(self, run: UnderWay) -> Request:
        exclude = self._exclude(run)
        control = run.out / FOLDERS["control"] if self.control else False
        return Request(
            rules=self._rules(run.seed),
            verdict=self.verdict,
            exclude=None if exclude is None else open_rows(exclude),
            out=run.out / FOLDERS["selection"],
            control=control,
        )

    def _exclude(self, run: UnderWay) -> str | None:
        return None if self.exclude is None else below(run.base, self.exclude)

    def _rules(self, seed: int) -> Rules:
        known = {f.name for f in fields(Rules)}
        given = {name: value for name, value in self.model_dump(exclude_none=True).items() if name in known}
        if self.best_of is not None:
            given["best_of"] = best_of(str(self.best_of))
        return Rules(**given, exclude_by=self.by, seed=seed)


@dataclass(frozen=True)
class _Choosing:
    """A selection that is made shard by shard; what was counted is kept beside it, for when it stands finished."""

    run: UnderWay
    judged: Store
    request: Request
    table: Table
    exclude: str | None

    def told(self, selection: Target, left: tuple[Target, ...]) -> dict[str, Any]:
        """What is said of the choice, once nothing of it is left to do."""
        table, rules = settled(self.table, self.request)
        kept, identity = self.run.out / COUNTS, selection.work.identity()
        counts = None if left else _kept(kept, identity)
        if counts is None:
            counts = {name: dict(said_) for name, said_ in counted(self._chosen(table, rules, left)).items()}
            write_bytes(kept, sealed({"identity": identity, "counts": counts}))
            for target in left:
                finish(target.folder, "selection", target.work, self._names())
        return told(table, rules.said(), counts)

    def _chosen(self, table: Table, rules: Rules, left: tuple[Target, ...]) -> list[Done]:
        for target in left:
            make_folder(target.folder)
            clear_others(target.folder, self._names())
        verdicts = tuple(verdict_columns(table, self.request.verdict)) if rules.passed else ()
        choosing, columns = Choosing(rules, verdicts, self.exclude), table.columns.stated()
        numbers, source = range(len(self._names())), self.judged.path

        def over_shards(fold: Fold[Small]) -> Small:
            return reduce(fold.merge, self.run.summed([Glance(fold, source, number, columns) for number in numbers]))

        self.run.watcher.begins(Select.step, 0)
        cuts = cuts_of(choosing, over_shards)
        self.run.watcher.begins(Select.step, len(numbers))
        named = enumerate(self._names())
        return self.run.worked(
            choose, [Choice(choosing, cuts, source, number, name, columns, left) for number, name in named]
        )

    def _names(self) -> list[str]:
        return [shard.name for shard in self.judged.receipt.shards]


def _kept(path: Path, identity: str) -> Counts | None:
    """What was counted of this work, if it stands there as it was written."""
    try:
        raw = path.read_bytes()
        content = json.loads(raw)
        counts: Counts = content["counts"]
        whole = sealed({name: content[name] for name in ("identity", "counts")}) == raw
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return counts if whole and content["identity"] == identity else None


def by_shards(table: Table, request: Request) -> bool:
    """Whether every rule can be decided in shards: without prompts, some texts and draws are the whole table's."""
    return table.has("prompt") or not (request.rules.distinct or request.control)
