"""A check: what was found, what was wanted, and whether they agree.

Promises: a check whose tolerance is below four of its own standard errors is not ok, whatever it found, because it
could be right by luck; a number that is not finite is never ok.
It does not say where the wanted number comes from beyond its kind: paper, code, derived, or only a sign.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Source = Literal["paper", "code", "derived", "sign"]
Row = dict[str, Any]

MIN_STANDARD_ERRORS = 4.0
RELATIONS = ("=", ">=", "<=")


@dataclass(frozen=True)
class Check:
    """One number held against another. `relation` is '=' (within the tolerance), '>=' or '<='."""

    name: str
    got: float
    want: float
    tolerance: float
    source: Source
    standard_error: float | None = None
    relation: str = "="

    @property
    def is_tolerance_large_enough(self) -> bool:
        """Whether the tolerance is at least four standard errors; a sign needs no tolerance."""
        return (
            self.relation != "="
            or self.standard_error is None
            or self.tolerance >= MIN_STANDARD_ERRORS * self.standard_error
        )

    @property
    def is_ok(self) -> bool:
        """Whether the check holds."""
        if not (math.isfinite(self.got) and self.is_tolerance_large_enough):
            return False
        if self.relation == "=":
            return abs(self.got - self.want) <= self.tolerance
        beyond = self.got - self.want if self.relation == ">=" else self.want - self.got
        return beyond >= -self.tolerance

    def to_dict(self) -> dict[str, Any]:
        """As JSON; what is not finite is null."""
        fields = asdict(self) | {"ok": self.is_ok}
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in fields.items()}

    def summary(self) -> str:
        """The check on one line."""
        mark = "ok " if self.is_ok else "NOT"
        error = "" if self.standard_error is None else f", standard error {self.standard_error:.2g}"
        allowed = f" +- {self.tolerance:.3g}" if self.tolerance else ""
        short = (
            "" if self.is_tolerance_large_enough else "; the tolerance is below four standard errors: take more runs"
        )
        against = f"{self.relation} {self.want:.5g}{allowed} ({self.source}{error}{short})"
        return f"{mark} {self.name}: {self.got:.5g} {against}"


@dataclass(frozen=True)
class Goal:
    """What a measurement is held against."""

    want: float
    tolerance: float
    source: Source
    relation: str = "="


def check_row(name: str, got: float, goal: Goal, standard_error: float | None = None) -> Row:
    """The row of a unit that carries its own check; `pooled` makes one check of the rows of all seeds."""
    return {"check": name, "got": got, "standard_error": standard_error, **asdict(goal)}


def mean_check_row(name: str, values: npt.ArrayLike, goal: Goal) -> Row:
    """The row of a mean over independent runs, with its standard error."""
    found = np.asarray(values, float)
    return check_row(name, float(found.mean()), goal, float(found.std(ddof=1) / np.sqrt(len(found))))


def pool_checks(rows: Iterable[Mapping[str, Any]]) -> list[Check]:
    """One check per name from rows that `measured` made: means over seeds, with their standard error."""
    by_name: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if row.get("check") is not None:
            by_name[row["check"]].append(row)
    return [_pool_rows(name, found) for name, found in by_name.items()]


def _pool_rows(name: str, rows: Sequence[Mapping[str, Any]]) -> Check:
    first, count = rows[0], len(rows)
    errors = [row["standard_error"] for row in rows]
    known = [error for error in errors if error is not None]
    return Check(
        name,
        sum(row["got"] for row in rows) / count,
        first["want"],
        first["tolerance"],
        first["source"],
        math.hypot(*known) / count if known else None,
        first["relation"],
    )
