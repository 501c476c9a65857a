"""The figure of a curve: lines with their standard errors over seeds, as SVG or PNG. matplotlib is loaded on use.

The same rows give the same file, without a date or a random name in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from winnow.cli.curve_table import CurveLine
from winnow.errors import EnvironmentFault, UsageError, format_value
from winnow.storage.atomic_files import atomic_write

FIGURE_FORMATS = (".svg", ".png")


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
    plt = _import_matplotlib()
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


def _import_matplotlib() -> Any:
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError as error:
        step = "Install it: pip install 'winnow-data[plots]'"
        raise EnvironmentFault("--figure", "needs matplotlib, which is not installed", step) from error
    return plt
