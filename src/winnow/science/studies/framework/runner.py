"""Runs a study: every unit that is not kept yet, in up to two processes with one thread each, then the checks.

Promises: killed anywhere and asked again, it does only what is left; asked again when all is done, it does nothing
but judge. Rows do not depend on the number of processes.
It asks nothing of the user and prints only through `say`.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import winnow
from winnow.science.studies.framework.check import Check, Row
from winnow.science.studies.framework.study import Settings, Study, StudyUnit, Value
from winnow.science.studies.framework.unit_store import format_rows, load_unit, save_unit, unit_folder, write_whole_file

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
MAX_WORKERS = 2
ProgressFunction = Callable[[str], None]


@dataclass(frozen=True)
class StudyRequest:
    """How a study is to be run. `grid` holds the values a setting takes in turn."""

    scale: str = "quick"
    seeds: tuple[int, ...] | None = None
    changes: Settings = field(default_factory=dict)
    grid: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    parts: tuple[str, ...] | None = None
    out: Path = Path("reproduced")
    workers: int = MAX_WORKERS


@dataclass(frozen=True)
class StudyResult:
    """What came of a study: tidy rows with their unit, checks, and what it ran on."""

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
        """As JSON."""
        return {
            "study": self.study,
            "scale": self.scale,
            "seeds": list(self.seeds),
            "settings": self.settings,
            "seconds": round(self.seconds, 1),
            "environment": self.environment,
            "checks": [check.to_dict() for check in self.checks],
            "figures": [str(path) for path in self.figures],
        }


@dataclass(frozen=True)
class UnitJob:
    """A unit as a worker process takes it: the study by where it lives, so that nothing but names is sent."""

    study_path: str
    unit: StudyUnit
    key: str
    out: Path


def run_study(study_path: str, request: StudyRequest, report_line: ProgressFunction = print) -> StudyResult:
    """Run the study at `home` (module:NAME) and judge it."""
    study = load_study(study_path)
    scale = study.scales[request.scale]
    seeds = request.seeds or scale.seeds
    settings = [dict(scale.settings) | dict(request.changes) | point for point in _grid_points(request.grid)]
    jobs = [
        _make_job(study_path, study, request, part, seed, point)
        for point in settings
        for seed in seeds
        for part in request.parts or tuple(study.parts)
    ]
    unfinished = [job for job in jobs if load_unit(request.out, job.key) is None]
    if len(unfinished) < len(jobs):
        report_line(f"{len(jobs) - len(unfinished)} of {len(jobs)} units are done already, in {request.out}")
    for line in _run_jobs(unfinished, request.workers):
        report_line(line)
    finished = [(job, load_unit(request.out, job.key) or {}) for job in jobs]
    checks = [check for point in settings for check in _check_grid_point(study, point, finished, request.grid)]
    rows = [_tidy_row(job, row) for job, found in finished for row in found["rows"]]
    write_whole_file(request.out / "rows.csv", format_rows(rows, "csv"))
    figures = study.draw_figures(rows, request.out)
    seconds = sum(found["seconds"] for _, found in finished)
    return StudyResult(study.name, request.scale, seeds, settings, seconds, environment(study), checks, rows, figures)


def load_study(study_path: str) -> Study:
    """The study a module holds."""
    module, _, name = study_path.partition(":")
    study = getattr(import_module(module), name)
    assert isinstance(study, Study)
    return study


def environment(study: Study) -> dict[str, str]:
    """The versions the rows were made with."""
    versions = {name: version(name) for name in study.libraries}
    return {"winnow": winnow.__version__, "python": platform.python_version(), **versions}


def _grid_points(grid: Mapping[str, tuple[Value, ...]]) -> Iterator[dict[str, Value]]:
    for values in product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def _make_job(
    study_path: str, study: Study, request: StudyRequest, part: str, seed: int, settings: Settings
) -> UnitJob:
    key = study.unit_key(part, seed, settings)
    return UnitJob(study_path, StudyUnit(part, seed, settings, unit_folder(request.out, key)), key, request.out)


def _check_grid_point(
    study: Study, point: Settings, finished: list[tuple[UnitJob, dict[str, Any]]], grid: Mapping[str, Any]
) -> Iterator[Check]:
    """The checks of one setting over all seeds; in a grid their names say which setting."""
    rows = [
        {"part": job.unit.part, "seed": job.unit.seed, **row}
        for job, found in finished
        if job.unit.settings == point
        for row in found["rows"]
    ]
    where = ", ".join(f"{name}={point[name]}" for name in grid)
    for check in study.check_rows(rows, point):
        yield check if not where else Check(**{**vars(check), "name": f"{check.name} [{where}]"})


def _tidy_row(job: UnitJob, row: Row) -> Row:
    """A row with its unit; a setting that has the name of one of the row's columns is called set_NAME."""
    settings = {
        f"set_{name}" if name in row else name: " ".join(map(str, value)) if isinstance(value, tuple) else value
        for name, value in job.unit.settings.items()
    }
    return {"part": job.unit.part, "seed": job.unit.seed, **settings, **row}


def _run_jobs(jobs: list[UnitJob], workers: int) -> Iterator[str]:
    """Do the jobs, saying after each how it stands."""
    start = time.perf_counter()
    for number, (job, seconds) in enumerate(_completed_jobs(jobs, min(workers, MAX_WORKERS)), 1):
        left = (time.perf_counter() - start) / number * (len(jobs) - number)
        later = f", about {left:,.0f} s left" if number < len(jobs) else ""
        yield f"  {number}/{len(jobs)} {job.unit.part}, seed {job.unit.seed}: {seconds:.1f} s{later}"


def _completed_jobs(jobs: list[UnitJob], workers: int) -> Iterator[tuple[UnitJob, float]]:
    if workers < 1 or not jobs:
        yield from ((job, run_unit(job)) for job in jobs)
        return
    context = multiprocessing.get_context("spawn")
    with (
        limit_worker_threads(),
        ProcessPoolExecutor(min(workers, len(jobs)), context, _exit_on_interrupt) as pool,
    ):
        waiting = {pool.submit(run_unit, job): job for job in jobs}
        try:
            while waiting:
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    job = waiting.pop(future)
                    yield job, future.result()
        except BrokenProcessPool:
            problem = f"a process died at {job.unit.part}, seed {job.unit.seed}, or beside it (out of memory?)"
            raise winnow.EnvironmentFault("reproduce", problem, "Give the same command with --workers 1") from None
        finally:
            for future in waiting:
                future.cancel()


def _exit_on_interrupt() -> None:
    """Ctrl-C reaches the workers too: they end at once and say nothing, the parent speaks."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run_unit(job: UnitJob) -> float:
    """Do one unit and keep its rows."""
    job.unit.folder.mkdir(parents=True, exist_ok=True)
    study, start = load_study(job.study_path), time.perf_counter()
    rows = study.parts[job.unit.part](job.unit)
    seconds = time.perf_counter() - start
    unit = {"part": job.unit.part, "seed": job.unit.seed, "settings": dict(job.unit.settings)}
    save_unit(job.out, job.key, {"study": study.name, "unit": unit, "seconds": seconds, "rows": rows})
    return seconds


@contextmanager
def limit_worker_threads() -> Iterator[None]:
    """Processes started inside get one thread for their matrix library: two on two busy cores wait for each other."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
