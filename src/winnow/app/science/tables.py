"""Rows of several seeds as lines with means and standard errors, and as a table for a person."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

WIDE, TALL = 4, 28


@dataclass(frozen=True)
class Line:
    """One line of a figure: where it has points, their means over seeds and the standard errors of those."""

    name: str
    at: tuple[float, ...]
    mean: tuple[float, ...]
    error: tuple[float, ...]


def lines(rows: Iterable[Mapping[str, Any]], axis: str, grid: Sequence[str] = ()) -> list[Line]:
    """The lines in the order they first come; in a grid the name says which setting, where it makes a difference."""
    found: dict[str, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        where = ", ".join(f"{name}={row[name]}" for name in grid)
        found[f"{row['line']} [{where}]" if where else row["line"]][row[axis]].append(row["value"])
    made = [
        Line(name, tuple(points), tuple(map(_mean, points.values())), tuple(map(_error, points.values())))
        for name, points in found.items()
    ]
    return _without_copies(made) if grid else made


def _without_copies(made: Sequence[Line]) -> list[Line]:
    """Lines that are the same at every setting of the grid become one, without the setting in its name."""
    groups: dict[str, list[Line]] = defaultdict(list)
    for line in made:
        groups[line.name.partition(" [")[0]].append(line)
    kept = []
    for name, group in groups.items():
        same = len(group) > 1 and all(replace(line, name=name) == replace(group[0], name=name) for line in group)
        kept += [replace(group[0], name=name)] if same else group
    return kept


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _error(values: list[float]) -> float:
    if len(values) < 2:
        return 0.0
    mean = _mean(values)
    # Rounding of equal numbers is no spread.
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))
    return spread if spread > 1e-12 * max(abs(mean), 1.0) else 0.0


def table(found: Sequence[Line], axis: str) -> list[str]:
    """The lines side by side, a few at a time, with standard errors where there are several seeds."""
    words = []
    for start in range(0, len(found), WIDE):
        some = found[start : start + WIDE]
        words += [f"{axis:>10}" + "".join(f"  {line.name[:TALL]:>{TALL}}" for line in some)]
        for point in dict.fromkeys(point for line in some for point in line.at):
            words.append(f"{point:>10g}" + "".join(f"  {_cell(line, point):>{TALL}}" for line in some))
        words.append("")
    return words


def _cell(line: Line, point: float) -> str:
    if point not in line.at:
        return ""
    index = line.at.index(point)
    error = f" +-{line.error[index]:.2g}" if line.error[index] else ""
    return f"{line.mean[index]:.5g}{error}"
