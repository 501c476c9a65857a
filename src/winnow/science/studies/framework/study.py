"""The definition of a study: its claims, its settings at up to three scales, the work of one unit, and its checks.

A unit is one part at one seed and one setting; it runs once and its rows are stored. runner.py runs units. The file of
a unit is complete or absent, and never changed in place: a unit that was being written when the machine stopped runs
again, and a file that the study did not write is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

import winnow
from winnow.science.studies.framework.check import Check, Row, pool_checks
from winnow.storage.atomic_files import make_folder, write_bytes
from winnow.storage.canonical_json import canonical_json

Value = bool | int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...]
Settings = Mapping[str, Value]
ClaimStatus = Literal["reproduced", "holds only if", "not reproduced", "not published here", "not run here"]


@dataclass(frozen=True)
class Claim:
    """A claim of a paper (`words`), its status here (`stands`), its condition, and the names of its checks."""

    words: str
    stands: ClaimStatus
    paper: str
    condition: str = ""
    checks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scale:
    """Settings that a user can change, the default seeds, and the hours that a seed takes on the hardware."""

    settings: Settings
    hours: float
    seeds: tuple[int, ...] = (0,)
    hardware: str = "two cores"


@dataclass(frozen=True)
class StudyUnit:
    """One part at one seed and setting; `folder` is its own, for what is large and worth keeping."""

    part: str
    seed: int
    settings: Settings
    folder: Path

    def __getitem__(self, name: str) -> Any:
        return self.settings[name]

    def rng(self) -> np.random.Generator:
        """Return a new random generator that depends on the part and the seed only."""
        return np.random.default_rng([self.seed, *self.part.encode()])


UnitFunction = Callable[[StudyUnit], Iterable[Row]]
ChecksFunction = Callable[[Sequence[Row], Settings], list[Check]]
SummaryFunction = Callable[[Sequence[Row]], list[str]]
FiguresFunction = Callable[[Sequence[Row], Path], list[Path]]


@dataclass(frozen=True)
class Study:
    """The claims of a paper as something to run.

    `parts` are module-level functions from a unit to tidy rows (flat: numbers, texts, booleans, None). `check_rows`
    gets the rows of all seeds at one setting; the default pools rows that carry their own check. `summary_lines` and
    `draw_figures` add text and figures. Raise `version` when rows change their meaning, so that stored units run again.
    The result names the versions of `libraries`.
    """

    name: str
    about: str
    claims: tuple[Claim, ...]
    scales: Mapping[str, Scale]
    parts: Mapping[str, UnitFunction]
    cite: str
    check_rows: ChecksFunction = field(default=lambda rows, settings: pool_checks(rows))
    summary_lines: SummaryFunction = field(default=lambda rows: [])
    draw_figures: FiguresFunction = field(default=lambda rows, folder: [])
    version: int = 1
    libraries: tuple[str, ...] = ("numpy", "scipy")

    def unit_key(self, part: str, seed: int, settings: Settings) -> str:
        """Return the key of a unit: a hash of the study, its version, the part, the seed and the settings."""
        content = canonical_json([self.name, self.version, part, seed, dict(settings)])
        return hashlib.sha256(content.encode()).hexdigest()[:20]


def load_unit(folder: Path) -> dict[str, Any] | None:
    """Return the finished unit of a folder, or None.

    Raises:
        BrokenPromise: the file does not hold the rows of a unit.
    """
    path = folder / "rows.json"
    if not path.exists():
        return None
    try:
        unit: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if isinstance(unit["rows"], list):
            return unit
        problem = "holds no list of rows"
    except (ValueError, KeyError, TypeError) as error:
        problem = f"is not the rows of a unit ({type(error).__name__})"
    raise winnow.BrokenPromise(str(path), problem, f"Remove {path.parent}: the unit will run again")


def write_whole_file(path: Path, text: str) -> None:
    """Write a small file atomically, and its folder if needed."""
    make_folder(path.parent)
    write_bytes(path, text.encode())
