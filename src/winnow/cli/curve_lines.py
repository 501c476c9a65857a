"""The rows of a curve as lines with means and standard errors over seeds, in a text table or a figure.

The same rows give the same figure, without a date or a random name in it. matplotlib is loaded on use.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from winnow.errors import EnvironmentFault, UsageError, format_value
from winnow.storage.atomic_files import atomic_write

LINES_PER_BLOCK, COLUMN_WIDTH = 4, 28
FIGURE_FORMATS = (".svg", ".png")


@dataclass(frozen=True)
class CurveLine:
    """One line of a figure: positions, means over seeds, and standard errors of the means."""

    name: str
    positions: tuple[float, ...]
    mean: tuple[float, ...]
    error: tuple[float, ...]


def average_lines(rows: Iterable[Mapping[str, Any]], axis: str, grid: Sequence[str] = ()) -> list[CurveLine]:
    """Return the lines in order of first appearance; in a grid, names contain the settings that make a difference."""
    values: dict[str, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        where = ", ".join(f"{name}={row[name]}" for name in grid)
        values[f"{row['line']} [{where}]" if where else row["line"]][row[axis]].append(row["value"])
    all_lines = [
        CurveLine(name, tuple(points), tuple(map(_mean, points.values())), tuple(map(_standard_error, points.values())))
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


def _standard_error(values: list[float]) -> float:
    if len(values) < 2:
        return 0.0
    mean = _mean(values)
    error = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))
    # Equal numbers differ by rounding only.
    return error if error > 1e-12 * max(abs(mean), 1.0) else 0.0


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


def check_figure_format(path: Path) -> None:
    """Refuse a file that is neither SVG nor PNG."""
    if path.suffix.lower() not in FIGURE_FORMATS:
        problem = f"{format_value(path.name)} ends in neither .svg nor .png"
        raise UsageError("--figure", problem, "Name FILE.svg or FILE.png")


def draw_figure(
    path: Path, lines: Sequence[CurveLine], axes: tuple[str, str, bool], marks: Mapping[str, float]
) -> None:
    """Draw the lines to a file.

    Args:
        path: FILE.svg or FILE.png.
        lines: the lines, with the standard errors that become bands of two standard errors.
        axes: the names of x and y, and whether x is logarithmic.
        marks: named positions on x.
    """
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError as error:
        step = "Install it: pip install 'winnow-data[plots]'"
        raise EnvironmentFault("--figure", "needs matplotlib, which is not installed", step) from error
    with plt.rc_context({"svg.hashsalt": "winnow", "svg.fonttype": "none", "font.size": 9}):
        figure, plot = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
        for line in lines:
            exact = "simulated" not in line.name and all(error == 0 for error in line.error)
            style = "-" if exact or len(lines) < 8 else "--"
            (curve,) = plot.plot(line.positions, line.mean, style, label=line.name, linewidth=1.4)
            low, high = zip(*((m - 2 * e, m + 2 * e) for m, e in zip(line.mean, line.error, strict=True)), strict=True)
            if any(line.error):
                plot.fill_between(line.positions, low, high, color=curve.get_color(), alpha=0.2, linewidth=0)
        for name, position in marks.items():
            plot.axvline(position, color="0.4", linewidth=0.8, linestyle=":")
            top = (position, 1.0)
            plot.annotate(name, top, xycoords=("data", "axes fraction"), ha="center", va="bottom", color="0.3")
        x, y, logarithmic = axes
        plot.set_xlabel(x)
        plot.set_ylabel(y)
        if logarithmic:
            plot.set_xscale("log")
        plot.spines[["top", "right"]].set_visible(False)
        plot.legend(frameon=False, fontsize=8)
        metadata: dict[str, Any] = {"Date": None} if path.suffix.lower() == ".svg" else {"Software": None}
        with atomic_write(path) as partial:
            figure.savefig(partial, format=path.suffix.lower()[1:], dpi=120, metadata=metadata)
        plt.close(figure)
