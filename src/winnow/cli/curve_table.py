"""Rows of several seeds as lines with means and standard errors, and as a text table."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

LINES_PER_BLOCK, COLUMN_WIDTH = 4, 28


@dataclass(frozen=True)
class CurveLine:
    """One line of a figure: positions, means over seeds, and standard errors of the means."""

    name: str
    positions: tuple[float, ...]
    mean: tuple[float, ...]
    error: tuple[float, ...]


def curve_lines(rows: Iterable[Mapping[str, Any]], axis: str, grid: Sequence[str] = ()) -> list[CurveLine]:
    """Return the lines in order of first appearance; in a grid, names contain the settings that make a difference."""
    values: dict[str, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        where = ", ".join(f"{name}={row[name]}" for name in grid)
        values[f"{row['line']} [{where}]" if where else row["line"]][row[axis]].append(row["value"])
    all_lines = [
        CurveLine(name, tuple(points), tuple(map(_mean, points.values())), tuple(map(_error, points.values())))
        for name, points in values.items()
    ]
    return _merge_equal_lines(all_lines) if grid else all_lines


def _merge_equal_lines(all_lines: Sequence[CurveLine]) -> list[CurveLine]:
    """Replace lines that are the same at every setting of the grid by one without the setting in its name."""
    groups: dict[str, list[CurveLine]] = defaultdict(list)
    for line in all_lines:
        groups[line.name.partition(" [")[0]].append(line)
    merged = []
    for name, group in groups.items():
        same = len(group) > 1 and all(replace(line, name=name) == replace(group[0], name=name) for line in group)
        merged += [replace(group[0], name=name)] if same else group
    return merged


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _error(values: list[float]) -> float:
    if len(values) < 2:
        return 0.0
    mean = _mean(values)
    # Equal numbers differ by rounding only.
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))
    return spread if spread > 1e-12 * max(abs(mean), 1.0) else 0.0


def table_lines(curves: Sequence[CurveLine], axis: str) -> list[str]:
    """Return the lines side by side, a few at a time, with standard errors if there are several seeds."""
    output = []
    for start in range(0, len(curves), LINES_PER_BLOCK):
        block = curves[start : start + LINES_PER_BLOCK]
        output.append(f"{axis:>10}" + "".join(f"  {line.name[:COLUMN_WIDTH]:>{COLUMN_WIDTH}}" for line in block))
        for point in dict.fromkeys(point for line in block for point in line.positions):
            output.append(f"{point:>10g}" + "".join(f"  {_cell(line, point):>{COLUMN_WIDTH}}" for line in block))
        output.append("")
    return output


def _cell(line: CurveLine, point: float) -> str:
    if point not in line.positions:
        return ""
    index = line.positions.index(point)
    error = f" +-{line.error[index]:.2g}" if line.error[index] else ""
    return f"{line.mean[index]:.5g}{error}"
