"""simulate: theory as curves, over seeds and grids, as a table, tidy rows and a figure; with ideas of the user's."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from winnow.cli.console import print_lines
from winnow.cli.curve_figure import check_figure_format, draw_figure
from winnow.cli.curve_functions import load_user_functions
from winnow.cli.curve_table import curve_lines, table_lines
from winnow.cli.options import Document, OutputOptions, command, option
from winnow.cli.settings import parse_changes, parse_grid, parse_seeds
from winnow.errors import UsageError, format_value, suggest_name
from winnow.science.studies.framework.unit_store import format_rows
from winnow.science.theory.curves.curve import Curve
from winnow.science.theory.curves.registry import CURVES
from winnow.storage.atomic_files import write_bytes

ROW_FORMATS = (".csv", ".jsonl")


@dataclass(frozen=True)
class SimulateOptions:
    """How a curve is simulated and where it goes."""

    seeds: Annotated[str, option("--seeds", "0-4, 7 or 1,3,5 (default 0)", None, "SEEDS")] = "0"
    change: Annotated[list[str] | None, option("--set", "change a setting", None, "KEY=VALUE")] = None
    grid: Annotated[list[str] | None, option("--grid", "a setting takes these values in turn", None, "KEY=A,B")] = None
    out: Annotated[Path | None, option("--out", "tidy rows: one per seed, setting, line and point", None, "FILE")] = (
        None
    )
    figure: Annotated[Path | None, option("--figure", "draw it: FILE.svg or FILE.png", None, "FILE")] = None


@command
def simulate(
    options: SimulateOptions,
    output: OutputOptions,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="a curve; without one all are listed")] = None,
    settings: Annotated[bool, option("--settings", "print the settings, run nothing")] = False,
) -> Document:
    """Theory as curves. Settings noise, policy and loss may be functions of yours, module:function.

    winnow simulate breakdown --set psi=0.3 --seeds 0-4 --figure breakdown.svg
    """
    if name is None:
        print_lines(
            *(f"  {key:<14}{curve.about}" for key, curve in CURVES.items()), "", "winnow simulate NAME --settings"
        )
        return {"curves": {key: curve.about for key, curve in CURVES.items()}}
    if name not in CURVES:
        raise UsageError("NAME", f"there is no curve {format_value(name)}", suggest_name(name, CURVES))
    curve = CURVES[name]
    if settings:
        print_lines(curve.about, *(f"{key}={_format_value(value)}" for key, value in curve.settings.items()))
        return {"curve": name, "settings": dict(curve.settings)}
    return _simulate_curve(name, curve, options)


def _simulate_curve(name: str, curve: Curve, options: SimulateOptions) -> Document:
    changed = parse_changes(options.change or (), curve.settings)
    points = parse_grid(options.grid or (), curve.settings)
    _check_files(options)
    seed_numbers = parse_seeds(options.seeds) or (0,)
    base = dict(curve.settings) | changed
    rows: list[dict[str, Any]] = []
    for values in product(*points.values()):
        grid_point = dict(zip(points, values, strict=True))
        for seed in seed_numbers:
            rows += [{"seed": seed, **grid_point, **row} for row in _curve_rows(name, curve, base | grid_point, seed)]
    averaged = curve_lines(rows, curve.axis, tuple(points))
    print_lines(
        f"{name}: {curve.about}",
        f"seeds {options.seeds} · {_format_settings(base, points)}",
        "",
        *table_lines(averaged, curve.axis),
    )
    marks = curve.marks(base)
    print_lines(*(f"{mark} = {value:.4f}" for mark, value in marks.items()))
    if options.out is not None:
        write_bytes(options.out, format_rows(rows, options.out.suffix[1:]).encode())
        print_lines(f"wrote {len(rows):,} rows: {options.out}")
    if options.figure is not None:
        draw_figure(options.figure, averaged, (curve.axis, curve.value, curve.logarithmic), marks)
        print_lines(f"wrote {options.figure}")
    return {"curve": name, "settings": base, "grid": points, "seeds": list(seed_numbers), "marks": marks, "rows": rows}


def _curve_rows(name: str, curve: Curve, settings: dict[str, Any], seed: int) -> list[dict[str, Any]]:
    """One run of a curve; what a formula cannot take is told as a wrong setting."""
    try:
        return curve.run(load_user_functions(settings, curve.function_settings), np.random.default_rng(seed))
    except (ValueError, ZeroDivisionError, np.linalg.LinAlgError) as error:
        step = f"See winnow simulate {name} --settings"
        raise UsageError(f"simulate {name}", f"these settings give nothing: {error}", step) from error


def _check_files(options: SimulateOptions) -> None:
    if options.out is not None and options.out.suffix not in ROW_FORMATS:
        raise UsageError(
            "--out", f"{format_value(options.out.name)} ends in neither .csv nor .jsonl", "Name FILE.csv or FILE.jsonl"
        )
    if options.figure is not None:
        check_figure_format(options.figure)


def _format_settings(base: dict[str, Any], points: dict[str, Any]) -> str:
    return " ".join(f"{key}={_format_value(points.get(key, value))}" for key, value in base.items())


def _format_value(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_format_value, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
