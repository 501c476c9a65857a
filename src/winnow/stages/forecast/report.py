"""What a forecast hands back: as JSON, and as what a person reads, with the pilot that was written and the record."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from winnow.stages.results import TextReport
from winnow.statistics.forecasts import Forecast
from winnow.statistics.outcomes import TrackRecord

STUDENT_DESCRIPTIONS = {
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

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**vars(self), "path": str(self.path)}


@dataclass(frozen=True)
class Pilot:
    """Training files of equal size, and the forecast their students are to be held against."""

    folder: Path
    regime: str
    files: tuple[TrainingFile, ...]
    already_done: bool
    """Whether this very pilot was there before."""

    def next_commands(self) -> list[str]:
        """The lines that record what training gave."""
        folder = shlex.quote(str(self.folder))
        return [f"winnow outcome {folder} --file {one.file} --score S --n K" for one in self.files]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "folder": str(self.folder),
            "rows": self.files[0].rows,
            "files": [one.to_dict() for one in self.files],
            "already_done": self.already_done,
            "next": self.next_commands(),
        }

    def summary_lines(self) -> Iterator[str]:
        """What a person reads."""
        existing_note = " (it was there already)" if self.already_done else ""
        yield f"pilot in {self.folder}: {len(self.files)} files of {self.files[0].rows:,} rows each{existing_note}"
        width = max(len(one.path.name) for one in self.files)
        yield from (f"  {one.path.name:<{width}}  {one.rule}" for one in self.files)
        if len(self.files) == 2:
            yield "  no other rule selects enough to be a runner-up"
        yield f"train {STUDENT_DESCRIPTIONS[self.regime]}, with the same settings;"
        yield "measure them on the same held-out prompts, none of which is in the files, and record each:"
        yield from (f"  {line}" for line in self.next_commands())


@dataclass(frozen=True, repr=False)
class ForecastReport(TextReport):
    """The forecast of one table; what was written of it, and what became of earlier ones."""

    table: str
    score: str
    without_score: int
    result: Forecast
    record: TrackRecord | None = None
    pilot: Pilot | None = None
    forecast_path: Path | None = None

    def forecast_dict(self) -> dict[str, Any]:
        """The forecast itself, as JSON."""
        return {
            "table": self.table,
            "score": self.score,
            "without_score": self.without_score,
            **self.result.to_dict(),
        }

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            **self.forecast_dict(),
            "pilot": None if self.pilot is None else self.pilot.to_dict(),
            "record": None if self.record is None else self.record.to_dict(),
            "out": None if self.forecast_path is None else str(self.forecast_path),
        }

    def describe(self) -> str:
        """What a person reads: the rule first, then the curve, then what to beware of."""
        return "\n".join(_report_lines(self))


def _report_lines(report: ForecastReport) -> Iterator[str]:
    result = report.result
    labels = "every row labeled" if result.labels == "complete" else f"{result.labeled:,} labels ({result.labels})"
    yield f"{result.rows:,} scored rows of {result.prompts:,} prompts, {labels}"
    best = result.recommended
    if best is None:
        yield "no rule is recommended: the labels do not reach"
    else:
        raw = "" if best.raw is None else f" against {best.raw:.1%} raw"
        yield f"recommended: {best.rule}{'' if best.n is None else f' {best.n}'} · {_format_share(best.accuracy)} right{raw}"
        yield f"  {best.command}"
    yield "best of n:"
    for point in result.best_of_n:
        reason = f"  ({point.accuracy.why})" if point.accuracy.value is None and point.accuracy.why else ""
        yield f"  {point.n:>5}  {_format_share(point.accuracy)}{reason}"
    for caution in result.warnings:
        yield f"{'sure' if caution.is_sure else 'seen'}: {caution.message}"
    yield f"a student ({result.student_outlook.regime}): {result.student_outlook.message}"
    for source, finding in result.student_outlook.counter_evidence:
        yield f"  against it: {finding} ({source})"
    if report.record is not None:
        yield from report.record.summary_lines()
    if report.pilot is not None:
        yield from report.pilot.summary_lines()
    elif report.forecast_path is not None:
        yield f"wrote {report.forecast_path}; once a student is measured:"
        yield f"  winnow outcome {shlex.quote(str(report.forecast_path))} --score S --n K"


def _format_share(estimate: Any) -> str:
    if estimate.value is None:
        return "not to be said"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.1%}"
    return f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%})"
