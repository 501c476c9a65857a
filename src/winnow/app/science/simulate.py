"""simulate: theory as curves, over seeds and grids, as a table, tidy rows and a figure; with ideas of the user's."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from winnow.app.options import Document, OutputOptions, command, option
from winnow.app.say import say
from winnow.app.science.figures import check_form, draw
from winnow.app.science.ideas import with_ideas
from winnow.app.science.settings import changes, grid, seeds
from winnow.app.science.tables import lines, table
from winnow.data.errors import UsageError, nearest, shown
from winnow.data.stores.atomic import write_bytes
from winnow.studies.frame.kept import tidy
from winnow.theory.curves.curve import Curve
from winnow.theory.curves.named import CURVES

FORMS = (".csv", ".jsonl")


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
    asked: SimulateOptions,
    output: OutputOptions,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="a curve; without one all are listed")] = None,
    settings: Annotated[bool, option("--settings", "print the settings, run nothing")] = False,
) -> Document:
    """Theory as curves. Settings noise, policy and loss may be functions of yours, module:function.

    winnow simulate breakdown --set psi=0.3 --seeds 0-4 --figure breakdown.svg
    """
    if name is None:
        say(*(f"  {key:<14}{curve.about}" for key, curve in CURVES.items()), "", "winnow simulate NAME --settings")
        return {"curves": {key: curve.about for key, curve in CURVES.items()}}
    if name not in CURVES:
        raise UsageError("NAME", f"there is no curve {shown(name)}", nearest(name, CURVES))
    curve = CURVES[name]
    if settings:
        say(curve.about, *(f"{key}={_plain(value)}" for key, value in curve.settings.items()))
        return {"curve": name, "settings": dict(curve.settings)}
    return _simulated(name, curve, asked)


def _simulated(name: str, curve: Curve, asked: SimulateOptions) -> Document:
    changed = changes(asked.change or (), curve.settings)
    points = grid(asked.grid or (), curve.settings)
    _check_files(asked)
    drawn = seeds(asked.seeds) or (0,)
    base = dict(curve.settings) | changed
    rows: list[dict[str, Any]] = []
    for values in product(*points.values()):
        at = dict(zip(points, values, strict=True))
        for seed in drawn:
            rows += [{"seed": seed, **at, **row} for row in _rows(name, curve, base | at, seed)]
    found = lines(rows, curve.axis, tuple(points))
    say(f"{name}: {curve.about}", f"seeds {asked.seeds} · {_told(base, points)}", "", *table(found, curve.axis))
    marks = curve.marks(base)
    say(*(f"{mark} = {value:.4f}" for mark, value in marks.items()))
    if asked.out is not None:
        write_bytes(asked.out, tidy(rows, asked.out.suffix[1:]).encode())
        say(f"wrote {len(rows):,} rows: {asked.out}")
    if asked.figure is not None:
        draw(asked.figure, found, (curve.axis, curve.value, curve.logarithmic), marks)
        say(f"wrote {asked.figure}")
    return {"curve": name, "settings": base, "grid": points, "seeds": list(drawn), "marks": marks, "rows": rows}


def _rows(name: str, curve: Curve, settings: dict[str, Any], seed: int) -> list[dict[str, Any]]:
    """One run of a curve; what a formula cannot take is told as a wrong setting."""
    try:
        return curve.run(with_ideas(settings, curve.ideas), np.random.default_rng(seed))
    except (ValueError, ZeroDivisionError, np.linalg.LinAlgError) as error:
        step = f"See winnow simulate {name} --settings"
        raise UsageError(f"simulate {name}", f"these settings give nothing: {error}", step) from error


def _check_files(asked: SimulateOptions) -> None:
    if asked.out is not None and asked.out.suffix not in FORMS:
        raise UsageError(
            "--out", f"{shown(asked.out.name)} ends in neither .csv nor .jsonl", "Name FILE.csv or FILE.jsonl"
        )
    if asked.figure is not None:
        check_form(asked.figure)


def _told(base: dict[str, Any], points: dict[str, Any]) -> str:
    return " ".join(f"{key}={_plain(points.get(key, value))}" for key, value in base.items())


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_plain, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
