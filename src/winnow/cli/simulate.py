"""The command simulate: curves of the theory over seeds and grids, as a table, tidy rows and a figure.

The noise, policy and loss of a curve may be functions of the user, loaded by dotted path. They run in this process,
without isolation; what they raise or return wrongly becomes a usage error with their name.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from winnow.cli.console import print_lines
from winnow.cli.curve_lines import average_lines, check_figure_format, draw_figure, table_lines
from winnow.cli.options import Document, cli_option, command
from winnow.cli.settings import SettingsOptions, parse_changes, parse_grid, parse_seeds, setting_lines
from winnow.errors import UsageError, format_value, suggest_name
from winnow.science.studies.framework.check import format_rows
from winnow.science.theory.curves import CURVES
from winnow.science.theory.curves.curve import Curve
from winnow.storage.atomic_files import write_bytes
from winnow.verifiers.dotted_path import load

ROW_FORMATS = (".csv", ".jsonl")


@command
def simulate(
    changes: SettingsOptions,
    out: Annotated[
        Path | None, cli_option("--out", "Tidy rows: one per seed, setting, line and point.", None, "FILE")
    ] = None,
    figure: Annotated[Path | None, cli_option("--figure", "Draw it: FILE.svg or FILE.png.", None, "FILE")] = None,
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
    base = dict(curve.settings) | parse_changes(changes.change, curve.settings)
    grid = parse_grid(changes.grid, curve.settings)
    if out is not None and out.suffix not in ROW_FORMATS:
        problem = f"{format_value(out.name)} ends in neither .csv nor .jsonl"
        raise UsageError("--out", problem, "Name FILE.csv or FILE.jsonl")
    if figure is not None:
        check_figure_format(figure)
    seeds = parse_seeds(changes.seeds) or (0,)
    rows: list[dict[str, Any]] = []
    for values in product(*grid.values()):
        point = dict(zip(grid, values, strict=True))
        for seed in seeds:
            rows += [{"seed": seed, **point, **row} for row in _curve_rows(name, curve, base | point, seed)]
    averaged, marks = average_lines(rows, curve.axis, tuple(grid)), curve.marks(base)
    print_lines(
        f"{name}: {curve.about}",
        f"seeds {changes.seeds or 0} · {' '.join(setting_lines(base | grid))}",
        "",
        *table_lines(averaged, curve.axis),
        *(f"{mark} = {value:.4f}" for mark, value in marks.items()),
    )
    if out is not None:
        write_bytes(out, format_rows(rows, out.suffix[1:]).encode())
        print_lines(f"wrote {len(rows):,} rows: {out}")
    if figure is not None:
        draw_figure(figure, averaged, (curve.axis, curve.value, curve.logarithmic), marks)
        print_lines(f"wrote {figure}")
    return {"curve": name, "settings": base, "grid": grid, "seeds": list(seeds), "marks": marks, "rows": rows}


def _curve_rows(name: str, curve: Curve, settings: dict[str, Any], seed: int) -> list[dict[str, Any]]:
    """Run a curve once; settings that a formula cannot use are a usage error."""
    loaded = {
        setting: _load_user_function(value, setting)
        if setting in curve.function_settings and isinstance(value, str) and (":" in value or "." in value)
        else value
        for setting, value in settings.items()
    }
    try:
        return curve.run(loaded, np.random.default_rng(seed))
    except (ValueError, ZeroDivisionError, np.linalg.LinAlgError) as error:
        step = f"See winnow simulate {name} --settings"
        raise UsageError(f"simulate {name}", f"these settings give no curve: {error}", step) from error


def _load_user_function(path: str, setting: str) -> Callable[..., Any]:
    where = f"--set {setting}={path}"
    function = load(path, where).target
    if not callable(function):
        problem = f"is {format_value(type(function).__name__)}, not a function"
        raise UsageError(where, problem, "Name a function or an object with __call__")

    def call_checked(*arguments: Any) -> Any:
        try:
            result = function(*arguments)
        except Exception as error:  # the user's function may raise anything
            problem = f"raised {type(error).__name__}: {format_value(str(error))}"
            raise UsageError(where, problem, "See `winnow simulate --help`") from error
        _check_result(result, arguments[0], setting, where)
        return result

    if hasattr(function, "sees"):
        call_checked.sees = function.sees  # type: ignore[attr-defined]
    return call_checked


def _check_result(result: Any, x: Any, setting: str, where: str) -> None:
    """Check that noise returns +1 or -1 and a policy booleans, one per row, and a loss one finite number per column."""
    array, expected_shape = np.asarray(result), x.shape[1:] if setting == "loss" else x.shape[:1]
    if array.shape != expected_shape:
        step = f"Return the shape {expected_shape} for x of shape {x.shape}"
        raise UsageError(where, f"returned the shape {array.shape}", step)
    if setting == "noise" and not np.isin(array, (-1, 1)).all():
        raise UsageError(where, "returned labels other than +1 and -1", "Return one label, +1 or -1, per row")
    if setting == "policy" and array.dtype != bool:
        raise UsageError(where, f"returned {array.dtype}, not booleans", "Return True for each row to keep")
    if setting == "loss" and not np.isfinite(array).all():
        raise UsageError(where, "returned numbers that are not finite", "A larger lam may help")
