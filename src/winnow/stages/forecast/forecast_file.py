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

from winnow.errors import BadTable, BrokenPromise, UsageError, format_value
from winnow.storage.atomic_files import translate_os_errors, write_bytes
from winnow.storage.canonical_json import canonical_json
from winnow.storage.receipts import WorkSpec, remove_paths, seal_json

FORMAT = "winnow-forecast-1"
FORECAST_NAME = "forecast.json"
OUTCOMES_NAME = "outcomes.jsonl"
LOCK_NAME = ".outcomes.lock"
PILOT_FILES = ("recommended", "runner-up", "control")
VERSION = 1

REMAKE_ADVICE = "Make the forecast again under another name; what this one said before training is lost"


@dataclass(frozen=True)
class StoredForecast:
    """A forecast that was read and found whole."""

    path: Path
    seal: str
    regime: str
    raw: dict[str, Any]
    """What is said of the raw rows."""
    predictions: dict[str, dict[str, Any]]
    """What is said of each training file."""

    def outcomes_path(self) -> Path:
        """The file its outcomes are recorded in."""
        return self.path.with_name(OUTCOMES_NAME)


@dataclass(frozen=True)
class OutcomeLine:
    """One recorded outcome."""

    forecast: str
    """The name of the forecast's file."""
    seal: str
    file: str
    score: float
    n: int
    baseline: float | None = None
    note: str | None = None


def forecast_content(work: WorkSpec, forecast: dict[str, Any], pilot: dict[str, Any] | None) -> dict[str, Any]:
    """What is stored of a forecast; the lead stays out, because it moves with the record of outcomes."""
    return {
        "format": FORMAT,
        "identity": work.identity(),
        "stage": {"name": work.stage, "version": work.version, "config": work.config},
        "source": work.source,
        "forecast": {name: value for name, value in forecast.items() if name != "lead"},
        "pilot": pilot,
    }


def check_same_forecast(path: Path, new: dict[str, Any], option: str) -> bool:
    """Refuse a file that is not this very forecast; True where it is there already, whatever its pilot."""
    if not path.exists():
        return False
    existing = _read_sealed(path)
    same_parts = (existing.get(part) == _through_json(new[part]) for part in new if part not in ("pilot", "source"))
    same_source = remove_paths(existing.get("source")) == remove_paths(_through_json(new["source"]))
    # A forecast kept without its pilot may have outcomes, and their seal: it is not the one a pilot is made of.
    if all(same_parts) and same_source and (option != "--pilot" or existing.get("pilot") is not None):
        return True
    problem = f"{format_value(str(path))} holds another forecast"
    raise UsageError(option, problem, "Name another place, and leave that one to its outcomes")


def write_forecast(path: Path, new: dict[str, Any]) -> None:
    """The forecast, atomically."""
    write_bytes(path, seal_json(new))


def read_pilot(path: Path) -> dict[str, Any] | None:
    """The training files that a stored forecast names."""
    found = _read_sealed(path)["pilot"]
    return found if isinstance(found, dict) else None


def read_forecast(location: Path) -> StoredForecast:
    """A forecast by its file or its pilot's folder, refused where it is none or was changed."""
    path = location / FORECAST_NAME if location.is_dir() else location
    found = _read_sealed(path)
    try:
        forecast = found["forecast"]
        predictions = {one["file"]: one for one in forecast["said"]}
        raw = forecast["copied"][0] if forecast["copied"] else {}
        return StoredForecast(path, found["seal"], found["stage"]["config"]["regime"], raw, predictions)
    except (KeyError, TypeError, IndexError) as error:
        raise _not_a_forecast(path, f"it lacks {error}") from error


def _read_sealed(path: Path) -> dict[str, Any]:
    """The content of a stored forecast whose seal holds."""
    if not path.is_file():
        step = f"Name the folder of winnow forecast --pilot, or the file of winnow forecast --out FILE.json ({FORECAST_NAME})"
        raise UsageError(str(path), "does not exist" if not path.exists() else "is no file", step)
    raw = path.read_bytes()
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _not_a_forecast(path, "it is no JSON") from error
    if not isinstance(found, dict) or not str(found.get("format")).startswith("winnow-forecast-"):
        raise _not_a_forecast(path, "it does not say that it is one")
    if found["format"] != FORMAT:
        problem = f"has the format {format_value(found['format'])}, and this winnow reads {FORMAT}"
        raise BadTable(str(path), problem, "Read it with the winnow that wrote it")
    try:
        seal_holds = seal_json({name: value for name, value in found.items() if name != "seal"}) == raw
    except ValueError:
        seal_holds = False
    if not seal_holds:
        raise BrokenPromise(str(path), "is not as winnow wrote it (its seal differs)", REMAKE_ADVICE)
    return found


def _not_a_forecast(path: Path, reason: str) -> BadTable:
    step = "Name what winnow forecast --pilot DIR or --out FILE.json wrote; if this is it, it is damaged: make it again"
    return BadTable(str(path), f"is no forecast of winnow ({reason})", step)


def _through_json(value: Any) -> Any:
    """A value as it comes back from a file: tuples are lists there."""
    return json.loads(canonical_json(value))


def append_outcome(forecast: StoredForecast, line: OutcomeLine) -> bool:
    """Record an outcome; False where the last one of this file says the same already."""
    path = forecast.outcomes_path()
    with _outcomes_lock(path):
        existing = path.read_bytes() if path.exists() else b""
        if latest_outcomes(forecast).get(line.file) == line:
            return False
        separator = b"" if existing.endswith(b"\n") or not existing else b"\n"
        write_bytes(path, existing + separator + canonical_json(asdict(line)).encode() + b"\n")
    return True


@contextmanager
def _outcomes_lock(path: Path) -> Iterator[None]:
    """One record at a time; the others wait. The lock goes with the process that holds it."""
    with translate_os_errors(path), path.with_name(LOCK_NAME).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def latest_outcomes(forecast: StoredForecast) -> dict[str, OutcomeLine]:
    """The last outcome recorded of each training file of this forecast."""
    return {line.file: line for line in read_outcomes(forecast.outcomes_path()) if line.seal == forecast.seal}


def read_outcomes(path: Path) -> list[OutcomeLine]:
    """Every outcome of a file, refused by file and line where one is none."""
    outcomes = []
    for number, text in enumerate(path.read_bytes().split(b"\n") if path.exists() else [], 1):
        if not text.strip():
            continue
        line = _parse_outcome(text)
        if line is None:
            step = "Mend or remove the line; outcomes are recorded with winnow outcome"
            raise BadTable(
                f"{path}:{number}", f"is no recorded outcome ({format_value(text.decode(errors='replace'))})", step
            )
        outcomes.append(line)
    return outcomes


def _parse_outcome(text: bytes) -> OutcomeLine | None:
    try:
        line = OutcomeLine(**json.loads(text))
        values_valid = 0 <= line.score <= 1 and line.n >= 1 and line.file in PILOT_FILES
        names_valid = isinstance(line.seal, str) and Path(line.forecast).name == line.forecast
        return line if values_valid and names_valid else None
    except (ValueError, TypeError, RecursionError):
        return None
