"""combine: one verifier from several weak ones, and what is known about it.

Without labels the verdicts follow from a model of independent verifiers, whose checks may refuse them, and the report
calls every rate an estimate. With labels they come from a regression on votes and scores, and the card is measured. The
table is read once to combine and once to write; if the votes are refused, nothing is written. The result has the form
of verdicts of verify, and the labels that were learned from are part of its identity, not of its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.errors import UsageError, format_value
from winnow.stages.combine.config import CombineConfig
from winnow.stages.combine.report import Combination
from winnow.stages.combine.supervised import evaluate_supervised, verdict_codes
from winnow.stages.combine.votes import NO_VOTE, VerifierColumns, VoteTable, read_votes, resolve_verifiers
from winnow.stages.labels import mark_right, parse_label_rule
from winnow.stages.output import ResultSpec, count_rows, is_store_finished, write_batches, write_rows
from winnow.stages.table_config import TableConfig, open_input, require_named_column
from winnow.stages.verify.stage import STORE_SCHEMA, VERDICT_TYPES
from winnow.statistics.combine.combination import CombinedVotes, combine_labeled, combine_votes, majority_vote
from winnow.statistics.combine.dependence import CombineRefusal
from winnow.statistics.combine.stacking import StackLabels
from winnow.statistics.combine.vote_patterns import count_vote_patterns
from winnow.storage.locations.location import Location
from winnow.storage.receipts import WorkSpec
from winnow.storage.store import clean_up_on_error
from winnow.tables.flat_file import is_flat_path, refuse_overwriting
from winnow.tables.joins import JoinedSource
from winnow.tables.open_table import embed_source, join_labels, open_rows, source_receipt
from winnow.tables.table import Table

LABEL_ADVICE = "label 100 rows or more, at least 10 of the rarer kind, and give them with --labels FILE"
NEXT_STEPS = {
    "copies": f"Keep one of those that agree so, or {LABEL_ADVICE}",
    "too-dependent": f"Leave out those that you know to be related, add a verifier of another kind, or {LABEL_ADVICE}",
}
VERSION = 1
BATCH_ROWS = 1 << 16
SUPERVISED_REASONS = ("learned from labels", "learned from labels of other prompts", "no verifier decides")


@dataclass(frozen=True, eq=False)
class CombinedVerdicts:
    """The combined verdict of each row that was read, and its reason, one of a few."""

    name: str
    rows: npt.NDArray[np.int64]
    combined: CombinedVotes
    reasons: pa.Array
    reason_index: npt.NDArray[np.int64]
    config: dict[str, Any]

    def arrow_schema(self) -> pa.Schema:
        """The columns that are added to a table, with their types."""
        return pa.schema([(f"{self.name}.{part}", kind) for part, kind in VERDICT_TYPES.items()])

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The row numbers and added columns, as a join reads them; at least one batch, for its types."""
        schema = pa.schema([("row", pa.int64()), *self.arrow_schema()])
        for first in range(0, max(len(self.rows), 1), BATCH_ROWS):
            part = slice(first, first + BATCH_ROWS)
            arrays = [
                pa.array(self.rows[part]),
                pa.array(self.combined.verdict[part], pa.string()),
                pa.array(self.combined.score[part], from_pandas=True),
                self.reasons.take(pa.array(self.reason_index[part])),
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def open_unlabeled(source: object, reading: TableConfig) -> Table:
    """Open a table to combine. Labels are joined by `combine`, because a result must not hold them."""
    return open_input(source, reading.model_copy(update={"labels": None, "label": None}))


def combine(table: Table, config: CombineConfig, reading: TableConfig, out: Location | None = None) -> Combination:
    """Combine the verifiers of a table.

    Args:
        table: The table, opened by `open_unlabeled`.
        config: The options.
        reading: The labels to learn from, if any are named.
        out: A flat file or the folder of a store; without it the rows stay in memory.
    """
    verifiers = resolve_verifiers(table, config.scores)
    _refuse_names(table, verifiers, config.name)
    is_store = out is not None and not is_flat_path(out)
    if out is not None and not is_store:
        refuse_overwriting(out)
    base = embed_source(table, out) if out is not None and is_store else table
    uses_labels = any(value is not None for value in (reading.labels, reading.label, config.right_if))
    with clean_up_on_error(out) if out is not None and base is not table else nullcontext():
        labeled_table, label = _join_labels(base, config, reading) if uses_labels else (base, None)
        votes = read_votes(labeled_table, verifiers, label, keyed_by_id=out is not None)
        result, report = _combine_votes(votes, config, label)
        view = _join_verdicts(base, labeled_table, result)
        report = {
            "table": table.name,
            "columns": view.columns.to_dict(),
            "quarantined": len(view.bad_rows),
            "name": config.name,
            **report,
            "unused_label": None if uses_labels else table.columns.label,
        }
        if out is None:
            return Combination(view, report)
        written, already_done = _write_combined(base, view, result, out)
    return Combination(written, {**report, "out": str(out), **({"already_done": True} if already_done else {})})


def _refuse_names(table: Table, verifiers: Sequence[VerifierColumns], name: str) -> None:
    step = "Give the combined verifier another name: --name NAME"
    if clash := {f"{name}.{part}" for part in VERDICT_TYPES} & set(table.names()):
        raise UsageError("--name", f"{table.name} already has a column {format_value(min(clash))}", step)
    if name in [verifier.name for verifier in verifiers]:
        raise UsageError("--name", f"{format_value(name)} is one of the verifiers combined", step)


def _join_labels(base: Table, config: CombineConfig, reading: TableConfig) -> tuple[Table, str]:
    """The table with the labels to learn from, and their column."""
    label = reading.label or (parse_label_rule(config.right_if).column if config.right_if else None)
    if label is not None and "," in label:
        raise UsageError("--label", f"{format_value(label)} names several labels", "Learn from one at a time")
    if reading.labels is not None:
        labeled_table = join_labels(base, reading.labels, label)
        return labeled_table, labeled_table.columns.require_column("label", labeled_table.name)
    label = label or base.columns.require_column("label", base.name)
    require_named_column(base, label, "--label")
    return base, label


def _combine_votes(
    votes: VoteTable, config: CombineConfig, label: str | None
) -> tuple[CombinedVerdicts, dict[str, Any]]:
    """The verdicts with their reasons, and the report on them."""
    names = votes.names()
    majority = majority_vote(votes.votes(), names)
    if label is None:
        combined = _require_accepted(combine_votes(votes.votes(), names, votes.prompt))
        reasons, reason_index = _vote_reasons(votes)
        details: dict[str, Any] = {"estimated": _estimated_rates(combined)}
    else:
        grades = np.full(len(votes.rows), np.nan) if votes.label is None else votes.label
        right = mark_right(label, grades, config.right_if) == 1
        labeled = StackLabels(~np.isnan(grades), right, votes.prompt)
        combined = _require_accepted(combine_labeled(votes.numbers(), names, labeled))
        reasons = pa.array(SUPERVISED_REASONS)
        reason_index = np.where(np.isnan(combined.score), len(SUPERVISED_REASONS) - 1, labeled.known.astype(np.int64))
        verdicts = {config.name: verdict_codes(combined), f"majority of {len(names)}": verdict_codes(majority)}
        details = {
            "labels": {"column": label, "rows": int(labeled.known.sum()), "right": int(labeled.right.sum())},
            **evaluate_supervised(votes, labeled, label, verdicts, config.seed),
        }
    identity = {
        "method": combined.method,
        "of": [verifier.to_dict() for verifier in votes.verifiers],
        "labels": votes.label_hash(),
        "right_if": config.right_if,
        "seed": config.seed,
    }
    result = CombinedVerdicts(config.name, votes.rows, combined, reasons, reason_index, identity)
    return result, {**_verdict_report(votes, combined, majority), **details}


def _require_accepted(fit: CombinedVotes | CombineRefusal) -> CombinedVotes:
    if isinstance(fit, CombineRefusal):
        raise UsageError("combine", fit.problem, NEXT_STEPS.get(fit.code, fit.next_step))
    return fit


def _vote_reasons(votes: VoteTable) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """Which verifiers passed and which failed a row, once for all rows with the same votes."""
    grouped = count_vote_patterns(votes.votes(), votes.names())
    texts = []
    for pattern in grouped.patterns:
        sides = []
        for word, code in (("pass", 1), ("fail", 0)):
            names = [name for name, vote in zip(grouped.names, pattern, strict=True) if vote == code]
            sides += [f"{word}: {', '.join(names)}"] if names else []
        texts.append("; ".join(sides) or SUPERVISED_REASONS[-1])
    return pa.array(texts, pa.string()), grouped.pattern_of


def _verdict_report(votes: VoteTable, combined: CombinedVotes, majority: CombinedVotes) -> dict[str, Any]:
    """The part of the report that both methods have."""
    report, majority_report = combined.to_dict(), majority.to_dict()
    decided = report["pass"] + report["fail"]
    verifiers = []
    for verifier, fitted in zip(votes.verifiers, report["verifiers"], strict=True):
        codes = verifier.votes()
        counts = {word: int((codes == code).sum()) for word, code in (("pass", 1), ("fail", 0), ("silent", NO_VOTE))}
        verifiers.append({**verifier.to_dict(), **counts, **fitted})
    differs = (combined.verdict != majority.verdict) & (combined.verdict != "abstain")
    otherwise = int((differs & (majority.verdict != "abstain")).sum())
    missing = dict.fromkeys(("estimated", "labels", "card", "beside", "differences", "best_single", "accuracy"))
    return {
        "method": combined.method,
        **{name: report[name] for name in ("rows", "pass", "fail", "abstain")},
        "keep_rate": report["pass"] / decided if decided else None,
        "verifiers": verifiers,
        **{name: report[name] for name in ("right", "pairs", "warnings", "assumes", "held_out")},
        "majority": {**{word: majority_report[word] for word in ("pass", "fail", "abstain")}, "otherwise": otherwise},
        **missing,
    }


def _estimated_rates(combined: CombinedVotes) -> dict[str, float | None]:
    """The rates of its own verdicts that the model expects, as far as its assumptions hold."""
    probability = combined.score[~np.isnan(combined.score)]
    kept = probability >= 0.5
    right, wrong = float(probability.sum()), float((1 - probability).sum())
    return {
        "phi": float(probability[kept].sum()) / right if right else None,
        "psi": float((1 - probability[kept]).sum()) / wrong if wrong else None,
        "precision": float(probability[kept].mean()) if kept.any() else None,
    }


def _join_verdicts(table: Table, labeled_table: Table, result: CombinedVerdicts) -> Table:
    """The table with the combined verdicts; `labeled_table` is the same with the labels that were learned from."""
    labels = {} if labeled_table is table else {"labels": labeled_table.source.receipt()["labels"]}
    columns = result.arrow_schema().names
    source = JoinedSource(table.source, result.batches, columns, {**table.source.receipt(), **labels})
    roles = replace(table.columns.without_guesses(), verdict=columns[0], score=columns[1])
    return Table(source, roles, table.bad_rows)


def _write_combined(table: Table, view: Table, result: CombinedVerdicts, out: Location) -> tuple[Table, bool]:
    """Write a table with its combined verdicts, `view`; returns what was written, and whether it was there before."""
    config = {"verifiers": [{"name": result.name, "version": VERSION, "config": result.config}]}
    spec = ResultSpec(
        "verdicts",
        view,
        result.arrow_schema(),
        lambda folder: WorkSpec("combine", VERSION, config, source_receipt(view, folder)),
        source=table.source,
    )
    if is_flat_path(out):
        return write_rows(spec, view.source.chunks(view.bad_rows), out), False
    if is_store_finished(spec, out):
        return open_rows(out), True
    rows = len(result.rows)
    batches = _store_batches(view, result)
    return write_batches(spec, STORE_SCHEMA, batches, out, lambda: count_rows(view.bad_rows, rows, rows)), False


def _store_batches(view: Table, result: CombinedVerdicts) -> Iterator[pa.RecordBatch]:
    columns = result.arrow_schema().names
    for chunk, parts in view.read_roles(["id"], columns):
        verdicts = chunk.to_arrow()
        arrays = [pa.array(chunk.row_numbers), parts["id"], pa.repeat(result.name, len(chunk))]
        arrays += [verdicts.column(column) for column in columns]
        yield pa.RecordBatch.from_arrays(arrays, schema=STORE_SCHEMA)
