"""A forecast on disk, as it was before anything was trained, and the outcomes recorded beside it.

The forecast is JSON with sorted keys, sealed by the sha256 of its own content: what was said cannot be mended after the
outcome is known. It holds the version, the options, the receipt of the table and the labels, and no clock; nor what
earlier outcomes made of it, so the same forecast is the same bytes. Outcomes are lines of `outcomes.jsonl` in the same
folder; each names its forecast by seal. Appending writes the file anew and renames it: a crash leaves the old one, and
whoever appends at the same moment waits.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from winnow.data.errors import BadTable, BrokenPromise, UsageError, shown
from winnow.data.stores.atomic import refused, write_bytes
from winnow.data.stores.receipts import Work, sealed, without_paths
from winnow.data.values import canonical

FORMAT = "winnow-forecast-1"
NAME = "forecast.json"
OUTCOMES = "outcomes.jsonl"
LOCK = ".outcomes.lock"
FILES = ("recommended", "runner-up", "control")
VERSION = 1

AGAIN = "Make the forecast again under another name; what this one said before training is lost"


@dataclass(frozen=True)
class Stored:
    """A forecast that was read and found whole."""

    path: Path
    seal: str
    regime: str
    raw: dict[str, Any]
    """What is said of the raw rows."""
    said: dict[str, dict[str, Any]]
    """What is said of each training file."""

    def outcomes(self) -> Path:
        """The file its outcomes are recorded in."""
        return self.path.with_name(OUTCOMES)


@dataclass(frozen=True)
class Line:
    """One recorded outcome."""

    forecast: str
    """The name of the forecast's file."""
    seal: str
    file: str
    score: float
    n: int
    baseline: float | None = None
    note: str | None = None


def content(work: Work, forecast: dict[str, Any], pilot: dict[str, Any] | None) -> dict[str, Any]:
    """What is stored of a forecast; the lead stays out, because it moves with the record of outcomes."""
    return {
        "format": FORMAT,
        "identity": work.identity(),
        "stage": {"name": work.stage, "version": work.version, "config": work.config},
        "source": work.source,
        "forecast": {name: value for name, value in forecast.items() if name != "lead"},
        "pilot": pilot,
    }


def refuse_another(path: Path, new: dict[str, Any], option: str) -> bool:
    """Refuse a file that is not this very forecast; True where it is there already, whatever its pilot."""
    if not path.exists():
        return False
    before = _whole(path)
    same = (before.get(part) == _as_read(new[part]) for part in new if part not in ("pilot", "source"))
    source = without_paths(before.get("source")) == without_paths(_as_read(new["source"]))
    # A forecast kept without its pilot may have outcomes, and their seal: it is not the one a pilot is made of.
    if all(same) and source and (option != "--pilot" or before.get("pilot") is not None):
        return True
    problem = f"{shown(str(path))} holds another forecast"
    raise UsageError(option, problem, "Name another place, and leave that one to its outcomes")


def write(path: Path, new: dict[str, Any]) -> None:
    """The forecast, atomically."""
    write_bytes(path, sealed(new))


def pilot_of(path: Path) -> dict[str, Any] | None:
    """The training files that a stored forecast names."""
    found = _whole(path)["pilot"]
    return found if isinstance(found, dict) else None


def read_stored(given: Path) -> Stored:
    """A forecast by its file or its pilot's folder, refused where it is none or was changed."""
    path = given / NAME if given.is_dir() else given
    found = _whole(path)
    try:
        forecast = found["forecast"]
        said = {one["file"]: one for one in forecast["said"]}
        raw = forecast["copied"][0] if forecast["copied"] else {}
        return Stored(path, found["seal"], found["stage"]["config"]["regime"], raw, said)
    except (KeyError, TypeError, IndexError) as error:
        raise _none(path, f"it lacks {error}") from error


def _whole(path: Path) -> dict[str, Any]:
    """The content of a stored forecast whose seal holds."""
    if not path.is_file():
        step = f"Name the folder of winnow forecast --pilot, or the file of winnow forecast --out FILE.json ({NAME})"
        raise UsageError(str(path), "does not exist" if not path.exists() else "is no file", step)
    raw = path.read_bytes()
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _none(path, "it is no JSON") from error
    if not isinstance(found, dict) or not str(found.get("format")).startswith("winnow-forecast-"):
        raise _none(path, "it does not say that it is one")
    if found["format"] != FORMAT:
        problem = f"has the format {shown(found['format'])}, and this winnow reads {FORMAT}"
        raise BadTable(str(path), problem, "Read it with the winnow that wrote it")
    try:
        whole = sealed({name: value for name, value in found.items() if name != "seal"}) == raw
    except ValueError:
        whole = False
    if not whole:
        raise BrokenPromise(str(path), "is not as winnow wrote it (its seal differs)", AGAIN)
    return found


def _none(path: Path, why: str) -> BadTable:
    step = "Name what winnow forecast --pilot DIR or --out FILE.json wrote; if this is it, it is damaged: make it again"
    return BadTable(str(path), f"is no forecast of winnow ({why})", step)


def _as_read(value: Any) -> Any:
    """A value as it comes back from a file: tuples are lists there."""
    return json.loads(canonical(value))


def append(stored: Stored, line: Line) -> bool:
    """Record an outcome; False where the last one of this file says the same already."""
    path = stored.outcomes()
    with _alone(path):
        before = path.read_bytes() if path.exists() else b""
        if latest(stored).get(line.file) == line:
            return False
        gap = b"" if before.endswith(b"\n") or not before else b"\n"
        write_bytes(path, before + gap + canonical(asdict(line)).encode() + b"\n")
    return True


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One record at a time; the others wait. The lock goes with the process that holds it."""
    with refused(path), path.with_name(LOCK).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def latest(stored: Stored) -> dict[str, Line]:
    """The last outcome recorded of each training file of this forecast."""
    return {line.file: line for line in read_lines(stored.outcomes()) if line.seal == stored.seal}


def read_lines(path: Path) -> list[Line]:
    """Every outcome of a file, refused by file and line where one is none."""
    found = []
    for number, text in enumerate(path.read_bytes().split(b"\n") if path.exists() else [], 1):
        if not text.strip():
            continue
        line = _line(text)
        if line is None:
            step = "Mend or remove the line; outcomes are recorded with winnow outcome"
            raise BadTable(f"{path}:{number}", f"is no recorded outcome ({shown(text.decode(errors='replace'))})", step)
        found.append(line)
    return found


def _line(text: bytes) -> Line | None:
    try:
        line = Line(**json.loads(text))
        sound = 0 <= line.score <= 1 and line.n >= 1 and line.file in FILES
        named = isinstance(line.seal, str) and Path(line.forecast).name == line.forecast
        return line if sound and named else None
    except (ValueError, TypeError, RecursionError):
        return None
