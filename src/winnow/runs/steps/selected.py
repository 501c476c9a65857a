"""The step `select`: the rows to train on, and as many drawn at random to compare against."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from winnow.data.columns import stated
from winnow.data.stores.opening import open_rows
from winnow.data.stores.store import open_store
from winnow.data.table import Table
from winnow.runs.folder import stands
from winnow.runs.parts import Part
from winnow.runs.under_way import UnderWay
from winnow.stages.select import Request, intended, select
from winnow.stages.select.rules import Rules, best_of


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
        exclude = None if self.exclude is None else open_rows(str(run.base / self.exclude))
        target, control = run.out / "selected", run.out / "control"
        request = Request(
            self._rules(run.seed), self.verdict, exclude, out=target, control=control if self.control else False
        )
        judged = run.latest("verdicts", "candidates")
        table = open_rows(judged.path, stated(**({"score": self.score} if self.score else {})))
        folders = {"selection": target, "control": control}
        standing = [stands(folders[name], work) for name, work in intended(table, request).items()]
        run.watcher.begins(self.step, 0)
        chosen = select(table, request)
        run.stores |= {path.name: open_store(path) for path in (target, control) if path == target or self.control}
        run.ends(self.step, chosen.words(), already_done=all(standing), **chosen.summary)

    def _rules(self, seed: int) -> Rules:
        known = {f.name for f in fields(Rules)}
        given = {name: value for name, value in self.model_dump(exclude_none=True).items() if name in known}
        if self.best_of is not None:
            given["best_of"] = best_of(str(self.best_of))
        return Rules(**given, exclude_by=self.by, seed=seed)
