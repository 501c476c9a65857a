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

from winnow.data.errors import UsageError, nearest, shown
from winnow.data.places.place import Place
from winnow.data.stores.flat import is_flat, refuse_overwriting
from winnow.data.stores.opening import kept_source, with_labels
from winnow.data.stores.store import cleared_on_error
from winnow.data.table import Table
from winnow.stages.decide.combine.hearing import Hearing, hear
from winnow.stages.decide.combine.learned import codes_of, learned
from winnow.stages.decide.combine.voters import NO_VOTE, Voter, voters
from winnow.stages.decide.combine.words import report_words
from winnow.stages.decide.combine.written import Result, beside, columns_of, write
from winnow.stages.decide.measure import RIGHT_IF, Measuring, right_of
from winnow.stages.results import Rows
from winnow.stats.combine import Combined, Labeled, Refused, combine_labeled, majority
from winnow.stats.combine import combine as combine_votes
from winnow.stats.combine.votes import votes as folded
from winnow.stats.evidence import How

NAME = re.compile(r"[^\W\d][\w-]*")
LABEL = "label 100 rows or more, at least 10 of the rarer kind, and give them with --labels FILE"
NEXT_STEPS = {
    "copies": f"Keep one of those that agree so, or {LABEL}",
    "too-dependent": f"Leave out those you know to be kin, add a verifier of another kind, or {LABEL}",
}
LEARNED = ("learned from labels", "learned from labels of other prompts", "no verifier decides")


@dataclass(frozen=True)
class Combining:
    """Which verifiers, under which name, learned from which labels, and where the verdicts go."""

    scores: Sequence[str] = ()
    name: str = "combined"
    labels: object = None
    label: str | None = None
    right_if: str | None = None
    seed: int = 0
    out: Place | None = None

    def learns(self) -> bool:
        """Whether labels were named: those that are merely there are not used."""
        return not (self.labels is None and self.label is None and self.right_if is None)


class Combination(Rows):
    """The rows with the combined verdict beside them; `summary` is the report."""

    def words(self) -> str:
        return "\n".join(report_words(self.summary))


def combine(table: Table, combining: Combining) -> Combination:
    """Combine, say what is known of the result, and write it where `combining.out` says."""
    out = combining.out
    chosen = voters(table, combining.scores)
    _refuse_names(table, chosen, combining)
    if out is not None and is_flat(out):
        refuse_overwriting(out)
    base = table if out is None or is_flat(out) else kept_source(table, out)
    prepared = base is not table
    with cleared_on_error(out) if out is not None and prepared else nullcontext():
        read, label = _with_labels(base, combining)
        hearing = hear(read, chosen, label, keyed=out is not None)
        result, report = _combined(hearing, combining, label)
        view = beside(base, read, result)
        unused = None if combining.learns() else table.columns.label
        report = {**_about(table, view, combining), **report, "unused_label": unused}
        if out is None:
            return Combination(view, report)
        written, again = write(view, result, out, prepared)
    return Combination(written, {**report, "out": str(out), **({"already_done": True} if again else {})})


def _refuse_names(table: Table, chosen: Sequence[Voter], combining: Combining) -> None:
    name = combining.name
    if not NAME.fullmatch(name):
        raise UsageError("--name", f"{shown(name)} is no name for a verifier", "Use letters, digits, _ and -")
    if clash := set(columns_of(name)) & set(table.names()):
        problem = f"{table.name} already has a column {shown(min(clash))}"
        raise UsageError("--name", problem, "Give the combined verifier another name: --name NAME")
    if name in [voter.name for voter in chosen]:
        raise UsageError("--name", f"{shown(name)} is one of the verifiers combined", "Give another: --name NAME")


def _with_labels(base: Table, combining: Combining) -> tuple[Table, str | None]:
    """The table to read, and its label column where labels were named."""
    if not combining.learns():
        return base, None
    found = RIGHT_IF.match(combining.right_if or "")
    label = combining.label or (found["column"] if found else None)
    if label is not None and "," in label:
        raise UsageError("--label", f"{shown(label)} names several labels", "Learn from one at a time")
    if combining.labels is not None:
        read = with_labels(base, combining.labels, label)
        return read, read.columns.need("label", read.name)
    label = label or base.columns.need("label", base.name)
    if label not in base.names():
        raise UsageError("--label", f"{shown(label)} is no column of {base.name}", nearest(label, base.names()))
    return base, label


def _combined(hearing: Hearing, combining: Combining, label: str | None) -> tuple[Result, dict[str, Any]]:
    """The verdicts with their reasons and what the report says of them, or a refusal."""
    names = hearing.names()
    by_majority = majority(hearing.votes(), names)
    if label is None:
        combined = _accepted(combine_votes(hearing.votes(), names, hearing.prompt))
        reasons, reason_of = _reasons(hearing)
        told: dict[str, Any] = {"estimated": _estimated(combined)}
    else:
        labeled = _labeled(hearing, label, combining)
        combined = _accepted(combine_labeled(hearing.numbers(), names, labeled))
        reasons = pa.array(LEARNED)
        reason_of = np.where(np.isnan(combined.score), len(LEARNED) - 1, labeled.known.astype(np.int64))
        verdicts = {combining.name: codes_of(combined), f"majority of {len(names)}": codes_of(by_majority)}
        rows = {"column": label, "rows": int(labeled.known.sum()), "right": int(labeled.right.sum())}
        told = {"labels": rows, **learned(hearing, labeled, verdicts, How(seed=combining.seed)).plain()}
    config = {
        "method": combined.method,
        "of": [voice.plain() for voice in hearing.voices],
        "labels": hearing.label_hash(),
        "right_if": combining.right_if,
        "seed": combining.seed,
    }
    result = Result(combining.name, hearing.rows, combined, reasons, reason_of, config)
    return result, {**_said(hearing, combined, by_majority), **told}


def _labeled(hearing: Hearing, label: str, combining: Combining) -> Labeled:
    """Which rows are labeled, and which of those are right."""
    marks = np.full(len(hearing.rows), np.nan) if hearing.label is None else hearing.label
    known = ~np.isnan(marks)
    right = np.zeros(len(marks), np.bool_)
    right[known] = right_of(label, marks[known], Measuring(right_if=combining.right_if)) == 1
    return Labeled(known, right, hearing.prompt)


def _accepted(said: Combined | Refused) -> Combined:
    """A refusal becomes the error a person reads."""
    if isinstance(said, Refused):
        raise UsageError("combine", said.problem, NEXT_STEPS.get(said.code, said.next_step))
    return said


def _reasons(hearing: Hearing) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """Who passed and who failed a row, said once for all rows with the same votes."""
    same = folded(hearing.votes(), hearing.names())
    texts = []
    for pattern in same.patterns:
        sides = {
            w: [n for n, v in zip(same.names, pattern, strict=True) if v == c] for w, c in (("pass", 1), ("fail", 0))
        }
        texts.append("; ".join(f"{w}: {', '.join(found)}" for w, found in sides.items() if found) or LEARNED[-1])
    return pa.array(texts, pa.string()), same.pattern_of


def _about(table: Table, view: Table, combining: Combining) -> dict[str, Any]:
    return {
        "table": table.name,
        "columns": view.columns.named(),
        "quarantined": len(view.bad),
        "name": combining.name,
    }


def _said(hearing: Hearing, combined: Combined, by_majority: Combined) -> dict[str, Any]:
    """The report of either method: what was decided, by whom, and where the majority says otherwise."""
    plain, other = combined.plain(), by_majority.plain()
    decided = plain["pass"] + plain["fail"]
    verifiers = []
    for voice, known in zip(hearing.voices, plain["verifiers"], strict=True):
        votes = voice.votes()
        counts = {word: int((votes == code).sum()) for word, code in (("pass", 1), ("fail", 0), ("silent", NO_VOTE))}
        verifiers.append({**voice.plain(), **counts, **known})
    apart = (combined.verdict != by_majority.verdict) & (combined.verdict != "abstain")
    turned = int((apart & (by_majority.verdict != "abstain")).sum())
    by_votes = {"pass": other["pass"], "fail": other["fail"], "abstain": other["abstain"], "otherwise": turned}
    unknown = dict.fromkeys(("estimated", "labels", "card", "beside", "differences", "best_single", "accuracy"))
    return {
        "method": combined.method,
        **{name: plain[name] for name in ("rows", "pass", "fail", "abstain")},
        "keep_rate": plain["pass"] / decided if decided else None,
        "verifiers": verifiers,
        **{name: plain[name] for name in ("right", "pairs", "warnings", "assumes", "held_out")},
        "majority": by_votes,
        **unknown,
    }


def _estimated(combined: Combined) -> dict[str, float | None]:
    """What the model expects of its own verdicts: true as far as its assumptions are."""
    chance = combined.score[~np.isnan(combined.score)]
    kept = chance >= 0.5
    right, wrong = float(chance.sum()), float((1 - chance).sum())
    return {
        "phi": float(chance[kept].sum()) / right if right else None,
        "psi": float((1 - chance[kept]).sum()) / wrong if wrong else None,
        "precision": float(chance[kept].mean()) if kept.any() else None,
    }
