"""reproduce: run a study, print its checks beside what was published, or list how every claim stands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from winnow.app.options import Document, OutputOptions, command, option
from winnow.app.say import say
from winnow.app.science.settings import changes, grid, seeds
from winnow.data.errors import UsageError, nearest
from winnow.data.stores.atomic import write_bytes
from winnow.studies.frame.run import MOST_WORKERS, Asked, Result, found_at, run
from winnow.studies.frame.study import Scale, Study
from winnow.studies.listed import listed
from winnow.studies.named import STUDIES


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
    workers: Annotated[int, option("--workers", "processes: 0 (none), 1 or 2 (default)", None, "N")] = MOST_WORKERS


@command
def reproduce(
    asked: StudyOptions,
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
        found = listed()
        say(*found.words())
        return found.plain()
    study = _study(name)
    if cite:
        say(study.cite.strip())
        return {"study": study.name, "bibtex": study.cite.strip()}
    scale = _scale(study, asked.scale)
    if settings:
        say(*(f"{key}={_plain(value)}" for key, value in scale.settings.items()))
        return {"study": study.name, "scale": asked.scale, "settings": dict(scale.settings)}
    return _run(study, asked)


def _study(name: str | None) -> Study:
    if name is None:
        raise UsageError("NAME", "no study is named", f"Name one of {', '.join(STUDIES)}, or give --list")
    if name not in STUDIES:
        raise UsageError("NAME", f"there is no study '{name}'", nearest(name, STUDIES))
    return found_at(STUDIES[name])


def _scale(study: Study, name: str) -> Scale:
    if name not in study.scales:
        raise UsageError("--scale", f"{study.name} has no scale '{name}'", f"It has {', '.join(study.scales)}")
    return study.scales[name]


def _run(study: Study, options: StudyOptions) -> Document:
    scale = study.scales[options.scale]
    for part in options.part or ():
        if part not in study.parts:
            raise UsageError("--part", f"{study.name} has no part '{part}'", nearest(part, study.parts))
    asked = Asked(
        options.scale,
        seeds(options.seeds),
        changes(options.change or (), scale.settings),
        grid(options.grid or (), scale.settings),
        tuple(options.part) if options.part else None,
        options.out or Path("reproduced") / study.name,
        options.workers,
    )
    say(f"{study.name}, {options.scale}: {study.about}", f"expected: {hours(scale.hours)} a seed on {scale.on}")
    result = run(STUDIES[study.name], asked, say)
    say("", *study.words(result.rows), *(check.words() for check in result.checks), *_end(result, asked.out))
    if options.record is not None:
        write_bytes(options.record, (json.dumps(recorded(result), indent=1) + "\n").encode())
    failed = [check.name for check in result.checks if not check.ok]
    return result.plain() | {"unmet": failed}


def recorded(result: Result) -> dict[str, Any]:
    """What is committed of a run: no time, no place."""
    return {name: value for name, value in result.plain().items() if name not in ("seconds", "figures")}


def hours(number: float) -> str:
    """Hours as a person says them."""
    if number < 1 / 60:
        return f"{3600 * number:.0f} seconds"
    return f"{60 * number:.0f} minutes" if number < 1 else f"{number:,.1f} hours"


def _end(result: Result, out: Path) -> list[str]:
    good = sum(check.ok for check in result.checks)
    said = f"{good} of {len(result.checks)} checks hold, seeds {' '.join(map(str, result.seeds))}"
    return [
        "",
        f"{said}, {result.seconds:.0f} s of work",
        *(f"wrote {path}" for path in result.figures),
        f"rows and units are in {out}",
    ]


def _plain(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
