"""combine: one verifier out of several weak ones, and what is known of it.

Without labels by the two-class model of the stats room, behind its checks: what then stands in the report are
estimates under its assumptions, and never called measured. With labels by regression on votes and scores, each labeled
row judged by a fit that did not see its prompt: that card is measured. A refusal writes nothing.

The table is read once to combine and once to write. It judges no text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.errors import UsageError, format_value, suggest_name
from winnow.stages.combine.output import CombinedVerdicts, combined_columns, join_verdicts, write_combined
from winnow.stages.combine.report import report_lines
from winnow.stages.combine.supervised import evaluate_supervised, verdict_codes
from winnow.stages.combine.vote_columns import NO_VOTE, VerifierColumns, resolve_verifiers
from winnow.stages.combine.votes_reader import VoteTable, read_votes
from winnow.stages.measure.stage import RIGHT_IF_PATTERN, MeasureConfig, mark_right
from winnow.stages.results import Rows
from winnow.statistics.card_inputs import MeasureOptions
from winnow.statistics.combine import CombinedVotes, CombineRefusal, StackLabels, combine_labeled, majority_vote
from winnow.statistics.combine import combine_votes as combine_votes
from winnow.statistics.combine.vote_patterns import count_vote_patterns as folded
from winnow.storage.locations.location import Location
from winnow.storage.store import clean_up_on_error
from winnow.tables.flat_file import is_flat_path, refuse_overwriting
from winnow.tables.open_table import embed_source, join_labels
from winnow.tables.table import Table

NAME = re.compile(r"[^\W\d][\w-]*")
LABEL_ADVICE = "label 100 rows or more, at least 10 of the rarer kind, and give them with --labels FILE"
NEXT_STEPS = {
    "copies": f"Keep one of those that agree so, or {LABEL_ADVICE}",
    "too-dependent": f"Leave out those you know to be kin, add a verifier of another kind, or {LABEL_ADVICE}",
}
SUPERVISED_REASONS = ("learned from labels", "learned from labels of other prompts", "no verifier decides")


@dataclass(frozen=True)
class CombineConfig:
    """Which verifiers, under which name, learned from which labels, and where the verdicts go."""

    scores: Sequence[str] = ()
    name: str = "combined"
    labels: object = None
    label: str | None = None
    right_if: str | None = None
    seed: int = 0
    out: Location | None = None

    def uses_labels(self) -> bool:
        """Whether labels were named: those that are merely there are not used."""
        return not (self.labels is None and self.label is None and self.right_if is None)


class Combination(Rows):
    """The rows with the combined verdict beside them; `summary` is the report."""

    def describe(self) -> str:
        return "\n".join(report_lines(self.summary))


def combine(table: Table, config: CombineConfig) -> Combination:
    """Combine, say what is known of the result, and write it where `combining.out` says."""
    out = config.out
    verifiers = resolve_verifiers(table, config.scores)
    _refuse_names(table, verifiers, config)
    if out is not None and is_flat_path(out):
        refuse_overwriting(out)
    base = table if out is None or is_flat_path(out) else embed_source(table, out)
    is_prepared = base is not table
    with clean_up_on_error(out) if out is not None and is_prepared else nullcontext():
        labeled_table, label = _attach_labels(base, config)
        vote_table = read_votes(labeled_table, verifiers, label, keyed_by_id=out is not None)
        result, report = _build_result(vote_table, config, label)
        view = join_verdicts(base, labeled_table, result)
        unused_label = None if config.uses_labels() else table.columns.label
        report = {**_describe_table(table, view, config), **report, "unused_label": unused_label}
        if out is None:
            return Combination(view, report)
        written, already_done = write_combined(view, result, out, is_prepared)
    return Combination(written, {**report, "out": str(out), **({"already_done": True} if already_done else {})})


def _refuse_names(table: Table, verifiers: Sequence[VerifierColumns], config: CombineConfig) -> None:
    name = config.name
    if not NAME.fullmatch(name):
        raise UsageError("--name", f"{format_value(name)} is no name for a verifier", "Use letters, digits, _ and -")
    if clash := set(combined_columns(name)) & set(table.names()):
        problem = f"{table.name} already has a column {format_value(min(clash))}"
        raise UsageError("--name", problem, "Give the combined verifier another name: --name NAME")
    if name in [verifier.name for verifier in verifiers]:
        raise UsageError(
            "--name", f"{format_value(name)} is one of the verifiers combined", "Give another: --name NAME"
        )


def _attach_labels(base: Table, config: CombineConfig) -> tuple[Table, str | None]:
    """The table to read, and its label column where labels were named."""
    if not config.uses_labels():
        return base, None
    match = RIGHT_IF_PATTERN.match(config.right_if or "")
    label = config.label or (match["column"] if match else None)
    if label is not None and "," in label:
        raise UsageError("--label", f"{format_value(label)} names several labels", "Learn from one at a time")
    if config.labels is not None:
        labeled_table = join_labels(base, config.labels, label)
        return labeled_table, labeled_table.columns.require_column("label", labeled_table.name)
    label = label or base.columns.require_column("label", base.name)
    if label not in base.names():
        raise UsageError(
            "--label", f"{format_value(label)} is no column of {base.name}", suggest_name(label, base.names())
        )
    return base, label


def _build_result(
    vote_table: VoteTable, settings: CombineConfig, label: str | None
) -> tuple[CombinedVerdicts, dict[str, Any]]:
    """The verdicts with their reasons and what the report says of them, or a refusal."""
    names = vote_table.names()
    majority_result = majority_vote(vote_table.votes(), names)
    if label is None:
        combined = _require_accepted(combine_votes(vote_table.votes(), names, vote_table.prompt))
        reasons, reason_of = _vote_reasons(vote_table)
        details: dict[str, Any] = {"estimated": _estimated_rates(combined)}
    else:
        labeled = _mark_labels(vote_table, label, settings)
        combined = _require_accepted(combine_labeled(vote_table.numbers(), names, labeled))
        reasons = pa.array(SUPERVISED_REASONS)
        reason_of = np.where(np.isnan(combined.score), len(SUPERVISED_REASONS) - 1, labeled.known.astype(np.int64))
        verdicts = {settings.name: verdict_codes(combined), f"majority of {len(names)}": verdict_codes(majority_result)}
        rows = {"column": label, "rows": int(labeled.known.sum()), "right": int(labeled.right.sum())}
        details = {
            "labels": rows,
            **evaluate_supervised(vote_table, labeled, verdicts, MeasureOptions(seed=settings.seed)).to_dict(),
        }
    config = {
        "method": combined.method,
        "of": [verifier.to_dict() for verifier in vote_table.verifiers],
        "labels": vote_table.label_hash(),
        "right_if": settings.right_if,
        "seed": settings.seed,
    }
    result = CombinedVerdicts(settings.name, vote_table.rows, combined, reasons, reason_of, config)
    return result, {**_verdict_report(vote_table, combined, majority_result), **details}


def _mark_labels(vote_table: VoteTable, label: str, config: CombineConfig) -> StackLabels:
    """Which rows are labeled, and which of those are right."""
    label_values = np.full(len(vote_table.rows), np.nan) if vote_table.label is None else vote_table.label
    known = ~np.isnan(label_values)
    right = np.zeros(len(label_values), np.bool_)
    right[known] = mark_right(label, label_values[known], MeasureConfig(right_if=config.right_if)) == 1
    return StackLabels(known, right, vote_table.prompt)


def _require_accepted(fit: CombinedVotes | CombineRefusal) -> CombinedVotes:
    """A refusal becomes the error a person reads."""
    if isinstance(fit, CombineRefusal):
        raise UsageError("combine", fit.problem, NEXT_STEPS.get(fit.code, fit.next_step))
    return fit


def _vote_reasons(vote_table: VoteTable) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """Who passed and who failed a row, said once for all rows with the same votes."""
    grouped = folded(vote_table.votes(), vote_table.names())
    texts = []
    for pattern in grouped.patterns:
        sides = {
            w: [n for n, v in zip(grouped.names, pattern, strict=True) if v == c] for w, c in (("pass", 1), ("fail", 0))
        }
        texts.append(
            "; ".join(f"{w}: {', '.join(found)}" for w, found in sides.items() if found) or SUPERVISED_REASONS[-1]
        )
    return pa.array(texts, pa.string()), grouped.pattern_of


def _describe_table(table: Table, view: Table, config: CombineConfig) -> dict[str, Any]:
    return {
        "table": table.name,
        "columns": view.columns.to_dict(),
        "quarantined": len(view.bad_rows),
        "name": config.name,
    }


def _verdict_report(vote_table: VoteTable, combined: CombinedVotes, majority_result: CombinedVotes) -> dict[str, Any]:
    """The report of either method: what was decided, by whom, and where the majority says otherwise."""
    combined_report, majority_report = combined.to_dict(), majority_result.to_dict()
    decided = combined_report["pass"] + combined_report["fail"]
    verifiers = []
    for verifier, fitted in zip(vote_table.verifiers, combined_report["verifiers"], strict=True):
        votes = verifier.votes()
        counts = {word: int((votes == code).sum()) for word, code in (("pass", 1), ("fail", 0), ("silent", NO_VOTE))}
        verifiers.append({**verifier.to_dict(), **counts, **fitted})
    differs = (combined.verdict != majority_result.verdict) & (combined.verdict != "abstain")
    opposite = int((differs & (majority_result.verdict != "abstain")).sum())
    majority_counts = {
        "pass": majority_report["pass"],
        "fail": majority_report["fail"],
        "abstain": majority_report["abstain"],
        "otherwise": opposite,
    }
    missing_fields = dict.fromkeys(("estimated", "labels", "card", "beside", "differences", "best_single", "accuracy"))
    return {
        "method": combined.method,
        **{name: combined_report[name] for name in ("rows", "pass", "fail", "abstain")},
        "keep_rate": combined_report["pass"] / decided if decided else None,
        "verifiers": verifiers,
        **{name: combined_report[name] for name in ("right", "pairs", "warnings", "assumes", "held_out")},
        "majority": majority_counts,
        **missing_fields,
    }


def _estimated_rates(combined: CombinedVotes) -> dict[str, float | None]:
    """What the model expects of its own verdicts: true as far as its assumptions are."""
    probability = combined.score[~np.isnan(combined.score)]
    kept = probability >= 0.5
    right, wrong = float(probability.sum()), float((1 - probability).sum())
    return {
        "phi": float(probability[kept].sum()) / right if right else None,
        "psi": float((1 - probability[kept]).sum()) / wrong if wrong else None,
        "precision": float(probability[kept].mean()) if kept.any() else None,
    }
