"""combine: one verifier from several weak ones, and what is known about it.

Without labels the verdicts follow from a model of independent verifiers, whose checks may refuse them, and the report
calls every rate an estimate. With labels they come from a regression on votes and scores, and the card is measured. The
table is read once to combine and once to write. A refusal writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.errors import UsageError, format_value, suggest_name
from winnow.stages.combine.config import CombineConfig
from winnow.stages.combine.output import CombinedVerdicts, join_verdicts, write_combined
from winnow.stages.combine.report import Combination
from winnow.stages.combine.supervised import evaluate_supervised, verdict_codes
from winnow.stages.combine.vote_columns import NO_VOTE, VerifierColumns, resolve_verifiers
from winnow.stages.combine.votes_reader import VoteTable, read_votes
from winnow.stages.labels import mark_right, parse_label_rule
from winnow.stages.table_config import TableConfig, open_input
from winnow.stages.verify.stage import VERDICT_TYPES
from winnow.statistics.combine import CombinedVotes, CombineRefusal, StackLabels, combine_labeled, majority_vote
from winnow.statistics.combine import combine_votes as combine_votes
from winnow.statistics.combine.vote_patterns import count_vote_patterns
from winnow.storage.locations.location import Location
from winnow.storage.store import clean_up_on_error
from winnow.tables.flat_file import is_flat_path, refuse_overwriting
from winnow.tables.open_table import embed_source, join_labels
from winnow.tables.table import Table

LABEL_ADVICE = "label 100 rows or more, at least 10 of the rarer kind, and give them with --labels FILE"
NEXT_STEPS = {
    "copies": f"Keep one of those that agree so, or {LABEL_ADVICE}",
    "too-dependent": f"Leave out those that you know to be related, add a verifier of another kind, or {LABEL_ADVICE}",
}
SUPERVISED_REASONS = ("learned from labels", "learned from labels of other prompts", "no verifier decides")


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
        view = join_verdicts(base, labeled_table, result)
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
        written, already_done = write_combined(base, view, result, out)
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
    if label not in base.names():
        problem = f"{format_value(label)} is not a column of {base.name}"
        raise UsageError("--label", problem, suggest_name(label, base.names()))
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
        labeled = _mark_labels(votes, label, config.right_if)
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


def _mark_labels(votes: VoteTable, label: str, right_if: str | None) -> StackLabels:
    grades = np.full(len(votes.rows), np.nan) if votes.label is None else votes.label
    return StackLabels(~np.isnan(grades), mark_right(label, grades, right_if) == 1, votes.prompt)


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
