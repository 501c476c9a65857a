"""`winnow simulate`: curves of the theory over seeds and grids, as a table, tidy rows and a figure."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from winnow.cli.console import print_lines
from winnow.cli.curve_figure import check_figure_format, draw_figure
from winnow.cli.curve_functions import load_user_functions
from winnow.cli.curve_table import curve_lines, table_lines
from winnow.cli.options import Document, OutputOptions, command
from winnow.cli.settings import SettingsOptions, parse_changes, parse_grid, parse_seeds, setting_lines
from winnow.errors import UsageError, format_value, suggest_name
from winnow.science.studies.framework.unit_store import format_rows
from winnow.science.theory.curves.curve import Curve
from winnow.science.theory.curves.registry import CURVES
from winnow.stages.config import StageConfig, option
from winnow.storage.atomic_files import write_bytes

ROW_FORMATS = (".csv", ".jsonl")


class SimulateOptions(StageConfig):
    """Where the rows and the figure of a curve are written."""

    out: Annotated[
        Path | None, option("Tidy rows: one per seed, setting, line and point.", flag="--out", metavar="FILE")
    ] = None
    figure: Annotated[Path | None, option("Draw it: FILE.svg or FILE.png.", flag="--figure", metavar="FILE")] = None


@command
def simulate(
    options: SimulateOptions,
    changes: SettingsOptions,
    output: OutputOptions,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="a curve; without one all are listed")] = None,
) -> Document:
    """Draw theory as curves. The settings noise, policy and loss may be your own functions, module:function.

    winnow simulate breakdown --set psi=0.3 --seeds 0-4 --figure breakdown.svg
    """
    if name is None:
        curves = {key: curve.about for key, curve in CURVES.items()}
        print_lines(*(f"  {key:<14}{about}" for key, about in curves.items()), "", "winnow simulate NAME --settings")
        return {"curves": curves}
    if name not in CURVES:
        raise UsageError("NAME", f"there is no curve {format_value(name)}", suggest_name(name, CURVES))
    curve = CURVES[name]
    if changes.settings:
        print_lines(curve.about, *setting_lines(curve.settings))
        return {"curve": name, "settings": dict(curve.settings)}
    return _simulate_curve(name, curve, options, changes)


def _simulate_curve(name: str, curve: Curve, options: SimulateOptions, changes: SettingsOptions) -> Document:
    base = dict(curve.settings) | parse_changes(changes.change, curve.settings)
    grid = parse_grid(changes.grid, curve.settings)
    _check_files(options)
    seeds = parse_seeds(changes.seeds) or (0,)
    rows: list[dict[str, Any]] = []
    for values in product(*grid.values()):
        point = dict(zip(grid, values, strict=True))
        for seed in seeds:
            rows += [{"seed": seed, **point, **row} for row in _curve_rows(name, curve, base | point, seed)]
    averaged, marks = curve_lines(rows, curve.axis, tuple(grid)), curve.marks(base)
    print_lines(
        f"{name}: {curve.about}",
        f"seeds {changes.seeds or 0} · {' '.join(setting_lines(base | grid))}",
        "",
        *table_lines(averaged, curve.axis),
        *(f"{mark} = {value:.4f}" for mark, value in marks.items()),
    )
    if options.out is not None:
        write_bytes(options.out, format_rows(rows, options.out.suffix[1:]).encode())
        print_lines(f"wrote {len(rows):,} rows: {options.out}")
    if options.figure is not None:
        draw_figure(options.figure, averaged, (curve.axis, curve.value, curve.logarithmic), marks)
        print_lines(f"wrote {options.figure}")
    return {"curve": name, "settings": base, "grid": grid, "seeds": list(seeds), "marks": marks, "rows": rows}


def _curve_rows(name: str, curve: Curve, settings: dict[str, Any], seed: int) -> list[dict[str, Any]]:
    """The rows of one run; settings that a formula cannot use are a usage error."""
    try:
        return curve.run(load_user_functions(settings, curve.function_settings), np.random.default_rng(seed))
    except (ValueError, ZeroDivisionError, np.linalg.LinAlgError) as error:
        step = f"See winnow simulate {name} --settings"
        raise UsageError(f"simulate {name}", f"these settings give no curve: {error}", step) from error


def _check_files(options: SimulateOptions) -> None:
    if options.out is not None and options.out.suffix not in ROW_FORMATS:
        problem = f"{format_value(options.out.name)} ends in neither .csv nor .jsonl"
        raise UsageError("--out", problem, "Name FILE.csv or FILE.jsonl")
    if options.figure is not None:
        check_figure_format(options.figure)
