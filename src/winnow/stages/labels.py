"""What labels mean: which grades are right, and how many rows a label represents.

The label column itself is read by `tables.column_values.read_grades`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator

from winnow.errors import UsageError, format_value
from winnow.stages.config import option
from winnow.stages.table_config import require_named_column
from winnow.tables.table import Table

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

LABELS = "Labels"
OPERATORS: dict[str, Callable[[Any, float], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}
RULE = re.compile(r"\s*(?P<column>[^<>=]+?)\s*(?P<sign>>=|<=|==|>|<)\s*(?P<number>[-+0-9.eE]+)\s*$")


@dataclass(frozen=True)
class LabelRule:
    """When a grade means right: a column, a comparison and a number."""

    column: str
    sign: str
    number: float


def parse_label_rule(text: str) -> LabelRule:
    """Parse a rule such as 'grade>=4'."""
    match = RULE.match(text)
    try:
        if match is not None:
            return LabelRule(match["column"], match["sign"], float(match["number"]))
    except ValueError:
        pass
    raise UsageError("--right-if", f"{format_value(text)} is not a rule", "For example --right-if 'grade>=4'")


def _check_rule(text: str | None) -> str | None:
    if text is not None:
        parse_label_rule(text)
    return text


RightIf = Annotated[
    str | None,
    AfterValidator(_check_rule),
    option("When a grade means right, for example 'grade>=4'.", panel=LABELS, metavar="RULE"),
]
"""The option `right_if` of every stage that reads labels."""
Answer = Annotated[
    str | None, option("The column of final answers, to find the commonest ones.", panel=LABELS, metavar="COLUMN")
]
"""The option `answer` of measure, which estimates w with it, and of forecast."""


def label_columns(table: Table, right_if: str | None) -> tuple[str, ...]:
    """The label columns of a table: the one in the rule, or those that are named or guessed."""
    if right_if is None:
        return tuple(table.columns.require_column("label", table.name).split(","))
    column = parse_label_rule(right_if).column
    require_named_column(table, column, "--right-if")
    return (column,)


def mark_right(label: str, grades: Floats, right_if: str | None) -> Floats:
    """Mark labeled rows as right (1) or wrong (0).

    Args:
        label: The label column, for the error.
        grades: The labels as numbers, NaN where there is none.
        right_if: The rule that says which grades mean right; without one, labels must be 0 or 1.

    Returns:
        1, 0 or NaN for each row.

    Raises:
        UsageError: If a label is neither right nor wrong and no rule says what it means.
    """
    if right_if is not None:
        rule = parse_label_rule(right_if)
        met = np.asarray(OPERATORS[rule.sign](grades, rule.number), np.float64)
        return np.where(np.isnan(grades), np.nan, met)
    invalid = np.flatnonzero((grades != 0) & (grades != 1) & ~np.isnan(grades))
    if len(invalid):
        problem = f"a row has {label} {grades[invalid[0]]:g}, which is neither right nor wrong"
        raise UsageError("--label", problem, f"Use --right-if '{label}>=NUMBER', or --grade-range LOW,HIGH")
    return grades


def label_weights(drawn: Floats | None, rows: Booleans) -> Floats | None:
    """How many rows each of these labels represents, or None unless a plan drew all of them.

    Args:
        drawn: The chance with which a plan drew each row, NaN where none did.
        rows: Which of the rows are meant.
    """
    chances = None if drawn is None else drawn[rows]
    return None if chances is None or not len(chances) or np.isnan(chances).any() else 1.0 / chances
