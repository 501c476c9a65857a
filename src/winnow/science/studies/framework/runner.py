"""Runs a study: every unit that is not stored yet, in up to two processes with one thread each, then the checks.

A study that was stopped goes on with the units that are missing. Rows do not depend on the number of processes.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.metadata import version
from itertools import product
from operator import attrgetter
from pathlib import Path
from typing import Any

import winnow
from winnow.science.studies.framework.check import Check, Row, format_rows
from winnow.science.studies.framework.study import Settings, Study, StudyUnit, Value, load_unit, write_whole_file
from winnow.storage.canonical_json import to_plain

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
MAX_WORKERS = 2
ProgressFunction = Callable[[str], None]


@dataclass(frozen=True)
class StudyRequest:
    """How to run a study; `grid` holds the values that a setting takes in turn."""

    scale: str = "quick"
    seeds: tuple[int, ...] | None = None
    changes: Settings = field(default_factory=dict)
    grid: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    parts: tuple[str, ...] | None = None
    out: Path = Path("reproduced")
    workers: int = MAX_WORKERS


@dataclass(frozen=True)
class StudyResult:
    """The result of a study: checks, tidy rows with their unit, figures, and the versions it ran with."""

    study: str
    scale: str
    seeds: tuple[int, ...]
    settings: list[dict[str, Value]]
    seconds: float
    environment: dict[str, str]
    checks: list[Check]
    rows: list[Row]
    figures: list[Path]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document, without rows."""
        rounded = {"seconds": round(self.seconds, 1), "checks": [check.to_dict() for check in self.checks]}
        return {name: to_plain(value) for name, value in (vars(self) | rounded).items() if name != "rows"}


def run_study(study_path: str, request: StudyRequest, report_line: ProgressFunction = print) -> StudyResult:
    """Run the missing units of a study and check the rows of all units.

    Args:
        study_path: the dotted path of the study, module:NAME.
        request: scale, seeds, settings and the output folder.
        report_line: receives lines about the progress.
    """
    study = load_study(study_path)
    scale = study.scales[request.scale]
    seeds = request.seeds or scale.seeds
    grid_points = (dict(zip(request.grid, values, strict=True)) for values in product(*request.grid.values()))
    settings = [dict(scale.settings) | dict(request.changes) | point for point in grid_points]
    units = [
        StudyUnit(part, seed, point, request.out / "units" / study.unit_key(part, seed, point))
        for point, seed, part in product(settings, seeds, request.parts or tuple(study.parts))
    ]
    missing = [unit for unit in units if load_unit(unit.folder) is None]
    if len(missing) < len(units):
        report_line(f"{len(units) - len(missing)} of {len(units)} units are already done in {request.out}")
    for line in _run_units(study_path, missing, request.workers):
        report_line(line)
    finished = [(unit, load_unit(unit.folder) or {}) for unit in units]
    checks = [check for point in settings for check in _check_grid_point(study, point, finished, request.grid)]
    rows = [_tidy_row(unit, row) for unit, stored in finished for row in stored["rows"]]
    write_whole_file(request.out / "rows.csv", format_rows(rows, "csv"))
    figures = study.draw_figures(rows, request.out)
    seconds = sum(stored["seconds"] for _, stored in finished)
    versions = {"winnow": winnow.__version__, "python": platform.python_version()}
    versions |= {name: version(name) for name in study.libraries}
    return StudyResult(study.name, request.scale, seeds, settings, seconds, versions, checks, rows, figures)


def load_study(study_path: str) -> Study:
    """Return the study at a dotted path, module:NAME, looked up in the current folder first."""
    module_name, _, name = study_path.partition(":")
    folder = os.getcwd()
    sys.path.insert(0, folder)
    try:
        study = attrgetter(name)(import_module(module_name))
    finally:
        sys.path.remove(folder)
    assert isinstance(study, Study)
    return study


def _check_grid_point(
    study: Study, point: Settings, finished: list[tuple[StudyUnit, dict[str, Any]]], grid: Mapping[str, Any]
) -> Iterator[Check]:
    """The checks of one setting over all seeds; in a grid, their names contain the setting."""
    rows = [
        {"part": unit.part, "seed": unit.seed, **row}
        for unit, stored in finished
        if unit.settings == point
        for row in stored["rows"]
    ]
    where = ", ".join(f"{name}={point[name]}" for name in grid)
    for check in study.check_rows(rows, point):
        yield replace(check, name=f"{check.name} [{where}]") if where else check


def _tidy_row(unit: StudyUnit, row: Row) -> Row:
    """A row with its unit; a setting that has the name of a column of the row becomes set_NAME."""
    settings = {
        f"set_{name}" if name in row else name: " ".join(map(str, value)) if isinstance(value, tuple) else value
        for name, value in unit.settings.items()
    }
    return {"part": unit.part, "seed": unit.seed, **settings, **row}


def _run_units(study_path: str, units: list[StudyUnit], workers: int) -> Iterator[str]:
    """Run the units and yield a line of progress after each."""
    start = time.perf_counter()
    for number, (unit, seconds) in enumerate(_completed_units(study_path, units, min(workers, MAX_WORKERS)), 1):
        seconds_left = (time.perf_counter() - start) / number * (len(units) - number)
        remaining = f", about {seconds_left:,.0f} s left" if number < len(units) else ""
        yield f"  {number}/{len(units)} {unit.part}, seed {unit.seed}: {seconds:.1f} s{remaining}"


def _completed_units(study_path: str, units: list[StudyUnit], workers: int) -> Iterator[tuple[StudyUnit, float]]:
    if workers < 1 or not units:
        yield from ((unit, run_unit(study_path, unit)) for unit in units)
        return
    context = multiprocessing.get_context("spawn")
    with limit_worker_threads(), ProcessPoolExecutor(min(workers, len(units)), context, _start_worker) as pool:
        waiting = {pool.submit(run_unit, study_path, unit): unit for unit in units}
        try:
            while waiting:
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    unit = waiting.pop(future)
                    yield unit, future.result()
        except BrokenProcessPool:
            problem = f"a process died at or near {unit.part}, seed {unit.seed} (out of memory?)"
            raise winnow.EnvironmentFault("reproduce", problem, "Run the same command with --workers 1") from None
        finally:
            for future in waiting:
                future.cancel()


def _start_worker() -> None:
    """Let Ctrl-C, which reaches the workers too, end them silently, and leave no byte code beside a user's study."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.dont_write_bytecode = True


def run_unit(study_path: str, unit: StudyUnit) -> float:
    """Run one unit, store its rows, and return the seconds it took.

    Worker processes get the dotted path of the study, because the functions of a study cannot be pickled.
    """
    unit.folder.mkdir(parents=True, exist_ok=True)
    study, start = load_study(study_path), time.perf_counter()
    rows = list(study.parts[unit.part](unit))
    seconds = time.perf_counter() - start
    description = {"part": unit.part, "seed": unit.seed, "settings": dict(unit.settings)}
    stored = {"study": study.name, "unit": description, "seconds": seconds, "rows": rows}
    write_whole_file(unit.folder / "rows.json", json.dumps(stored, indent=1) + "\n")
    return seconds


@contextmanager
def limit_worker_threads() -> Iterator[None]:
    """Limit matrix libraries of processes started inside to one thread, so that they do not compete for cores."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
