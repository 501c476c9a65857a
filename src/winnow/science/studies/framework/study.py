"""A study: what it claims, its settings at three scales, the work of one unit, and how its rows are judged.

A unit is one part at one seed and one setting: what is done once, kept, and never done again.
It runs nothing; run.py does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from winnow.science.studies.framework.check import Check, Row, pool_checks

Value = bool | int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...]
Settings = Mapping[str, Value]
ClaimStatus = Literal["reproduced", "holds only if", "not reproduced", "not published here", "not run here"]


@dataclass(frozen=True)
class Claim:
    """A sentence of a paper, how it stands here, under which condition, and the checks behind that word."""

    words: str
    stands: ClaimStatus
    paper: str
    condition: str = ""
    checks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scale:
    """Settings as a plain table a user can override, the seeds, and how long a seed takes on what `on` says."""

    settings: Settings
    hours: float
    seeds: tuple[int, ...] = (0,)
    hardware: str = "two cores"


@dataclass(frozen=True)
class StudyUnit:
    """One part at one seed and setting. `folder` is its own: what is large and worth keeping goes there."""

    part: str
    seed: int
    settings: Settings
    folder: Path

    def __getitem__(self, name: str) -> Any:
        return self.settings[name]

    def rng(self) -> np.random.Generator:
        """Chance of this part and seed alone."""
        return np.random.default_rng([self.seed, *self.part.encode()])


UnitFunction = Callable[[StudyUnit], list[Row]]
ChecksFunction = Callable[[Sequence[Row], Settings], list[Check]]
SummaryFunction = Callable[[Sequence[Row]], list[str]]
FiguresFunction = Callable[[Sequence[Row], Path], list[Path]]


def no_summary(rows: Sequence[Row]) -> list[str]:
    """A study that has nothing to add to its checks."""
    return []


def no_figures(rows: Sequence[Row], folder: Path) -> list[Path]:
    """A study without figures."""
    return []


@dataclass(frozen=True)
class Study:
    """A paper's claims as something to run.

    `parts` are module-level functions from a unit to tidy rows (flat: numbers, words, booleans, None). `judge` gets
    the rows of all seeds at one setting; `pooled` judges rows that carry their own check. `version` is raised when
    rows change meaning, so that kept units are made anew. `libraries` are named with their versions in the result.
    """

    name: str
    about: str
    claims: tuple[Claim, ...]
    scales: Mapping[str, Scale]
    parts: Mapping[str, UnitFunction]
    cite: str
    check_rows: ChecksFunction = field(default=lambda rows, settings: pool_checks(rows))
    summary_lines: SummaryFunction = no_summary
    draw_figures: FiguresFunction = no_figures
    version: int = 1
    libraries: tuple[str, ...] = ("numpy", "scipy")

    def unit_key(self, part: str, seed: int, settings: Settings) -> str:
        """What a unit is kept under: the same study, version, part, seed and settings."""
        content = [self.name, self.version, part, seed, dict(settings)]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:20]
