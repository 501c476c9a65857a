"""reproduce: run a study, print its checks beside what was published, or list how every claim stands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from winnow.cli.console import print_lines
from winnow.cli.options import Document, OutputOptions, command, option
from winnow.cli.settings import parse_changes, parse_grid, parse_seeds
from winnow.errors import UsageError, suggest_name
from winnow.science.studies.claims_index import build_claims_index
from winnow.science.studies.framework.runner import MAX_WORKERS, StudyRequest, StudyResult, load_study, run_study
from winnow.science.studies.framework.study import Scale, Study
from winnow.science.studies.registry import STUDIES
from winnow.storage.atomic_files import write_bytes


@dataclass(frozen=True)
class StudyOptions:
    """How a study is run."""

    scale: Annotated[
        Literal["quick", "small", "paper"], option("--scale", "quick: a minute; small: a quarter of an hour; paper")
    ] = "quick"
    seeds: Annotated[str | None, option("--seeds", "0-4, 7 or 1,3,5 (default: the study's)", None, "SEEDS")] = None
    change: Annotated[list[str] | None, option("--set", "change a setting", None, "KEY=VALUE")] = None
    grid: Annotated[list[str] | None, option("--grid", "a setting takes these values in turn", None, "KEY=A,B")] = None
    part: Annotated[list[str] | None, option("--part", "only this part", None, "PART")] = None
    out: Annotated[Path | None, option("--out", "where units are kept (default: reproduced/NAME)", None, "FOLDER")] = (
        None
    )
    record: Annotated[Path | None, option("--record", "also write checks and versions here", None, "FILE.json")] = None
    workers: Annotated[int, option("--workers", "processes: 0 (none), 1 or 2 (default)", None, "N")] = MAX_WORKERS


@command
def reproduce(
    options: StudyOptions,
    output: OutputOptions,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="a study; see --list")] = None,
    everything: Annotated[bool, option("--list", "every claim of the papers and how it stands here")] = False,
    cite: Annotated[bool, option("--cite", "print what to cite, as BibTeX")] = False,
    settings: Annotated[bool, option("--settings", "print the settings of the scale, run nothing")] = False,
) -> Document:
    """Run a paper's claims and check them. The same command again goes on where it stopped.

    winnow reproduce gaussian --scale quick --seeds 0-4
    """
    if everything:
        index = build_claims_index()
        print_lines(*index.summary_lines())
        return index.to_dict()
    study = _find_study(name)
    if cite:
        print_lines(study.cite.strip())
        return {"study": study.name, "bibtex": study.cite.strip()}
    scale = _find_scale(study, options.scale)
    if settings:
        print_lines(*(f"{key}={_format_value(value)}" for key, value in scale.settings.items()))
        return {"study": study.name, "scale": options.scale, "settings": dict(scale.settings)}
    return _run_study(study, options)


def _find_study(name: str | None) -> Study:
    if name is None:
        raise UsageError("NAME", "no study is named", f"Name one of {', '.join(STUDIES)}, or give --list")
    if name not in STUDIES:
        raise UsageError("NAME", f"there is no study '{name}'", suggest_name(name, STUDIES))
    return load_study(STUDIES[name])


def _find_scale(study: Study, name: str) -> Scale:
    if name not in study.scales:
        raise UsageError("--scale", f"{study.name} has no scale '{name}'", f"It has {', '.join(study.scales)}")
    return study.scales[name]


def _run_study(study: Study, options: StudyOptions) -> Document:
    scale = study.scales[options.scale]
    for part in options.part or ():
        if part not in study.parts:
            raise UsageError("--part", f"{study.name} has no part '{part}'", suggest_name(part, study.parts))
    request = StudyRequest(
        options.scale,
        parse_seeds(options.seeds),
        parse_changes(options.change or (), scale.settings),
        parse_grid(options.grid or (), scale.settings),
        tuple(options.part) if options.part else None,
        options.out or Path("reproduced") / study.name,
        options.workers,
    )
    print_lines(
        f"{study.name}, {options.scale}: {study.about}",
        f"expected: {format_hours(scale.hours)} a seed on {scale.hardware}",
    )
    result = run_study(STUDIES[study.name], request, print_lines)
    print_lines(
        "",
        *study.summary_lines(result.rows),
        *(check.summary() for check in result.checks),
        *_closing_lines(result, request.out),
    )
    if options.record is not None:
        write_bytes(options.record, (json.dumps(to_record(result), indent=1) + "\n").encode())
    failed = [check.name for check in result.checks if not check.is_ok]
    return result.to_dict() | {"unmet": failed}


def to_record(result: StudyResult) -> dict[str, Any]:
    """What is committed of a run: no time, no place."""
    return {name: value for name, value in result.to_dict().items() if name not in ("seconds", "figures")}


def format_hours(hours: float) -> str:
    """Hours as a person says them."""
    if hours < 1 / 60:
        return f"{3600 * hours:.0f} seconds"
    return f"{60 * hours:.0f} minutes" if hours < 1 else f"{hours:,.1f} hours"


def _closing_lines(result: StudyResult, out: Path) -> list[str]:
    passed = sum(check.is_ok for check in result.checks)
    check_line = f"{passed} of {len(result.checks)} checks hold, seeds {' '.join(map(str, result.seeds))}"
    return [
        "",
        f"{check_line}, {result.seconds:.0f} s of work",
        *(f"wrote {path}" for path in result.figures),
        f"rows and units are in {out}",
    ]


def _format_value(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
