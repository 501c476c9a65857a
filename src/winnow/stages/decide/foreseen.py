"""What a forecast hands back: as JSON, and as what a person reads, with the pilot that was written and the record."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from winnow.stages.results import Spoken
from winnow.stats.forecasts import Forecast
from winnow.stats.outcomes import Record

STUDENTS = {
    "self": "one student on each file, all from the same start (the model that wrote the candidates, say)",
    "teacher": "one student on each file, all from the same start (the smaller model you mean to teach)",
    "pretrain": "one student on each file, all from the same start (fresh, or the checkpoint you mean to go on from)",
}


@dataclass(frozen=True)
class TrainingFile:
    """One file of a pilot, and the line that makes its rows again."""

    file: str
    path: Path
    rows: int
    bytes: int
    sha256: str
    rule: str
    command: str

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {**vars(self), "path": str(self.path)}


@dataclass(frozen=True)
class Pilot:
    """Training files of equal size, and the forecast their students are to be held against."""

    folder: Path
    regime: str
    files: tuple[TrainingFile, ...]
    already: bool
    """Whether this very pilot was there before."""

    def next(self) -> list[str]:
        """The lines that record what training gave."""
        folder = shlex.quote(str(self.folder))
        return [f"winnow outcome {folder} --file {one.file} --score S --n K" for one in self.files]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "folder": str(self.folder),
            "rows": self.files[0].rows,
            "files": [one.plain() for one in self.files],
            "already_done": self.already,
            "next": self.next(),
        }

    def lines(self) -> Iterator[str]:
        """What a person reads."""
        there = " (it was there already)" if self.already else ""
        yield f"pilot in {self.folder}: {len(self.files)} files of {self.files[0].rows:,} rows each{there}"
        width = max(len(one.path.name) for one in self.files)
        yield from (f"  {one.path.name:<{width}}  {one.rule}" for one in self.files)
        if len(self.files) == 2:
            yield "  no other rule selects enough to be a runner-up"
        yield f"train {STUDENTS[self.regime]}, with the same settings;"
        yield "measure them on the same held-out prompts, none of which is in the files, and record each:"
        yield from (f"  {line}" for line in self.next())


@dataclass(frozen=True, repr=False)
class Foreseen(Spoken):
    """The forecast of one table; what was written of it, and what became of earlier ones."""

    table: str
    score: str
    without_score: int
    found: Forecast
    record: Record | None = None
    pilot: Pilot | None = None
    stored: Path | None = None

    def forecast(self) -> dict[str, Any]:
        """The forecast itself, as JSON."""
        return {
            "table": self.table,
            "score": self.score,
            "without_score": self.without_score,
            **self.found.plain(),
        }

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            **self.forecast(),
            "pilot": None if self.pilot is None else self.pilot.plain(),
            "record": None if self.record is None else self.record.plain(),
            "out": None if self.stored is None else str(self.stored),
        }

    def words(self) -> str:
        """What a person reads: the rule first, then the curve, then what to beware of."""
        return "\n".join(_lines(self))


def _lines(foreseen: Foreseen) -> Iterator[str]:
    found = foreseen.found
    labels = "every row labeled" if found.labels == "complete" else f"{found.labeled:,} labels ({found.labels})"
    yield f"{found.rows:,} scored rows of {found.prompts:,} prompts, {labels}"
    best = found.recommended
    if best is None:
        yield "no rule is recommended: the labels do not reach"
    else:
        raw = "" if best.raw is None else f" against {best.raw:.1%} raw"
        yield f"recommended: {best.rule}{'' if best.n is None else f' {best.n}'} · {_share(best.accuracy)} right{raw}"
        yield f"  {best.command}"
    yield "best of n:"
    for point in found.best_of_n:
        why = f"  ({point.accuracy.why})" if point.accuracy.value is None and point.accuracy.why else ""
        yield f"  {point.n:>5}  {_share(point.accuracy)}{why}"
    for caution in found.warnings:
        yield f"{'sure' if caution.sure else 'seen'}: {caution.words}"
    yield f"a student ({found.lead.regime}): {found.lead.words}"
    for source, says in found.lead.counter_evidence:
        yield f"  against it: {says} ({source})"
    if foreseen.record is not None:
        yield from foreseen.record.lines()
    if foreseen.pilot is not None:
        yield from foreseen.pilot.lines()
    elif foreseen.stored is not None:
        yield f"wrote {foreseen.stored}; once a student is measured:"
        yield f"  winnow outcome {shlex.quote(str(foreseen.stored))} --score S --n K"


def _share(estimate: Any) -> str:
    if estimate.value is None:
        return "not to be said"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.1%}"
    return f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%})"
