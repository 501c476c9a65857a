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

from winnow.data.chunks import Chunk
from winnow.data.columns import FLAGS, Columns, guess
from winnow.data.errors import BadTable, UsageError, nearest, shown
from winnow.data.table import Table
from winnow.data.values import grades, scores
from winnow.stages.decide.foreseen import Foreseen
from winnow.stages.decide.measure import Measuring, right_of
from winnow.stages.named import any_verdict, verdict_columns, with_score
from winnow.stats.forecasts import Asked, forecast, read
from winnow.stats.outcomes import Record


@dataclass(frozen=True)
class Foreseeing:
    """What to forecast."""

    n: Sequence[int] | None = None
    regime: str = "self"
    right_if: str | None = None
    answer: str | None = None
    """The column of final answers, where a prompt's commonest one is to be found."""
    lower_is_better: bool = False
    seed: int = 0


def foresee(table: Table, foreseeing: Foreseeing, record: Record | None = None) -> Foreseen:
    """The forecast of a score on a table; the record of earlier ones says what became of their students."""
    table = with_score(table)
    score = table.columns.need("score", table.name)
    table.need("prompt")
    if foreseeing.answer is not None and foreseeing.answer not in table.names():
        problem = f"{shown(foreseeing.answer)} is no column of {table.name}"
        raise UsageError("--answer", problem, nearest(foreseeing.answer, table.names()))
    arrays = _arrays(table, score, foreseeing)
    if not len(arrays.scores):
        raise BadTable(table.name, f"has no row with a {score}", "Score the candidates first")
    asked = Asked(
        n=foreseeing.n,
        regime=foreseeing.regime,  # type: ignore[arg-type]  # checked there, with the nearest name
        command=select_line(table, score, foreseeing.seed),
        outcomes=[] if record is None else record.outcomes(),
        seed=foreseeing.seed,
    )
    candidates = read(
        arrays.prompts, arrays.scores, arrays.right, arrays.drawn, arrays.answers, foreseeing.lower_is_better
    )
    return Foreseen(table.name, score, arrays.without_score, forecast(candidates, asked), record)


def select_line(table: Table, score: str, seed: int) -> str:
    """The select line that the rule is added to: it reads the same columns and turns off what was not looked at."""
    guessed = guess(Columns(score=score), table.names(), table.name)
    parts = ["winnow select", shlex.quote(table.name)]
    unfolded = table.original().receipt().get("unfolded")
    if unfolded:
        parts.append(f"--candidates {shlex.quote(','.join(unfolded))}")
    parts.append(f"--score {shlex.quote(score)}")
    for part in ("id", "prompt", "text", "messages"):
        name = getattr(table.columns, part)
        if name is not None and name != getattr(guessed, part):
            parts.append(f"{FLAGS[part]} {shlex.quote(name)}")
    parts += [f"--bad-rows {table.bad.said()}"] if table.bad.limit else []
    parts += ["--no-passed"] if any_verdict(table, verdict_columns(table, None)) else []
    parts += [f"--seed {seed}"] if seed else []
    return " ".join(parts)


@dataclass(frozen=True, eq=False)
class _Arrays:
    """The scored rows: codes of their prompts and final answers, scores, labels, chances; and how many had no score."""

    prompts: Any
    scores: Any
    right: Any = None
    drawn: Any = None
    answers: Any = None
    without_score: int = 0


def _arrays(table: Table, score: str, foreseeing: Foreseeing) -> _Arrays:
    label = _label(table, foreseeing)
    planned = label is not None and "drawn" in table.names()
    also = [score, *([label] if label else []), *(["drawn"] if planned else [])]
    also += [foreseeing.answer] if foreseeing.answer else []
    parts: list[tuple[Any, ...]] = []
    missing = 0
    for chunk, read_parts in table.parts(["prompt", "score"], also):
        values = read_parts["score"].to_numpy(zero_copy_only=False)
        known = np.isfinite(values)
        missing += int((~known).sum())
        nothing = np.full(len(chunk), np.nan)
        marks = grades(chunk, label).array.to_numpy(zero_copy_only=False) if label else nothing
        chance = scores(chunk, "drawn").array.to_numpy(zero_copy_only=False) if planned else nothing
        kept = pa.array(np.flatnonzero(known))
        answers = _answers(chunk, foreseeing.answer).take(kept) if foreseeing.answer else None
        parts.append((read_parts["prompt"].take(kept), values[known], marks[known], chance[known], answers))
    if not parts:
        return _Arrays(np.zeros(0, np.int64), np.zeros(0), without_score=missing)
    marks = np.concatenate([one[2] for one in parts])
    return _Arrays(
        _codes([one[0] for one in parts]),
        np.concatenate([one[1] for one in parts]),
        None if label is None else _right(label, marks, foreseeing),
        np.concatenate([one[3] for one in parts]) if planned else None,
        _codes([one[4] for one in parts]) if foreseeing.answer else None,
        missing,
    )


def _label(table: Table, foreseeing: Foreseeing) -> str | None:
    if foreseeing.right_if is None and table.columns.label is None:
        return None
    label = table.columns.need("label", table.name)
    if "," in label:
        raise UsageError("--label", f"'{label}' names several labels", "Forecast one at a time")
    return label


def _answers(chunk: Chunk, column: str) -> pa.Array:
    """Final answers as text without space around; a missing one is empty, as one that is empty is missing."""
    return pa.array(["" if value is None else str(value).strip() for value in chunk.values(column)], pa.string())


def _codes(parts: list[pa.Array]) -> Any:
    return pc.dictionary_encode(pa.chunked_array(parts)).combine_chunks().indices.to_numpy()


def _right(label: str, marks: np.ndarray[Any, Any], foreseeing: Foreseeing) -> np.ndarray[Any, Any]:
    labeled = ~np.isnan(marks)
    right = np.full(len(marks), np.nan)
    found = right_of(label, marks[labeled], Measuring(right_if=foreseeing.right_if))
    if found is not None:
        right[labeled] = found
    return right
