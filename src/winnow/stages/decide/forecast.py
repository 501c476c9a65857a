"""forecast: what each rule of selection would give, before anything is trained, from scores and labels.

Reads prompt, score and label of every scored row into arrays (about 40 bytes a row) and leaves the rest to the
statistics. Rows without a score stand aside and are counted. Labels that a plan drew carry their chance as `drawn`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.data.errors import BadTable, UsageError
from winnow.data.table import Table
from winnow.data.values import grades, scores
from winnow.stages.decide.measure import Measuring, right_of
from winnow.stages.named import any_verdict, verdict_columns, with_score
from winnow.stats.forecasts import Asked, Forecast, forecast, read


@dataclass(frozen=True)
class Foreseeing:
    """What to forecast."""

    n: Sequence[int] | None = None
    regime: str = "self"
    right_if: str | None = None
    lower_is_better: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Foreseen:
    """The forecast of one table."""

    table: str
    score: str
    without_score: int
    found: Forecast

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "table": self.table,
            "score": self.score,
            "without_score": self.without_score,
            **self.found.plain(),
        }

    def words(self) -> str:
        """What a person reads: the rule first, then the curve, then what to beware of."""
        return "\n".join(_lines(self))

    def __repr__(self) -> str:
        return self.words()


def foresee(table: Table, foreseeing: Foreseeing) -> Foreseen:
    """The forecast of a score on a table."""
    table = with_score(table)
    score = table.columns.need("score", table.name)
    table.need("prompt")
    prompts, values, right, drawn, missing = _arrays(table, score, foreseeing)
    if not len(values):
        raise BadTable(table.name, f"has no row with a {score}", "Score the candidates first")
    asked = Asked(
        n=foreseeing.n,
        regime=foreseeing.regime,  # type: ignore[arg-type]  # checked there, with the nearest name
        command=_command(table, score, foreseeing),
        seed=foreseeing.seed,
    )
    candidates = read(prompts, values, right, drawn, lower_is_better=foreseeing.lower_is_better)
    return Foreseen(table.name, score, missing, forecast(candidates, asked))


def _command(table: Table, score: str, foreseeing: Foreseeing) -> str:
    """The select line that the rule is added to; it turns off what the forecast did not look at."""
    verdicts = verdict_columns(table, None)
    off = " --no-passed" if any_verdict(table, verdicts) else ""
    side = " --lower-is-better" if foreseeing.lower_is_better else ""
    return f"winnow select {table.name} --score {score}{side}{off}"


def _arrays(table: Table, score: str, foreseeing: Foreseeing) -> tuple[Any, Any, Any, Any, int]:
    """Prompt codes, scores, labels and chances of the scored rows, and how many rows had no score."""
    label = None
    if foreseeing.right_if is not None or table.columns.label is not None:
        label = table.columns.need("label", table.name)
        if "," in label:
            raise UsageError("--label", f"'{label}' names several labels", "Forecast one at a time")
    planned = label is not None and "drawn" in table.names()
    also = [score, *([label] if label else []), *(["drawn"] if planned else [])]
    parts: list[tuple[pa.Array, np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]] = []
    missing = 0
    for chunk, read_parts in table.parts(["prompt", "score"], also):
        values = read_parts["score"].to_numpy(zero_copy_only=False)
        known = np.isfinite(values)
        missing += int((~known).sum())
        nothing = np.full(len(chunk), np.nan)
        marks = grades(chunk, label).array.to_numpy(zero_copy_only=False) if label else nothing
        chance = scores(chunk, "drawn").array.to_numpy(zero_copy_only=False) if planned else nothing
        kept = pa.array(np.flatnonzero(known))
        parts.append((read_parts["prompt"].take(kept), values[known], marks[known], chance[known]))
    if not parts:
        return np.zeros(0, np.int64), np.zeros(0), None, None, missing
    prompts = pc.dictionary_encode(pa.chunked_array([one[0] for one in parts])).combine_chunks()
    marks = np.concatenate([one[2] for one in parts])
    right = None if label is None else _right(label, marks, foreseeing)
    drawn = np.concatenate([one[3] for one in parts]) if planned else None
    return prompts.indices.to_numpy(), np.concatenate([one[1] for one in parts]), right, drawn, missing


def _right(label: str, marks: np.ndarray[Any, Any], foreseeing: Foreseeing) -> np.ndarray[Any, Any]:
    labeled = ~np.isnan(marks)
    right = np.full(len(marks), np.nan)
    found = right_of(label, marks[labeled], Measuring(right_if=foreseeing.right_if))
    if found is not None:
        right[labeled] = found
    return right


def _lines(foreseen: Foreseen) -> Iterator[str]:
    found = foreseen.found
    labels = "every row labeled" if found.labels == "complete" else f"{found.labeled:,} labels ({found.labels})"
    yield f"{found.rows:,} scored rows of {found.prompts:,} prompts, {labels}"
    best = found.recommended
    if best is None:
        yield "no rule is recommended: the labels do not reach"
    else:
        raw = "" if best.raw is None else f" against {best.raw:.1%} raw"
        yield f"recommended: {best.rule}{'' if best.n is None else f' {best.n}'} · {_share(best.accuracy)} right{raw}"
        yield f"  {best.command}"
    yield "best of n:"
    for point in found.best_of_n:
        why = f"  ({point.accuracy.why})" if point.accuracy.value is None and point.accuracy.why else ""
        yield f"  {point.n:>5}  {_share(point.accuracy)}{why}"
    for caution in found.warnings:
        yield f"{'sure' if caution.sure else 'seen'}: {caution.words}"
    yield f"a student ({found.lead.regime}): {found.lead.words}"
    for source, says in found.lead.counter_evidence:
        yield f"  against it: {says} ({source})"


def _share(estimate: Any) -> str:
    if estimate.value is None:
        return "not to be said"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.1%}"
    return f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%})"
