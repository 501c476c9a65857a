"""A check compares a measured number with the expected one; rows of a unit can carry their own check.

A check whose tolerance is below four of its own standard errors fails, since it could pass by luck; so does a number
that is not finite. The source of an expected number is the paper, its code, a derivation, or only a sign.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from operator import itemgetter
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Source = Literal["paper", "code", "derived", "sign"]
Row = dict[str, Any]

MIN_STANDARD_ERRORS = 4.0


@dataclass(frozen=True)
class Check:
    """A measured number and the expected one; `relation` is '=' (within the tolerance), '>=' or '<='."""

    name: str
    got: float
    want: float
    tolerance: float
    source: Source
    standard_error: float | None = None
    relation: str = "="

    @property
    def is_tolerance_large_enough(self) -> bool:
        """Whether the tolerance is at least four standard errors; an inequality needs no tolerance."""
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
        excess = self.got - self.want if self.relation == ">=" else self.want - self.got
        return excess >= -self.tolerance

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document; a number that is not finite becomes null."""
        fields = asdict(self) | {"ok": self.is_ok}
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in fields.items()}

    def summary(self) -> str:
        """Return the check as one line of text."""
        mark = "ok " if self.is_ok else "NOT"
        error = "" if self.standard_error is None else f", standard error {self.standard_error:.2g}"
        tolerance = f" +- {self.tolerance:.3g}" if self.tolerance else ""
        advice = "" if self.is_tolerance_large_enough else "; tolerance below four standard errors: take more runs"
        expected = f"{self.relation} {self.want:.5g}{tolerance} ({self.source}{error}{advice})"
        return f"{mark} {self.name}: {self.got:.5g} {expected}"


@dataclass(frozen=True)
class Goal:
    """The expected value of a measurement."""

    want: float
    tolerance: float
    source: Source
    relation: str = "="


def relative_goal(want: float, share: float, source: Source = "derived") -> Goal:
    """Return a goal whose tolerance is a share of the expected value."""
    return Goal(want, share * want, source)


def check_row(name: str, got: float, goal: Goal, standard_error: float | None = None) -> Row:
    """Return a row of a unit that carries its own check; `pool_checks` makes one check of the rows of all seeds."""
    return {"check": name, "got": got, "standard_error": standard_error, **asdict(goal)}


def mean_check_row(name: str, values: npt.ArrayLike, goal: Goal) -> Row:
    """Return the check row of a mean over independent runs, with its standard error."""
    runs = np.asarray(values, float)
    return check_row(name, float(runs.mean()), goal, float(runs.std(ddof=1) / np.sqrt(len(runs))))


def pool_checks(rows: Iterable[Row]) -> list[Check]:
    """Return one check per name from check rows: the mean over seeds with its standard error."""
    check_rows = [row for row in rows if row.get("check") is not None]
    return [_pool_rows(group) for group in group_rows(check_rows, "check").values()]


def _pool_rows(rows: Sequence[Row]) -> Check:
    goal = {name: rows[0][name] for name in ("want", "tolerance", "source", "relation")}
    errors = [row["standard_error"] for row in rows if row["standard_error"] is not None]
    got, error = sum(row["got"] for row in rows) / len(rows), math.hypot(*errors) / len(rows) if errors else None
    return Check(rows[0]["check"], got, standard_error=error, **goal)


def group_rows(rows: Iterable[Row], *columns: str) -> dict[Any, list[Row]]:
    """Group rows by the values of one column (keys are values) or several (keys are tuples), in order."""
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(itemgetter(*columns)(row), []).append(row)
    return groups


def rows_where(rows: Iterable[Row], **values: object) -> list[Row]:
    """Return the rows that have these values in these columns."""
    return [row for row in rows if all(row.get(column) == value for column, value in values.items())]


def format_rows(rows: Sequence[Row], file_format: str) -> str:
    """Return rows as "csv" or "jsonl": one line per row, with the columns of all rows."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if file_format == "jsonl":
        return "".join(json.dumps({name: row.get(name) for name in columns}) + "\n" for row in rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
