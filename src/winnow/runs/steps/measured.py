"""The step `measure`: the card of the verifiers, from a few labels; the evidence is summed up shard by shard.

The card is one file, which carries the identity of the work it is the result of.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from winnow.data.columns import stated
from winnow.data.places.place import below
from winnow.data.stores.opening import open_rows, source_receipt, with_labels
from winnow.data.stores.receipts import Work
from winnow.data.stores.store import Store
from winnow.data.table import Table
from winnow.runs.folder import aside, read_kept, write_kept
from winnow.runs.parts import Part
from winnow.runs.under_way import UnderWay
from winnow.stages.decide.evidence import Asked, Evidence, evidence_of
from winnow.stages.decide.measure import Measuring, Reader, measure
from winnow.stages.decide.partial import merge
from winnow.stages.mapping import Glance
from winnow.stages.measuring import Evidencing, labels_by_shard
from winnow.stats.evidence import Drawn, How

VERSION = 1


class Measure(Part):
    """The card."""

    step: ClassVar[str] = "measure"
    leaves: ClassVar[tuple[str, ...]] = ()

    labels: Annotated[str | None, Field(description="labels in another file")] = None
    label: Annotated[str | None, Field(description="the label columns: a,b")] = None
    verdict: str | None = None
    right_if: str | None = None
    labels_drawn: Literal["random", "by-verdict", "by-label"] = "random"
    labels_by: str | None = None
    classes: Literal[2] | None = None
    by: str | None = None

    def plan(self, table: Table, run: UnderWay) -> list[str]:
        return [f"measure: labels from {self.labels or 'the table'}"]

    def go(self, run: UnderWay) -> None:
        judged, target = run.latest("verdicts", "edits", "candidates"), run.out / "card.json"
        table = self._labeled(judged, run.base)
        config = {**self.model_dump(exclude={"labels"}), "seed": run.seed}
        identity = Work("measure", VERSION, config, source_receipt(table, run.out)).identity()
        told = read_kept(target, identity)
        already = told is not None
        if told is None:
            if target.exists():
                aside(target)
            how = How(Drawn(self.labels_drawn), self.classes, judge=self.labels_by, seed=run.seed)
            measuring = Measuring(self.verdict, right_if=self.right_if, by=self.by, how=how)
            measured = measure(table, measuring, _by_shards(judged, run))
            told = {"words": measured.words(), "card": measured.plain()}
            write_kept(target, identity, told)
        run.ends(self.step, str(told["words"]), already_done=already, card=told["card"])

    def _labeled(self, judged: Store, base: Path) -> Table:
        named = {"label": self.label} if self.label and self.labels is None else {}
        table = open_rows(judged.path, stated(**named))
        return table if self.labels is None else with_labels(table, below(base, self.labels), self.label)


def _by_shards(judged: Store, run: UnderWay) -> Reader:
    """Who reads the evidence of a judged store: the engine, shard by shard."""

    def read(table: Table, asked: Asked) -> Evidence:
        labels = labels_by_shard(table, [shard.rows for shard in run.stores["candidates"].receipt.shards])
        columns = replace(table.columns.stated(), label=None) if labels is not None else table.columns.stated()
        numbers = range(len(judged.receipt.shards))
        folds = (Evidencing(asked, None if labels is None else labels[number]) for number in numbers)
        glances = [Glance(fold, judged.path, number, columns) for number, fold in zip(numbers, folds, strict=True)]
        run.watcher.begins("measure", 0)
        return evidence_of(reduce(merge, run.summed(glances)), asked)

    return read
