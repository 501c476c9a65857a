"""forecast: what each selection rule would give before anything is trained, from scores and labels.

Prompt, score and label of every scored row are read into arrays (about 40 bytes a row); rows without a score are
counted. The recommended rule is the `select` command that applies it. The estimates are those of `winnow.statistics`.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import BadTable, UsageError, format_value
from winnow.stages.forecast import forecast_file
from winnow.stages.forecast.config import PATHS, ForecastConfig
from winnow.stages.forecast.report import ForecastReport
from winnow.stages.forecast.track_record import read_track_record
from winnow.stages.labels import label_columns, mark_right
from winnow.stages.table_config import has_verdicts, require_named_column, verdict_columns, with_score_column
from winnow.statistics.forecasts.candidates import ScoredCandidates, make_candidates
from winnow.statistics.forecasts.forecast import ForecastRequest, compute_forecast
from winnow.statistics.outcomes import TrackRecord
from winnow.storage.atomic_files import make_folder, write_bytes
from winnow.storage.locations.location import Location, require_local
from winnow.storage.receipts import WorkSpec, seal_json
from winnow.tables.column_values import read_grades, read_scores
from winnow.tables.columns import ROLE_OPTIONS, Columns, guess_columns
from winnow.tables.open_table import source_receipt
from winnow.tables.table import Table


def forecast(table: Table, config: ForecastConfig) -> ForecastReport:
    """Forecast what selection rules would give, with the record of earlier forecasts.

    The forecast is written where `pilot` or `out` says, with training files for a pilot.
    """
    folder, out = _local_path(config.pilot, "--pilot"), _local_path(config.out, "--out")
    if out is not None and (out.suffix != ".json" or out.is_dir()):
        raise UsageError("--out", f"{format_value(str(out))} is not a JSON file", "End it in .json")
    if folder is not None and folder.exists() and not folder.is_dir():
        raise UsageError("--pilot", f"{format_value(str(folder))} is a file", "Name a folder")
    kept_at = folder or out
    requested = None if config.record is None else str(config.record)
    record = read_track_record(config.regime, requested, None if kept_at is None else kept_at.parent)
    table = with_score_column(table)
    report = _forecast_table(table, config, record)
    if kept_at is None:
        return report
    source = source_receipt(table, kept_at if folder is not None else kept_at.parent)
    identity = {**config.identity(*PATHS), "score": report.score}
    work = WorkSpec("forecast", forecast_file.VERSION, identity, source)
    content = forecast_file.forecast_content(work, report.forecast_dict())
    if folder is not None:
        from winnow.stages.forecast.pilot import write_pilot  # imports the stage select, which takes time

        return write_pilot(table, config, report, content, folder)
    if not forecast_file.check_same_forecast(kept_at, content, "--out"):
        make_folder(kept_at.parent)
        write_bytes(kept_at, seal_json(content))
    return replace(report, forecast_path=kept_at)


def _local_path(path: str | Location | None, option: str) -> Path | None:
    return None if path is None else require_local(path, option, "forecasts and pilots are kept in a local folder")


def _forecast_table(table: Table, config: ForecastConfig, record: TrackRecord | None) -> ForecastReport:
    score = table.columns.require_column("score", table.name)
    table.require_roles("prompt")
    if config.answer is not None:
        require_named_column(table, config.answer, "--answer")
    candidates, without_score = _read_candidates(table, score, config)
    request = ForecastRequest(
        n=config.n,
        regime=config.regime,
        command=_select_command(table, score, config.seed),
        outcomes=[] if record is None else record.outcomes(),
        seed=config.seed,
    )
    return ForecastReport(table.name, score, without_score, compute_forecast(candidates, request), record)


def _select_command(table: Table, score: str, seed: int) -> str:
    """The start of a select command that reads the same columns and uses no verdicts."""
    guessed_columns = guess_columns(Columns(score=score), table.names(), table.name)
    parts = ["winnow select", shlex.quote(table.name)]
    unfolded = table.base_source().receipt().get("unfolded")
    if unfolded:
        parts.append(f"--candidates {shlex.quote(','.join(unfolded))}")
    parts.append(f"--score {shlex.quote(score)}")
    for part in ("id", "prompt", "text", "messages"):
        name = getattr(table.columns, part)
        if name is not None and name != getattr(guessed_columns, part):
            parts.append(f"{ROLE_OPTIONS[part]} {shlex.quote(name)}")
    parts += [f"--bad-rows {table.bad_rows.policy()}"] if table.bad_rows.limit else []
    parts += ["--no-passed"] if has_verdicts(table, verdict_columns(table, None)) else []
    parts += [f"--seed {seed}"] if seed else []
    return " ".join(parts)


def _read_candidates(table: Table, score: str, config: ForecastConfig) -> tuple[ScoredCandidates, int]:
    """Read the rows that have a score; also returns how many have none."""
    label = _label_column(table, config)
    has_plan = label is not None and "drawn" in table.names()
    named = [label, "drawn" if has_plan else None, config.answer]
    columns: dict[str, list[pa.Array]] = defaultdict(list)
    without_score = 0
    for chunk, parts in table.read_roles(["prompt", "score"], [score, *(name for name in named if name)]):
        has_score = pc.is_valid(parts["score"])
        without_score += parts["score"].null_count
        arrays = {"prompt": parts["prompt"], "score": parts["score"]}
        if label is not None:
            arrays["label"] = read_grades(chunk, label).array
        if has_plan:
            arrays["drawn"] = read_scores(chunk, "drawn").array
        if config.answer is not None:
            answers = ["" if value is None else str(value).strip() for value in chunk.values(config.answer)]
            arrays["answer"] = pa.array(answers, pa.string())
        for name, array in arrays.items():
            columns[name].append(array.filter(has_score))
    read = {name: pa.chunked_array(arrays) for name, arrays in columns.items()}
    if not read or not len(read["score"]):
        raise BadTable(table.name, f"has no row with a {score}", "Score the candidates first")
    candidates = make_candidates(
        _encode(read["prompt"]),
        read["score"].to_numpy(),
        None if label is None else mark_right(label, read["label"].to_numpy(), config.right_if),
        read["drawn"].to_numpy() if has_plan else None,
        _encode(read["answer"]) if config.answer is not None else None,
        config.lower_is_better,
    )
    return candidates, without_score


def _label_column(table: Table, config: ForecastConfig) -> str | None:
    if config.right_if is None and table.columns.label is None:
        return None
    columns = label_columns(table, config.right_if)
    if len(columns) > 1:
        raise UsageError("--label", f"'{','.join(columns)}' names several labels", "Forecast with one at a time")
    return columns[0]


def _encode(values: pa.ChunkedArray) -> pa.Array:
    return pc.dictionary_encode(values).combine_chunks().indices.to_numpy()
