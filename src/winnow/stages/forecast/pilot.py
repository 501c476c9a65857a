"""The pilot of a forecast: training files of equal size, to see on small students whether what was said comes true.

`recommended` and `runner-up` are what the forecast's select lines keep, cut to the same number of rows by the seeded
draw of `--max-rows`; `control` is as many rows of each prompt as `recommended` has, drawn at random. The stage select
makes all three, so their lines say how to make them again. CSV stays CSV and Parquet Parquet; of anything else they are
JSON Lines. `forecast.json` is written last: a folder without it is no pilot yet, and the same command finishes it.
Promises: equal numbers of rows, whole as they came; nothing is written where no rule is recommended. It trains nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from winnow.errors import BrokenPromise, UsageError, format_value
from winnow.stages.columns_in_use import with_score_column
from winnow.stages.forecast import forecast_file
from winnow.stages.forecast.report import ForecastReport, Pilot, TrainingFile
from winnow.stages.forecast.stage import ForecastConfig, forecast_table
from winnow.stages.forecast.track_record import read_track_record
from winnow.stages.select import SelectionRules, SelectRequest, select
from winnow.statistics.forecasts import FileForecast
from winnow.storage.atomic_files import make_folder
from winnow.storage.file_bytes import file_sha256
from winnow.storage.receipts import WorkSpec, read_receipt
from winnow.tables.flat_file import receipt_path, refuse_overwriting
from winnow.tables.open_table import source_receipt
from winnow.tables.table import Table

FILE_SUFFIXES = {"csv": ".csv", "parquet": ".parquet"}
RULE_OPTIONS = {"best-of-n": "best_of", "threshold": "threshold", "top-share": "top_share"}


@dataclass(frozen=True)
class ForecastPaths:
    """Where a forecast is kept, and where earlier ones are looked for: beside it, unless said otherwise."""

    pilot: Path | None = None
    out: Path | None = None
    record: str | None = None

    def __post_init__(self) -> None:
        if self.pilot is not None and self.out is not None:
            problem = "and --pilot both keep the forecast"
            raise UsageError("--out", problem, f"Give one: a pilot holds its forecast as {forecast_file.FORECAST_NAME}")
        if self.out is not None and (self.out.suffix != ".json" or self.out.is_dir()):
            raise UsageError("--out", f"{format_value(str(self.out))} is no file of JSON", "End it in .json")
        if self.pilot is not None and self.pilot.exists() and not self.pilot.is_dir():
            raise UsageError("--pilot", f"{format_value(str(self.pilot))} is a file", "Name a folder")


def run_forecast(table: Table, config: ForecastConfig, paths: ForecastPaths) -> ForecastReport:
    """The forecast with the record of earlier ones; kept, with training files for a pilot, where a place is named."""
    location = paths.pilot or paths.out
    record = read_track_record(config.regime, paths.record, None if location is None else location.parent)
    report = forecast_table(table, config, record)
    if paths.pilot is not None:
        return _write_pilot(with_score_column(table), config, report, paths.pilot)
    if paths.out is not None:
        new = forecast_file.forecast_content(
            _forecast_work(with_score_column(table), config, paths.out.parent), report.forecast_dict(), None
        )
        if not forecast_file.check_same_forecast(paths.out, new, "--out"):
            make_folder(paths.out.parent)
            forecast_file.write_forecast(paths.out, new)
        return replace(report, forecast_path=paths.out)
    return report


def _forecast_work(table: Table, settings: ForecastConfig, folder: Path) -> WorkSpec:
    config = {**asdict(settings), "score": table.columns.score}
    config["n"] = None if settings.n is None else list(settings.n)
    return WorkSpec("forecast", forecast_file.VERSION, config, source_receipt(table, folder))


def _write_pilot(table: Table, config: ForecastConfig, report: ForecastReport, folder: Path) -> ForecastReport:
    predictions = _check_pilot(report)
    suffix = FILE_SUFFIXES.get(table.base_source().format, ".jsonl")
    paths = {file: folder / f"{file}{suffix}" for file in predictions}
    forecast_path = folder / forecast_file.FORECAST_NAME
    new = forecast_file.forecast_content(_forecast_work(table, config, folder), report.forecast_dict(), None)
    files = (
        _find_existing_files(forecast_path, predictions, paths)
        if forecast_file.check_same_forecast(forecast_path, new, "--pilot")
        else None
    )
    is_new = files is None
    if files is None:
        for path in paths.values():
            refuse_overwriting(path, "--pilot")
        make_folder(folder)
        files = _write_files(table, config, predictions, paths)
        stored_fields = ("file", "rows", "bytes", "sha256", "rule")
        entries = [{"name": one.path.name, **{part: getattr(one, part) for part in stored_fields}} for one in files]
        forecast_file.write_forecast(forecast_path, {**new, "pilot": {"rows": files[0].rows, "files": entries}})
    return replace(report, pilot=Pilot(folder, config.regime, tuple(files), not is_new), forecast_path=forecast_path)


def _check_pilot(report: ForecastReport) -> dict[str, FileForecast]:
    """What is said of each file, or a refusal where there is nothing to set against a control."""
    step = "Label more rows: winnow plan TABLE --for forecast draws labels that see more rules"
    predictions = {one.file: one for one in report.result.file_forecasts}
    if "recommended" not in predictions:
        raise UsageError("--pilot", "no rule is recommended (the labels do not reach), so nothing was written", step)
    best = predictions["recommended"]
    if not best.selects:
        problem = "the forecast recommends to leave nothing out, which is what a control is, so nothing was written"
        raise UsageError("--pilot", problem, "Train on the raw rows, or find a better score")
    return predictions


def _find_existing_files(
    forecast_path: Path, predictions: dict[str, FileForecast], paths: dict[str, Path]
) -> list[TrainingFile] | None:
    """The files of this very pilot, where they are there and as they were."""
    stored_pilot = forecast_file.read_pilot(forecast_path)
    if stored_pilot is None or {one["file"] for one in stored_pilot["files"]} != set(predictions):
        return None
    files = []
    for one in stored_pilot["files"]:
        path = paths[one["file"]]
        if path.name != one["name"] or not path.is_file() or file_sha256(path) != one["sha256"]:
            return None
        command = _select_command(predictions, paths, one["file"], one["rows"])
        files.append(TrainingFile(one["file"], path, one["rows"], one["bytes"], one["sha256"], one["rule"], command))
    return files


def _write_files(
    table: Table, config: ForecastConfig, predictions: dict[str, FileForecast], paths: dict[str, Path]
) -> list[TrainingFile]:
    """The files, cut to as many rows as the rule that keeps fewest has."""
    selecting_predictions = [one for one in predictions.values() if one.file != "control"]
    rows = min(one.rows for one in selecting_predictions)
    counts = _select_files(table, config, selecting_predictions, paths, rows)
    if min(counts) < rows:
        # A row may be set aside for its text, which the forecast does not read: then the smallest is smaller.
        rows = min(counts)
        counts = _select_files(table, config, selecting_predictions, paths, rows)
    if rows < 1 or set(counts) != {rows}:
        raise BrokenPromise("--pilot", f"its files have {counts} rows", "This is a fault in winnow: please report it")
    return [
        _training_file(one, predictions, paths) for one in ("recommended", "runner-up", "control") if one in predictions
    ]


def _select_files(
    table: Table, config: ForecastConfig, predictions: Sequence[FileForecast], paths: dict[str, Path], rows: int
) -> list[int]:
    """Select into each file; how many rows each has."""
    counts = []
    for prediction in predictions:
        rule_option: dict[str, Any] = {
            RULE_OPTIONS[prediction.rule]: int(prediction.at or 0) if prediction.rule == "best-of-n" else prediction.at
        }
        rules = SelectionRules(
            passed=False,
            max_rows=max(rows, 1),
            lower_is_better=config.lower_is_better,
            seed=config.seed,
            **rule_option,
        )
        control = paths["control"] if prediction.file == "recommended" else False
        selection = select(table, SelectRequest(rules, out=paths[prediction.file], control=control))
        counts += [len(selection), *([len(selection.control)] if selection.control is not None else [])]
    return counts


def _training_file(file: str, predictions: dict[str, FileForecast], paths: dict[str, Path]) -> TrainingFile:
    receipt = read_receipt(receipt_path(paths[file]))
    shard = receipt.shards[0]
    rule = receipt.work.config["rules"]["said"] if file != "control" else "as many rows of each prompt, at random"
    command = _select_command(predictions, paths, file, shard.rows)
    return TrainingFile(file, paths[file], shard.rows, shard.bytes, shard.sha256, rule, command)


def _select_command(predictions: dict[str, FileForecast], paths: dict[str, Path], file: str, rows: int) -> str:
    """The select line that makes a file again; the control comes with the recommended rows."""
    source_file = "recommended" if file == "control" else file
    control_option = f" --control {shlex.quote(str(paths['control']))}" if source_file == "recommended" else ""
    return f"{predictions[source_file].command} --max-rows {rows} --out {shlex.quote(str(paths[source_file]))}{control_option}"
