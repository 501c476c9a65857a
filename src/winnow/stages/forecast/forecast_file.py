"""Forecasts on disk, as they were before anything was trained, and the outcomes recorded beside them.

A forecast is JSON with sorted keys. Its seal is the sha256 of its content, so that a later change is detected. It
contains no time and nothing about earlier outcomes: the same forecast is the same bytes. Outcomes are lines of
`outcomes.jsonl` in the same folder, each with the seal of its forecast. Processes record one after the other, and a
crash leaves the old file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from winnow.errors import BadTable, BrokenPromise, UsageError, format_value
from winnow.stages.forecast.config import PilotFile
from winnow.storage.atomic_files import lock_file, translate_os_errors, write_bytes
from winnow.storage.canonical_json import canonical_json
from winnow.storage.receipts import WorkSpec, remove_paths, seal_json

FORMAT = "winnow-forecast-1"
FORECAST_NAME = "forecast.json"
OUTCOMES_NAME = "outcomes.jsonl"
LOCK_NAME = ".outcomes.lock"
VERSION = 1


@dataclass(frozen=True)
class StoredForecast:
    """A forecast whose seal holds, and what it says about the raw rows and about each training file."""

    path: Path
    seal: str
    regime: str
    raw: dict[str, Any]
    predictions: dict[str, dict[str, Any]]

    def outcomes_path(self) -> Path:
        """The file in which its outcomes are recorded."""
        return self.path.with_name(OUTCOMES_NAME)


class OutcomeLine(BaseModel):
    """One recorded outcome: what the student of a training file scored on n held-out prompts."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    forecast: Annotated[str, Field(pattern=r"^[^/\\]+$", description="The name of the forecast's file.")]
    seal: str
    file: PilotFile
    score: Annotated[float, Field(ge=0, le=1)]
    n: Annotated[int, Field(ge=1)]
    baseline: float | None = None
    note: str | None = None


def forecast_content(work: WorkSpec, forecast: dict[str, Any]) -> dict[str, Any]:
    """The content of a forecast file without a pilot; the lead is left out, because it changes with the outcomes."""
    return {
        "format": FORMAT,
        "identity": work.identity(),
        "stage": {"name": work.stage, "version": work.version, "config": work.config},
        "source": work.source,
        "forecast": {name: value for name, value in forecast.items() if name != "lead"},
        "pilot": None,
    }


def check_same_forecast(path: Path, new: dict[str, Any], option: str) -> bool:
    """Whether the file already holds this forecast, with any pilot; another forecast is refused."""
    if not path.exists():
        return False
    existing, new = read_sealed(path), json.loads(canonical_json(new))
    same_parts = all(existing.get(part) == new[part] for part in new if part not in ("pilot", "source"))
    same_source = remove_paths(existing.get("source")) == remove_paths(new["source"])
    # A forecast that was written without a pilot may have outcomes, so a pilot must not replace it.
    if same_parts and same_source and (option != "--pilot" or existing.get("pilot") is not None):
        return True
    problem = f"{format_value(str(path))} holds another forecast"
    raise UsageError(option, problem, "Use another name, and leave that forecast with its outcomes")


def read_forecast(location: Path) -> StoredForecast:
    """Read a forecast from its file or from the folder of its pilot.

    Raises:
        BadTable: If the file is not a forecast.
        BrokenPromise: If it was changed after winnow wrote it.
    """
    path = location / FORECAST_NAME if location.is_dir() else location
    content = read_sealed(path)
    try:
        forecast = content["forecast"]
        predictions = {prediction["file"]: prediction for prediction in forecast["said"]}
        raw = forecast["copied"][0] if forecast["copied"] else {}
        return StoredForecast(path, content["seal"], content["stage"]["config"]["regime"], raw, predictions)
    except (KeyError, TypeError, IndexError) as error:
        raise _not_a_forecast(path, f"it lacks {error}") from error


def read_sealed(path: Path) -> dict[str, Any]:
    """Read the content of a forecast file, and check its seal."""
    if not path.is_file():
        step = f"Name the folder of winnow forecast --pilot, or the file of --out FILE.json ({FORECAST_NAME})"
        raise UsageError(str(path), "is not a file" if path.exists() else "does not exist", step)
    raw = path.read_bytes()
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _not_a_forecast(path, "it is not JSON") from error
    if not isinstance(content, dict) or not str(content.get("format")).startswith("winnow-forecast-"):
        raise _not_a_forecast(path, "its format is another")
    if content["format"] != FORMAT:
        problem = f"has the format {format_value(content['format'])}, and this winnow reads {FORMAT}"
        raise BadTable(str(path), problem, "Read it with the winnow that wrote it")
    try:
        seal_holds = seal_json({name: value for name, value in content.items() if name != "seal"}) == raw
    except ValueError:
        seal_holds = False
    if not seal_holds:
        step = "Make the forecast again under another name; what this one said before training is lost"
        raise BrokenPromise(str(path), "was changed after winnow wrote it (its seal differs)", step)
    return content


def _not_a_forecast(path: Path, reason: str) -> BadTable:
    step = "Name what winnow forecast --pilot DIR or --out FILE.json wrote; if this is it, it is damaged: make it again"
    return BadTable(str(path), f"is not a forecast of winnow ({reason})", step)


def append_outcome(forecast: StoredForecast, line: OutcomeLine) -> bool:
    """Record an outcome; returns False if the last one of this training file is the same."""
    path = forecast.outcomes_path()
    with translate_os_errors(path), lock_file(path.with_name(LOCK_NAME)):
        existing = path.read_bytes() if path.exists() else b""
        if latest_outcomes(forecast).get(line.file) == line:
            return False
        separator = b"" if existing.endswith(b"\n") or not existing else b"\n"
        write_bytes(path, existing + separator + canonical_json(line.model_dump()).encode() + b"\n")
    return True


def latest_outcomes(forecast: StoredForecast) -> dict[str, OutcomeLine]:
    """The last outcome of each training file of a forecast."""
    return {line.file: line for line in read_outcomes(forecast.outcomes_path()) if line.seal == forecast.seal}


def read_outcomes(path: Path) -> list[OutcomeLine]:
    """Read every outcome of a file.

    Raises:
        BadTable: For the first line that is not an outcome.
    """
    outcomes = []
    for number, text in enumerate(path.read_bytes().split(b"\n") if path.exists() else [], 1):
        if text.strip():
            try:
                outcomes.append(OutcomeLine.model_validate_json(text))
            except ValidationError as error:
                problem = f"is not a recorded outcome ({format_value(text.decode(errors='replace'))})"
                step = "Repair or remove the line; outcomes are recorded with winnow outcome"
                raise BadTable(f"{path}:{number}", problem, step) from error
    return outcomes
