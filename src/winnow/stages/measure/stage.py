"""measure: what a verifier is worth, from its verdicts on a whole table and a few labeled rows.

One pass over the table; the statistics are those of the stats room. Several verifiers stand side by side with paired
differences, slices are corrected for looking at many. A label that is neither right nor wrong needs a rule. Of labels
by several people the majority counts; labels may be kept back, and looks at them are counted.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.errors import UsageError, format_value, suggest_name
from winnow.stages.columns_in_use import verdict_columns
from winnow.stages.measure.evidence import (
    ABSTAIN,
    DROPPED,
    ERROR,
    KEPT,
    NO_VERDICT,
    EvidenceRequest,
    VerifierEvidence,
    read_evidence,
)
from winnow.stages.measure.holdout import Holdout, HoldoutSplit, record_look, split_holdout
from winnow.stages.measure.labelers import LabelerColumns, MajorityLabels, take_majority
from winnow.stages.measure.prompt_sums import Booleans, Floats
from winnow.stages.results import TextReport
from winnow.statistics.card import estimate_card
from winnow.statistics.card_inputs import LabeledRows, MeasureOptions, VerdictCounts
from winnow.statistics.card_report import Card
from winnow.statistics.grade_card import GradeCard, GradedRows, estimate_grade_card
from winnow.statistics.paired_comparison import ComparedVerifier, SharedLabels, VerifierComparison, compare_verifiers
from winnow.statistics.prompts.commonest_wrong_answer import CommonestWrongAnswer, estimate_commonest_wrong_answer
from winnow.statistics.slices import estimate_slices
from winnow.storage.locations.location import Location
from winnow.storage.receipts import RowCounts, WorkSpec
from winnow.tables.flat_file import FlatLayout, is_flat_path, refuse_overwriting, write_flat_file
from winnow.tables.open_table import source_receipt
from winnow.tables.table import Table

OPERATORS: dict[str, Callable[[Floats, float], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}
RIGHT_IF_PATTERN = re.compile(r"\s*(?P<column>[^<>=]+?)\s*(?P<sign>>=|<=|==|>|<)\s*(?P<number>[-+0-9.eE]+)\s*$")


EvidenceReader = Callable[[Table, EvidenceRequest], VerifierEvidence]


@dataclass(frozen=True)
class MeasureConfig:
    """What to measure and how to read the labels."""

    verdict: str | None = None
    threshold: float | None = None
    lower_is_better: bool = False
    by: str | None = None
    right_if: str | None = None
    grade_range: tuple[float, float] | None = None
    costs: tuple[float, ...] = ()
    errors: Location | None = None
    answer: str | None = None
    labelers: LabelerColumns | None = None
    holdout: Holdout | None = None
    label_options: MeasureOptions = field(default_factory=MeasureOptions)


@dataclass(frozen=True)
class LabelRule:
    """When a label means right: column, comparison, number."""

    column: str
    sign: str
    number: float

    def apply(self, grades: Floats) -> Floats:
        """1 where the grade satisfies the rule, else 0."""
        met: Floats = np.asarray(OPERATORS[self.sign](grades, self.number), np.float64)
        return met


@dataclass(frozen=True)
class CardNotes:
    """What is said beside a card: of the labelers, of labels kept back, of w. None where it was not asked for."""

    labelers: dict[str, Any] | None = None
    holdout: dict[str, Any] | None = None
    w_estimate: dict[str, Any] | None = None
    texts: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"labelers": self.labelers, "holdout": self.holdout, "w_estimate": self.w_estimate}


@dataclass(frozen=True, repr=False)
class MeasureReport(TextReport):
    """The cards, one per verifier and label, what is said beside each, and how the verifiers compare."""

    cards: tuple[tuple[str, str, Card | GradeCard], ...]
    comparison: VerifierComparison | None
    errors: Location | None = None
    notes: tuple[CardNotes, ...] = ()

    @property
    def card(self) -> Card | GradeCard:
        """The first card: the only one, unless several verifiers or labels were measured."""
        return self.cards[0][2]

    def to_dict(self) -> dict[str, Any]:
        """One card as it is; several as a list, with their differences."""
        cards = [
            {"verifier": verifier, "label": label, **one_card.to_dict(), **note.to_dict()}
            for (verifier, label, one_card), note in zip(self.cards, self.notes, strict=True)
        ]
        if len(cards) == 1:
            return cards[0]
        return {"verifiers": cards, "pairs": [] if self.comparison is None else self.comparison.to_dict()["pairs"]}

    def describe(self) -> str:
        """What a person reads."""
        parts = []
        for (verifier, label, one_card), note in zip(self.cards, self.notes, strict=True):
            title = verifier if len({name for _, name, _ in self.cards}) == 1 else f"{verifier} for {label}"
            lines = [*one_card.summary().splitlines(), *(line for text in note.texts for line in text.splitlines())]
            parts += [title, *(f"  {line}" for line in lines), *_slice_lines(one_card)]
        if self.comparison is not None:
            parts += ["side by side", *(f"  {line}" for line in self.comparison.summary().splitlines())]
        return "\n".join(parts)


def measure(table: Table, config: MeasureConfig, reader: EvidenceReader = read_evidence) -> MeasureReport:
    """The cards of a table's verifiers; `reader` is who reads the evidence: in one pass, or shard by shard."""
    if config.errors is not None:
        refuse_overwriting(config.errors, "--errors")
        if not is_flat_path(config.errors):
            raise UsageError(
                "--errors", f"{format_value(str(config.errors))} is no flat file", "End it in .jsonl or .csv"
            )
    evidence = reader(table, _evidence_request(table, config))
    split = majority = None
    if config.holdout is not None:
        evidence, split = split_holdout(evidence, config.holdout)
        config = replace(config, label_options=split.adjust_level(config.label_options))
    if config.labelers is not None:
        evidence, majority = take_majority(
            evidence, config.labelers, lambda label, values: _mark_right_by_labeler(label, values, config)
        )
        config = replace(config, right_if=None)
    cards, notes = [], []
    for label, grades in evidence.label.items():
        right = mark_right(label, grades, config)
        w = _estimate_w(evidence, right, config)
        label_options = (
            config.label_options if w is None or w.value is None else replace(config.label_options, w=w.value)
        )
        for verifier, name in enumerate(evidence.names):
            cards.append(
                (
                    name,
                    label,
                    _make_card(evidence, verifier, right, grades, replace(config, label_options=label_options)),
                )
            )
            labeler_context = _LabelerContext(majority, evidence, verifier, right)
            notes.append(_make_notes(labeler_context, split, w, label_options))
    comparison = _compare_verifiers(evidence, config) if len(evidence.names) > 1 and len(evidence.label) == 1 else None
    if config.errors is not None:
        _write_errors(table, evidence, config)
    if split is not None:
        record_look(split, evidence.names)
    return MeasureReport(tuple(cards), comparison, config.errors, tuple(notes))


@dataclass(frozen=True)
class _LabelerContext:
    """The labels of several people, and the verifier that they are held against."""

    majority: MajorityLabels | None
    evidence: VerifierEvidence
    verifier: int
    right: Floats | None


def _make_notes(
    context: _LabelerContext, split: HoldoutSplit | None, w: CommonestWrongAnswer | None, label_options: MeasureOptions
) -> CardNotes:
    labeler_report, texts = None, []
    if context.majority is not None and context.right is not None:
        labeled, labeled_mask = _labeled_rows(context.evidence, context.verifier, context.right)
        counts = _verdict_counts(context.evidence, context.verifier)
        labeler_report, line = context.majority.report(
            counts, labeled, context.evidence.row[labeled_mask], label_options
        )
        texts.append(line)
    texts += [w.summary()] if w is not None else []
    texts += [split.describe(label_options)] if split is not None else []
    holdout_report = None if split is None else split.to_dict()
    return CardNotes(labeler_report, holdout_report, None if w is None else w.to_dict(), tuple(texts))


def _evidence_request(table: Table, config: MeasureConfig) -> EvidenceRequest:
    rule = _parse_label_rule(config)
    labelers = config.labelers
    labels = [rule.column] if rule else table.columns.require_column("label", table.name).split(",")
    if labelers is not None:
        labels = list(labelers.columns)
    elif rule and rule.column not in table.names():
        raise UsageError(
            "--right-if", f"{format_value(rule.column)} is not a column of {table.name}", "Name a label column"
        )
    for option, column in (("--by", config.by), ("--answer", config.answer)):
        if column is not None and column not in table.names():
            problem = f"{format_value(column)} is not a column of {table.name}"
            raise UsageError(option, problem, suggest_name(column, table.names()))
    has_holdout = config.holdout is not None
    if has_holdout and not table.has_role("prompt") and table.columns.id is None:
        problem = f"{table.name} has neither prompts nor ids, and row numbers change when rows do"
        raise UsageError("--holdout", problem, "Name what groups the candidates, or their id: --prompt, --id")
    other_fields: dict[str, Any] = {"by": config.by, "answer": config.answer, "halved": has_holdout}
    if config.threshold is not None:
        score = table.columns.require_column("score", table.name)
        return EvidenceRequest((), tuple(labels), score, config.threshold, config.lower_is_better, **other_fields)
    columns = verdict_columns(table, config.verdict)
    if not columns:
        step = "Give --score COLUMN --threshold T, or judge it first: winnow verify TABLE --with NAME --out STORE"
        raise UsageError("measure", f"{table.name} has no verdicts", step)
    return EvidenceRequest(tuple(columns), tuple(labels), **other_fields)


def _parse_label_rule(config: MeasureConfig) -> LabelRule | None:
    if config.right_if is None:
        return None
    match = RIGHT_IF_PATTERN.match(config.right_if)
    try:
        if match is not None:
            return LabelRule(match["column"], match["sign"], float(match["number"]))
    except ValueError:
        pass
    raise UsageError("--right-if", f"{format_value(config.right_if)} is no rule", "For example --right-if 'grade>=4'")


def mark_right(label: str, grades: Floats, config: MeasureConfig) -> Floats | None:
    """1 and 0 for right and wrong; None where labels are grades that stay grades."""
    rule = _parse_label_rule(config)
    if rule is not None:
        return np.where(np.isnan(grades), np.nan, rule.apply(grades))
    if config.grade_range is not None:
        return None
    invalid = np.flatnonzero((grades != 0) & (grades != 1) & ~np.isnan(grades))
    if len(invalid):
        problem = f"{label} is {grades[invalid[0]]:g} in some row: neither right nor wrong"
        raise UsageError("--label", problem, f"Say --right-if '{label}>=NUMBER', or --grade-range LOW,HIGH")
    return grades


def _mark_right_by_labeler(label: str, grades: Floats, config: MeasureConfig) -> Floats:
    """What one of several people said, as right and wrong."""
    right = mark_right(label, grades, config)
    if right is None:
        problem = "grades by several people have no majority"
        raise UsageError("--grade-range", problem, f"Say from which grade on: --right-if '{label}>=NUMBER'")
    return right


def _estimate_w(evidence: VerifierEvidence, right: Floats | None, config: MeasureConfig) -> CommonestWrongAnswer | None:
    """The share of the commonest wrong answer, where answers are named and no share is given."""
    if config.answer is None or config.label_options.w is not None or right is None:
        return None
    wrong = right == 0
    return estimate_commonest_wrong_answer(
        evidence.prompt[wrong], evidence.answer[wrong].tolist(), _label_weights(evidence, wrong)
    )


def _verdict_counts(evidence: VerifierEvidence, verifier: int, name: str | None = None) -> VerdictCounts:
    code_counts = dict(
        zip((NO_VERDICT, ERROR, ABSTAIN, DROPPED, KEPT), evidence.counts[name][verifier].tolist(), strict=True)
    )
    by_prompt = evidence.by_prompt[name][verifier] if evidence.by_prompt else None
    return VerdictCounts(
        kept=code_counts[KEPT],
        dropped=code_counts[DROPPED],
        abstain=code_counts[ABSTAIN] + code_counts[NO_VERDICT],
        error=code_counts[ERROR],
        prompts=None if by_prompt is None else by_prompt.prompts,
        spread=None if by_prompt is None else by_prompt.spread,
        with_kept=None if by_prompt is None else by_prompt.with_kept,
    )


def _labeled_rows(
    evidence: VerifierEvidence, verifier: int, right: Floats, in_slice: bool = False
) -> tuple[LabeledRows, Booleans]:
    """The labeled rows this verifier decided, with what their prompts have in the table or in the row's slice."""
    decided = evidence.verdict[verifier] >= DROPPED
    known = np.isfinite(right) & decided
    prompt_counts = evidence.slice_prompt_counts if in_slice else evidence.table_prompt_counts
    verdict = evidence.verdict[verifier][known] == KEPT
    rows = LabeledRows(verdict, right[known], evidence.prompt[known], _label_weights(evidence, known))
    if prompt_counts is not None:
        rows = replace(
            rows, prompt_kept=prompt_counts.kept[verifier][known], prompt_decided=prompt_counts.decided[verifier][known]
        )
    return rows, known


def _make_card(
    evidence: VerifierEvidence, verifier: int, right: Floats | None, grades: Floats, config: MeasureConfig
) -> Card | GradeCard:
    counts = _verdict_counts(evidence, verifier)
    if right is None:
        decided = (evidence.verdict[verifier] >= DROPPED) & np.isfinite(grades)
        rows = GradedRows(
            evidence.verdict[verifier][decided] == KEPT,
            grades[decided],
            evidence.prompt[decided],
            _label_weights(evidence, decided),
            config.grade_range,
        )
        return estimate_grade_card(counts, rows, config.label_options)
    pooled = estimate_card(counts, _labeled_rows(evidence, verifier, right)[0], config.label_options)
    if config.by is None:
        return pooled
    # A slice may cut across prompts, so its rows know their prompt as far as it lies in the slice.
    labeled, known = _labeled_rows(evidence, verifier, right, in_slice=True)
    slice_names = evidence.slice[known]
    parts = {
        name: (_verdict_counts(evidence, verifier, name), labeled.take(slice_names == name))
        for name in evidence.counts
        if name is not None
    }
    return estimate_slices(parts, pooled, config.label_options).attach_to(pooled)


def _compare_verifiers(evidence: VerifierEvidence, config: MeasureConfig) -> VerifierComparison | None:
    label, grades = next(iter(evidence.label.items()))
    right = mark_right(label, grades, config)
    if right is None or not len(right):
        return None
    known = np.isfinite(right)
    evidence, right = evidence.take(known), right[known]
    prompt_counts = evidence.table_prompt_counts
    costs = [*config.costs, *[None] * len(evidence.names)]
    verifiers = [
        ComparedVerifier(
            name,
            _verdict_counts(evidence, verifier),
            np.maximum(evidence.verdict[verifier], ABSTAIN),
            costs[verifier],
            None if prompt_counts is None else prompt_counts.kept[verifier],
        )
        for verifier, name in enumerate(evidence.names)
    ]
    weight = _label_weights(evidence, np.ones(len(right), np.bool_))
    labels = SharedLabels(right, evidence.prompt, weight, None if prompt_counts is None else prompt_counts.rows)
    return compare_verifiers(verifiers, labels, config.label_options)


def _label_weights(evidence: VerifierEvidence, rows: np.ndarray[Any, np.dtype[np.bool_]]) -> Floats | None:
    """How many rows each label speaks for, where a plan drew them all."""
    drawn = evidence.drawn[rows]
    return None if not len(drawn) or np.isnan(drawn).any() else 1.0 / drawn


def _slice_lines(verifier_card: Card | GradeCard) -> Iterator[str]:
    for part in getattr(verifier_card, "slices", ()):
        decision = part["decision"] or "no decision"
        yield f"    {part['name']}: {part['labeled']} labels of {part['n']:,} rows · {decision}: {part['why']}"


def _write_errors(table: Table, evidence: VerifierEvidence, config: MeasureConfig) -> None:
    """The labeled rows a verifier got wrong, to be read: false passes and false drops."""
    label, grades = next(iter(evidence.label.items()))
    right = mark_right(label, grades, config)
    if right is None or config.errors is None:
        raise UsageError("--errors", "grades have no right and wrong", "Say from which grade on: --right-if")
    verdict = evidence.verdict[0]
    kinds = np.where(
        (verdict == KEPT) & (right == 0), "false pass", np.where((verdict == DROPPED) & (right == 1), "false drop", "")
    )
    wrong = np.flatnonzero(kinds != "")
    kind_of_row = {int(evidence.row[i]): str(kinds[i]) for i in wrong}
    rows = np.array(sorted(kind_of_row), np.int64)
    out = config.errors
    with write_flat_file(
        out, FlatLayout(table.source.base_source(), table.bad_rows, pa.schema([("winnow_error", pa.string())]))
    ) as file:
        for chunk in table.read_rows(rows):
            file.write(
                chunk.with_columns({"winnow_error": pa.array([kind_of_row[int(row)] for row in chunk.row_numbers])})
            )
    work = WorkSpec("errors", 1, {"verifier": evidence.names[0], "label": label}, source_receipt(table, out.parent))
    row_counts = RowCounts(
        len(evidence.row), len(rows), len(evidence.row) - len(rows), 0, {"no error": len(evidence.row) - len(rows)}
    )
    file.finish("errors", work, row_counts, len(rows))
