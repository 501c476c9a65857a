"""The result of plan: where the rows to label are, and what to do with them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from winnow.stages.results import TextReport
from winnow.storage.locations.location import Location


@dataclass(frozen=True, repr=False)
class PlanReport(TextReport):
    """A file of rows to label; `score` is that of a forecast, `details` counts labels and prompts."""

    aim: str
    out: Location
    table: str
    score: str | None
    details: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of the command."""
        return {"for": self.aim, "out": str(self.out), "table": self.table, **self.details}

    def describe(self) -> str:
        """Describe the file and the next command for a person."""
        how = "--labels-drawn by-verdict" if self.score is None else f"--score {shlex.quote(self.score)}"
        table, out = shlex.quote(self.table), shlex.quote(str(self.out))
        return (
            f"wrote {self.details['labels']:,} rows to label, of {self.details['prompts']:,} prompts, to {self.out}\n"
            f"fill in the column correct (1 or 0) from top to bottom, then:\n"
            f"  winnow {self.aim} {table} {how} --labels {out}"
        )
