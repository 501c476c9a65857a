"""The command reproduce: run a study and print its checks with the published numbers, or list every claim."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from winnow.cli.console import print_error, print_lines
from winnow.cli.options import Document, cli_option, command
from winnow.cli.settings import SettingsOptions, parse_changes, parse_grid, parse_seeds, setting_lines
from winnow.errors import UsageError, WinnowError, format_value, suggest_name
from winnow.science.studies.framework.runner import MAX_WORKERS, StudyRequest, run_study
from winnow.science.studies.framework.study import Study
from winnow.science.studies.registry import ENTRY_POINT_GROUP, STUDIES, claim_lines, claims_document, study_paths
from winnow.stages.config import StageConfig, option
from winnow.storage.atomic_files import write_bytes
from winnow.verifiers.dotted_path import load


class StudyOptions(StageConfig):
    """How a study is run, apart from its seeds and settings."""

    scale: Annotated[
        Literal["quick", "small", "paper"],
        option("Quick: a minute; small: a quarter of an hour; paper.", flag="--scale"),
    ] = "quick"
    part: Annotated[list[str] | None, option("Only this part.", flag="--part", metavar="PART")] = None
    out: Annotated[
        Path | None, option("Folder of the units (default: reproduced/NAME).", flag="--out", metavar="FOLDER")
    ] = None
    record: Annotated[
        Path | None, option("Also write checks and versions here.", flag="--record", metavar="FILE.json")
    ] = None
    workers: Annotated[int, option("Processes: 0 (none), 1 or 2 (default).", flag="--workers", metavar="N")] = (
        MAX_WORKERS
    )


@command
def reproduce(
    options: StudyOptions,
    changes: SettingsOptions,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="a study; see --list, or your module:STUDY")
    ] = None,
    everything: Annotated[bool, cli_option("--list", "list every claim of the papers and its status here")] = False,
    cite: Annotated[bool, cli_option("--cite", "print what to cite, as BibTeX")] = False,
) -> Document:
    """Run a paper's claims and check them. The same command again continues where it stopped.

    winnow reproduce gaussian --scale quick --seeds 0-4
    """
    paths = study_paths()
    if everything:
        return _list_claims(paths)
    if name is None:
        raise UsageError("NAME", "no study is named", f"Name one of {', '.join(paths)}, or use --list")
    if name not in paths and ":" not in name:
        raise UsageError("NAME", f"there is no study {format_value(name)}", suggest_name(name, paths))
    path = paths.get(name, name)
    study = _load_study(path, name)
    if cite:
        print_lines(study.cite.strip())
        return {"study": study.name, "bibtex": study.cite.strip()}
    if options.scale not in study.scales:
        problem = f"{study.name} has no scale '{options.scale}'"
        raise UsageError("--scale", problem, f"It has {', '.join(study.scales)}")
    scale = study.scales[options.scale]
    if changes.settings:
        print_lines(*setting_lines(scale.settings))
        return {"study": study.name, "scale": options.scale, "settings": dict(scale.settings)}
    for part in options.part or ():
        if part not in study.parts:
            raise UsageError("--part", f"{study.name} has no part '{part}'", suggest_name(part, study.parts))
    request = StudyRequest(
        options.scale,
        parse_seeds(changes.seeds),
        parse_changes(changes.change, scale.settings),
        parse_grid(changes.grid, scale.settings),
        tuple(options.part) if options.part else None,
        options.out or Path("reproduced") / study.name,
        options.workers,
    )
    return _run_study(path, study, request, options.record)


def _list_claims(paths: Mapping[str, str]) -> Document:
    """Print the claims of every study; a study that cannot be loaded is named on stderr and left out."""
    studies = []
    for name, path in paths.items():
        try:
            studies.append(_load_study(path, name))
        except WinnowError as error:
            print_error(error)
    print_lines(*claim_lines(studies))
    return claims_document(studies)


def _load_study(path: str, name: str) -> Study:
    where = "NAME" if name in STUDIES or ":" in name else f"entry point {name} of {ENTRY_POINT_GROUP}"
    study = load(path, where).target
    if not isinstance(study, Study):
        problem = f"{path} is {format_value(type(study).__name__)}, not a Study"
        raise UsageError(where, problem, "Name a winnow.science.studies.framework.study.Study")
    return study


def _run_study(path: str, study: Study, request: StudyRequest, record: Path | None) -> Document:
    scale = study.scales[request.scale]
    print_lines(
        f"{study.name}, {request.scale}: {study.about}",
        f"expected: {_format_hours(scale.hours)} per seed on {scale.hardware}",
    )
    result = run_study(path, request, print_lines)
    failed = [check.name for check in result.checks if not check.is_ok]
    print_lines(
        "",
        *study.summary_lines(result.rows),
        *(check.summary() for check in result.checks),
        "",
        f"{len(result.checks) - len(failed)} of {len(result.checks)} checks hold, "
        f"seeds {' '.join(map(str, result.seeds))}, {result.seconds:.0f} s of work",
        *(f"wrote {path}" for path in result.figures),
        f"rows and units are in {request.out}",
    )
    if record is not None:
        # Committed records contain neither times nor paths.
        content = {key: value for key, value in result.to_dict().items() if key not in ("seconds", "figures")}
        write_bytes(record, (json.dumps(content, indent=1) + "\n").encode())
    return result.to_dict() | {"unmet": failed}


def _format_hours(hours: float) -> str:
    if hours < 1 / 60:
        return f"{3600 * hours:.0f} seconds"
    return f"{60 * hours:.0f} minutes" if hours < 1 else f"{hours:,.1f} hours"
