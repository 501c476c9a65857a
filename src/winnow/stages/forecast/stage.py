"""forecast: what each rule of selection would give, before anything is trained, from scores and labels.

Reads prompt, score and label of every scored row into arrays (about 40 bytes a row) and leaves the rest to the
statistics. Rows without a score stand aside and are counted. Labels that a plan drew carry their chance as `drawn`.
The rule is said as the `select` line that applies it. It writes nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import BadTable, UsageError, format_value, suggest_name
from winnow.stages.columns_in_use import has_verdicts, verdict_columns, with_score_column
from winnow.stages.forecast.report import ForecastReport
from winnow.stages.measure.stage import MeasureConfig, mark_right
from winnow.statistics.forecasts import ForecastRequest, compute_forecast, make_candidates
from winnow.statistics.outcomes import TrackRecord
from winnow.tables.chunks import Chunk
from winnow.tables.column_values import read_grades, read_scores
from winnow.tables.columns import ROLE_OPTIONS, Columns, guess_columns
from winnow.tables.table import Table


@dataclass(frozen=True)
class ForecastConfig:
    """What to forecast."""

    n: Sequence[int] | None = None
    regime: str = "self"
    right_if: str | None = None
    answer: str | None = None
    """The column of final answers, where a prompt's commonest one is to be found."""
    lower_is_better: bool = False
    seed: int = 0


def forecast_table(table: Table, config: ForecastConfig, record: TrackRecord | None = None) -> ForecastReport:
    """The forecast of a score on a table; the record of earlier ones says what became of their students."""
    table = with_score_column(table)
    score = table.columns.require_column("score", table.name)
    table.require_roles("prompt")
    if config.answer is not None and config.answer not in table.names():
        problem = f"{format_value(config.answer)} is no column of {table.name}"
        raise UsageError("--answer", problem, suggest_name(config.answer, table.names()))
    arrays = _read_arrays(table, score, config)
    if not len(arrays.scores):
        raise BadTable(table.name, f"has no row with a {score}", "Score the candidates first")
    request = ForecastRequest(
        n=config.n,
        regime=config.regime,  # type: ignore[arg-type]  # checked there, with the nearest name
        command=select_command(table, score, config.seed),
        outcomes=[] if record is None else record.outcomes(),
        seed=config.seed,
    )
    candidates = make_candidates(
        arrays.prompts, arrays.scores, arrays.right, arrays.drawn, arrays.answers, config.lower_is_better
    )
    return ForecastReport(table.name, score, arrays.without_score, compute_forecast(candidates, request), record)


def select_command(table: Table, score: str, seed: int) -> str:
    """The select line that the rule is added to: it reads the same columns and turns off what was not looked at."""
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


@dataclass(frozen=True, eq=False)
class _ForecastArrays:
    """The scored rows: codes of their prompts and final answers, scores, labels, chances; and how many had no score."""

    prompts: Any
    scores: Any
    right: Any = None
    drawn: Any = None
    answers: Any = None
    without_score: int = 0


def _read_arrays(table: Table, score: str, config: ForecastConfig) -> _ForecastArrays:
    label = _label_column(table, config)
    planned = label is not None and "drawn" in table.names()
    also = [score, *([label] if label else []), *(["drawn"] if planned else [])]
    also += [config.answer] if config.answer else []
    parts: list[tuple[Any, ...]] = []
    missing = 0
    for chunk, read_parts in table.read_roles(["prompt", "score"], also):
        values = read_parts["score"].to_numpy(zero_copy_only=False)
        has_score = np.isfinite(values)
        missing += int((~has_score).sum())
        no_values = np.full(len(chunk), np.nan)
        label_values = read_grades(chunk, label).array.to_numpy(zero_copy_only=False) if label else no_values
        draw_chances = read_scores(chunk, "drawn").array.to_numpy(zero_copy_only=False) if planned else no_values
        kept = pa.array(np.flatnonzero(has_score))
        answers = _clean_answers(chunk, config.answer).take(kept) if config.answer else None
        parts.append(
            (
                read_parts["prompt"].take(kept),
                values[has_score],
                label_values[has_score],
                draw_chances[has_score],
                answers,
            )
        )
    if not parts:
        return _ForecastArrays(np.zeros(0, np.int64), np.zeros(0), without_score=missing)
    label_values = np.concatenate([one[2] for one in parts])
    return _ForecastArrays(
        _encode([one[0] for one in parts]),
        np.concatenate([one[1] for one in parts]),
        None if label is None else _mark_labels_right(label, label_values, config),
        np.concatenate([one[3] for one in parts]) if planned else None,
        _encode([one[4] for one in parts]) if config.answer else None,
        missing,
    )


def _label_column(table: Table, config: ForecastConfig) -> str | None:
    if config.right_if is None and table.columns.label is None:
        return None
    label = table.columns.require_column("label", table.name)
    if "," in label:
        raise UsageError("--label", f"'{label}' names several labels", "Forecast one at a time")
    return label


def _clean_answers(chunk: Chunk, column: str) -> pa.Array:
    """Final answers as text without space around; a missing one is empty, as one that is empty is missing."""
    return pa.array(["" if value is None else str(value).strip() for value in chunk.values(column)], pa.string())


def _encode(parts: list[pa.Array]) -> Any:
    return pc.dictionary_encode(pa.chunked_array(parts)).combine_chunks().indices.to_numpy()


def _mark_labels_right(label: str, label_values: np.ndarray[Any, Any], config: ForecastConfig) -> np.ndarray[Any, Any]:
    labeled = ~np.isnan(label_values)
    right = np.full(len(label_values), np.nan)
    marks = mark_right(label, label_values[labeled], MeasureConfig(right_if=config.right_if))
    if marks is not None:
        right[labeled] = marks
    return right
