"""The pilot of a forecast: training files of equal size, on which small students show whether the forecast holds.

`recommended` and `runner-up` are the rows that the forecast's rules select, reduced to the same number by the seeded
draw of `--max-rows`; `control` has as many rows of each prompt as `recommended`, drawn at random. The stage select
writes them, as CSV or Parquet if the table is, otherwise as JSON Lines. `forecast.json` is written last: a folder
without it is unfinished, and the same command finishes it. Nothing is trained here.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from winnow.errors import BrokenPromise, UsageError
from winnow.stages.forecast import forecast_file
from winnow.stages.forecast.config import ForecastConfig
from winnow.stages.forecast.report import ForecastReport, Pilot, TrainingFile
from winnow.stages.select.config import SelectConfig
from winnow.stages.select.stage import select
from winnow.statistics.forecasts.recommendation import FileForecast
from winnow.storage.atomic_files import make_folder, write_bytes
from winnow.storage.file_bytes import file_sha256
from winnow.storage.receipts import read_receipt, seal_json
from winnow.tables.flat_file import receipt_path, refuse_overwriting
from winnow.tables.table import Table

FILE_SUFFIXES = {"csv": ".csv", "parquet": ".parquet"}
RULE_OPTIONS = {"best-of-n": "best_of", "threshold": "threshold", "top-share": "top_share"}
STORED_FIELDS = ("file", "rows", "bytes", "sha256", "rule")
CONTROL_RULE = "as many rows of each prompt, at random"


def write_pilot(
    table: Table, config: ForecastConfig, report: ForecastReport, content: dict[str, Any], folder: Path
) -> ForecastReport:
    """Write the training files and the forecast of a pilot, unless the folder holds the same pilot already.

    `content` is what the file of the forecast holds without the pilot.
    """
    predictions = _check_predictions(report)
    suffix = FILE_SUFFIXES.get(table.base_source().format, ".jsonl")
    paths = {file: folder / f"{file}{suffix}" for file in predictions}
    forecast_path, files = folder / forecast_file.FORECAST_NAME, None
    if forecast_file.check_same_forecast(forecast_path, content, "--pilot"):
        files = _find_existing_files(forecast_path, predictions, paths)
    already_done = files is not None
    if files is None:
        for path in paths.values():
            refuse_overwriting(path, "--pilot")
        make_folder(folder)
        files = _write_files(table, config, predictions, paths)
        entries = [{"name": file.path.name, **{part: getattr(file, part) for part in STORED_FIELDS}} for file in files]
        write_bytes(forecast_path, seal_json({**content, "pilot": {"rows": files[0].rows, "files": entries}}))
    pilot = Pilot(folder, config.regime, tuple(files), already_done)
    return replace(report, pilot=pilot, forecast_path=forecast_path)


def _check_predictions(report: ForecastReport) -> dict[str, FileForecast]:
    """What is forecast of each file, refused where nothing is selected."""
    predictions = {one.file: one for one in report.result.file_forecasts}
    if "recommended" not in predictions:
        step = "Label more rows: winnow plan TABLE --for forecast draws labels that see more rules"
        raise UsageError("--pilot", "no rule is recommended (too few labels), so nothing was written", step)
    if not predictions["recommended"].selects:
        problem = "the forecast recommends to keep every row, as the control does, so nothing was written"
        raise UsageError("--pilot", problem, "Train on the raw rows, or find a better score")
    return predictions


def _find_existing_files(
    forecast_path: Path, predictions: dict[str, FileForecast], paths: dict[str, Path]
) -> list[TrainingFile] | None:
    """The files of the pilot that the forecast file names, if all are there and unchanged."""
    pilot, files = forecast_file.read_sealed(forecast_path)["pilot"], []
    if pilot is None or {entry["file"] for entry in pilot["files"]} != set(predictions):
        return None
    for entry in pilot["files"]:
        path = paths[entry["file"]]
        if path.name != entry["name"] or not path.is_file() or file_sha256(path) != entry["sha256"]:
            return None
        known = {name: value for name, value in entry.items() if name != "name"}
        command = _select_command(predictions, paths, entry["file"], entry["rows"])
        files.append(TrainingFile(**known, path=path, command=command))
    return files


def _write_files(
    table: Table, config: ForecastConfig, predictions: dict[str, FileForecast], paths: dict[str, Path]
) -> list[TrainingFile]:
    """Select into the files, with as many rows as the rule that keeps fewest."""
    selecting = [prediction for prediction in predictions.values() if prediction.file != "control"]
    rows = min(prediction.rows for prediction in selecting)
    counts = _select_files(table, config, selecting, paths, rows)
    if min(counts) < rows:
        # The selection also reads texts, and may set rows aside that the forecast counts.
        rows = min(counts)
        counts = _select_files(table, config, selecting, paths, rows)
    if rows < 1 or set(counts) != {rows}:
        raise BrokenPromise("--pilot", f"its files have {counts} rows", "This is a fault in winnow: please report it")
    rules = {one.file: _select_config(one, config, paths, rows).describe() for one in selecting}
    files = []
    for file in ("recommended", "runner-up", "control"):
        if file in predictions:
            shard = read_receipt(receipt_path(paths[file])).shards[0]
            rule, command = rules.get(file, CONTROL_RULE), _select_command(predictions, paths, file, shard.rows)
            files.append(TrainingFile(file, paths[file], shard.rows, shard.bytes, shard.sha256, rule, command))
    return files


def _select_config(prediction: FileForecast, config: ForecastConfig, paths: dict[str, Path], rows: int) -> SelectConfig:
    at: Any = int(prediction.at or 0) if prediction.rule == "best-of-n" else prediction.at
    options = {
        RULE_OPTIONS[prediction.rule]: at,
        "passed": False,
        "max_rows": max(rows, 1),
        "lower_is_better": config.lower_is_better,
        "seed": config.seed,
        "control": paths["control"] if prediction.file == "recommended" else None,
    }
    return SelectConfig.read(options)


def _select_files(
    table: Table, config: ForecastConfig, predictions: Sequence[FileForecast], paths: dict[str, Path], rows: int
) -> list[int]:
    """Select into each file, and return how many rows each has."""
    counts = []
    for prediction in predictions:
        selected = select(table, _select_config(prediction, config, paths, rows), paths[prediction.file])
        counts += [len(selected), *([len(selected.control)] if selected.control is not None else [])]
    return counts


def _select_command(predictions: dict[str, FileForecast], paths: dict[str, Path], file: str, rows: int) -> str:
    """The select command that writes a file again; the control is written with the recommended rows."""
    selected = "recommended" if file == "control" else file
    control = f" --control {shlex.quote(str(paths['control']))}" if selected == "recommended" else ""
    return f"{predictions[selected].command} --max-rows {rows} --out {shlex.quote(str(paths[selected]))}{control}"
