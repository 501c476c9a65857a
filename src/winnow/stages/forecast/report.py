"""The result of forecast: the curves, the rule to use, the pilot that was written, and the record of earlier ones."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from winnow.stages.results import TextReport
from winnow.statistics.forecasts.forecast import Forecast
from winnow.statistics.outcomes import TrackRecord
from winnow.storage.canonical_json import to_plain

STARTING_MODELS = {
    "self": "the model that wrote the candidates, for example",
    "teacher": "the smaller model that is to be taught",
    "pretrain": "untrained, or the checkpoint from which training continues",
}


@dataclass(frozen=True)
class TrainingFile:
    """One training file of a pilot: its role, the rule that selects its rows, and the command that writes it again."""

    file: str
    path: Path
    rows: int
    bytes: int
    sha256: str
    rule: str
    command: str


@dataclass(frozen=True)
class Pilot:
    """Training files of equal size, on which students are trained to compare with the forecast."""

    folder: Path
    regime: str
    files: tuple[TrainingFile, ...]
    already_done: bool

    def next_commands(self) -> list[str]:
        """The commands that record what training gave."""
        folder = shlex.quote(str(self.folder))
        return [f"winnow outcome {folder} --file {one.file} --score S --n K" for one in self.files]

    def to_dict(self) -> dict[str, Any]:
        """The pilot as part of the JSON document."""
        return {
            "folder": str(self.folder),
            "rows": self.files[0].rows,
            "files": to_plain(self.files),
            "already_done": self.already_done,
            "next": self.next_commands(),
        }

    def lines(self) -> Iterator[str]:
        """The pilot as a person reads it."""
        existing = " (it was there already)" if self.already_done else ""
        yield f"pilot in {self.folder}: {len(self.files)} files of {self.files[0].rows:,} rows each{existing}"
        width = max(len(one.path.name) for one in self.files)
        yield from (f"  {one.path.name:<{width}}  {one.rule}" for one in self.files)
        if len(self.files) == 2:
            yield "  no other rule selects enough rows for a runner-up"
        yield "train one student on each file with the same settings, all from the same start"
        yield f"({STARTING_MODELS[self.regime]}); measure them on the same held-out prompts,"
        yield "none of which is in the files, and record each score:"
        yield from (f"  {line}" for line in self.next_commands())


@dataclass(frozen=True, repr=False)
class ForecastReport(TextReport):
    """The forecast of a score, the record of earlier forecasts, and what was written."""

    table: str
    score: str
    without_score: int
    result: Forecast
    record: TrackRecord | None = None
    pilot: Pilot | None = None
    forecast_path: Path | None = None

    def forecast_dict(self) -> dict[str, Any]:
        """The forecast itself, as its file holds it."""
        header = {"table": self.table, "score": self.score, "without_score": self.without_score}
        return {**header, **self.result.to_dict()}

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of the command."""
        return {
            **self.forecast_dict(),
            "pilot": None if self.pilot is None else self.pilot.to_dict(),
            "record": None if self.record is None else self.record.to_dict(),
            "out": None if self.forecast_path is None else str(self.forecast_path),
        }

    def describe(self) -> str:
        """Describe the rule, the curve and the warnings for a person."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        result, best = self.result, self.result.recommended
        labels = "all labeled" if result.labels == "complete" else f"{result.labeled:,} labels ({result.labels})"
        yield f"{result.rows:,} rows with a score, of {result.prompts:,} prompts, {labels}"
        if best is None:
            yield "no rule is recommended: there are too few labels"
        else:
            raw = "" if best.raw is None else f", raw {best.raw:.1%}"
            rule = best.rule if best.n is None else f"{best.rule} {best.n}"
            yield f"recommended: {rule} · {format_share(best.accuracy)} right{raw}"
            yield f"  {best.command}"
        yield "best of n:"
        for point in result.best_of_n:
            reason = f" ({point.accuracy.why})" if point.accuracy.value is None and point.accuracy.why else ""
            yield f"  {point.at:>5}  {format_share(point.accuracy)}{reason}"
        yield from (f"warning{'' if one.sure else ' (not sure)'}: {one.words}" for one in result.warnings)
        yield f"a student ({result.student_outlook.regime}): {result.student_outlook.message}"
        yield from (
            f"  counter-evidence: {text} ({source})" for source, text in result.student_outlook.counter_evidence
        )
        if self.record is not None:
            yield from self.record.summary_lines()
        if self.pilot is not None:
            yield from self.pilot.lines()
        elif self.forecast_path is not None:
            yield f"wrote {self.forecast_path}; once a student is measured:"
            yield f"  winnow outcome {shlex.quote(str(self.forecast_path))} --score S --n K"


def format_share(figure: Any) -> str:
    """A share with its interval, such as 70.0% (65.3% to 74.3%)."""
    if figure.value is None:
        return "not known"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.1%}"
    return f"{figure.value:.1%} ({figure.low:.1%} to {figure.high:.1%})"
