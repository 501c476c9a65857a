"""measure: what a verifier is worth, from its verdicts on a whole table and a few labeled rows.

One pass over the table; the statistics are those of the stats room. Several verifiers stand side by side with paired
differences, slices are corrected for looking at many. A label that is neither right nor wrong needs a rule.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.data.errors import UsageError, shown
from winnow.data.stores.flat import Layout, flat_file, is_flat, refuse_overwriting
from winnow.data.stores.opening import source_receipt
from winnow.data.stores.receipts import Books, Work
from winnow.data.table import Table
from winnow.stages.decide.evidence import ABSTAIN, DROPPED, ERROR, KEPT, SILENT, Asked, Evidence, Floats, read
from winnow.stages.named import verdict_columns
from winnow.stats.card import card
from winnow.stats.evidence import Counts, How, Labeled
from winnow.stats.grades import GradeCard, Graded, grade_card
from winnow.stats.paired import Comparison, Judged, Labels, compare
from winnow.stats.slices import by_slice
from winnow.stats.words import Card

OPERATORS: dict[str, Callable[[Floats, float], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}
RIGHT_IF = re.compile(r"\s*(?P<column>[^<>=]+?)\s*(?P<sign>>=|<=|==|>|<)\s*(?P<number>[-+0-9.eE]+)\s*$")


@dataclass(frozen=True)
class Measuring:
    """What to measure and how to read the labels."""

    verdict: str | None = None
    threshold: float | None = None
    lower_is_better: bool = False
    by: str | None = None
    right_if: str | None = None
    grade_range: tuple[float, float] | None = None
    costs: tuple[float, ...] = ()
    errors: Path | None = None
    how: How = field(default_factory=How)


@dataclass(frozen=True)
class Rule:
    """When a label means right: column, comparison, number."""

    column: str
    sign: str
    number: float

    def right(self, grades: Floats) -> Floats:
        """1 where the grade satisfies the rule, else 0."""
        met: Floats = np.asarray(OPERATORS[self.sign](grades, self.number), np.float64)
        return met


@dataclass(frozen=True)
class Measured:
    """The cards, one per verifier and label, and how the verifiers compare."""

    cards: tuple[tuple[str, str, Card | GradeCard], ...]
    comparison: Comparison | None
    errors: Path | None = None

    @property
    def card(self) -> Card | GradeCard:
        """The first card: the only one, unless several verifiers or labels were measured."""
        return self.cards[0][2]

    def plain(self) -> dict[str, Any]:
        """One card as it is; several as a list, with their differences."""
        told = [{"verifier": verifier, "label": label, **one.plain()} for verifier, label, one in self.cards]
        if len(told) == 1:
            return told[0]
        return {"verifiers": told, "pairs": [] if self.comparison is None else self.comparison.plain()["pairs"]}

    def words(self) -> str:
        """What a person reads."""
        parts = []
        for verifier, label, one in self.cards:
            title = verifier if len({name for _, name, _ in self.cards}) == 1 else f"{verifier} for {label}"
            parts += [title, *(f"  {line}" for line in one.words().splitlines()), *_slice_lines(one)]
        if self.comparison is not None:
            parts += ["side by side", *(f"  {line}" for line in self.comparison.words().splitlines())]
        return "\n".join(parts)

    def __repr__(self) -> str:
        return self.words()


def measure(table: Table, measuring: Measuring) -> Measured:
    """The cards of a table's verifiers."""
    if measuring.errors is not None:
        refuse_overwriting(measuring.errors, "--errors")
        if not is_flat(measuring.errors):
            raise UsageError("--errors", f"{shown(str(measuring.errors))} is no flat file", "End it in .jsonl or .csv")
    asked = _asked(table, measuring)
    evidence = read(table, asked)
    cards = []
    for label, grades in evidence.label.items():
        right = right_of(label, grades, measuring)
        for number, name in enumerate(evidence.names):
            cards.append((name, label, _card(evidence, number, right, grades, measuring)))
    comparison = _comparison(evidence, measuring) if len(evidence.names) > 1 and len(evidence.label) == 1 else None
    if measuring.errors is not None:
        _write_errors(table, evidence, measuring)
    return Measured(tuple(cards), comparison, measuring.errors)


def _asked(table: Table, measuring: Measuring) -> Asked:
    rule = _rule(measuring)
    labels = [rule.column] if rule else table.columns.need("label", table.name).split(",")
    if rule and rule.column not in table.names():
        raise UsageError("--right-if", f"{shown(rule.column)} is not a column of {table.name}", "Name a label column")
    if measuring.threshold is not None:
        score = table.columns.need("score", table.name)
        return Asked((), tuple(labels), score, measuring.threshold, measuring.lower_is_better, measuring.by)
    columns = verdict_columns(table, measuring.verdict)
    if not columns:
        step = "Give --score COLUMN --threshold T, or judge it first: winnow verify TABLE --with NAME --out STORE"
        raise UsageError("measure", f"{table.name} has no verdicts", step)
    if measuring.by is not None and measuring.by not in table.names():
        raise UsageError("--by", f"{shown(measuring.by)} is not a column of {table.name}", "Name a column to slice by")
    return Asked(tuple(columns), tuple(labels), by=measuring.by)


def _rule(measuring: Measuring) -> Rule | None:
    if measuring.right_if is None:
        return None
    found = RIGHT_IF.match(measuring.right_if)
    try:
        if found is not None:
            return Rule(found["column"], found["sign"], float(found["number"]))
    except ValueError:
        pass
    raise UsageError("--right-if", f"{shown(measuring.right_if)} is no rule", "For example --right-if 'grade>=4'")


def right_of(label: str, grades: Floats, measuring: Measuring) -> Floats | None:
    """1 and 0 for right and wrong; None where labels are grades that stay grades."""
    rule = _rule(measuring)
    if rule is not None:
        return rule.right(grades)
    if measuring.grade_range is not None:
        return None
    odd = np.flatnonzero((grades != 0) & (grades != 1))
    if len(odd):
        problem = f"{label} is {grades[odd[0]]:g} in some row: neither right nor wrong"
        raise UsageError("--label", problem, f"Say --right-if '{label}>=NUMBER', or --grade-range LOW,HIGH")
    return grades


def _counts(evidence: Evidence, number: int, name: str | None = None) -> Counts:
    found = dict(zip((SILENT, ERROR, ABSTAIN, DROPPED, KEPT), evidence.counts[name][number].tolist(), strict=True))
    whole = name is None
    return Counts(
        kept=found[KEPT],
        dropped=found[DROPPED],
        abstain=found[ABSTAIN] + found[SILENT],
        error=found[ERROR],
        prompts=evidence.prompts if whole else None,
        spread=evidence.spread[number] if whole else None,
    )


def _labeled(evidence: Evidence, number: int, right: Floats) -> tuple[Labeled, np.ndarray[Any, np.dtype[np.bool_]]]:
    """The labeled rows this verifier decided."""
    decided = evidence.verdict[number] >= DROPPED
    known = np.isfinite(right) & decided
    weight = _weight(evidence, known)
    of_prompt = evidence.kept_of_prompt, evidence.decided_of_prompt
    kept, all_decided = (None if one is None else one[number][known] for one in of_prompt)
    verdict = evidence.verdict[number][known] == KEPT
    return Labeled(verdict, right[known], evidence.prompt[known], weight, kept, all_decided), known


def _card(
    evidence: Evidence, number: int, right: Floats | None, grades: Floats, measuring: Measuring
) -> Card | GradeCard:
    counts = _counts(evidence, number)
    if right is None:
        decided = (evidence.verdict[number] >= DROPPED) & np.isfinite(grades)
        rows = Graded(
            evidence.verdict[number][decided] == KEPT,
            grades[decided],
            evidence.prompt[decided],
            _weight(evidence, decided),
            measuring.grade_range,
        )
        return grade_card(counts, rows, measuring.how)
    labeled, known = _labeled(evidence, number, right)
    pooled = card(counts, labeled, measuring.how)
    if measuring.by is None:
        return pooled
    parts = {}
    named = np.array(["" if one is None else one for one in evidence.slice], dtype=object)[known]
    for name in evidence.counts:
        if name is not None:
            # A slice may cut across prompts, so what a prompt has in the whole table says nothing of it.
            rows_of = replace(labeled.take(named == name), prompt_kept=None, prompt_decided=None)
            parts[name] = (_counts(evidence, number, name), rows_of)
    return by_slice(parts, pooled, measuring.how).beside(pooled)


def _comparison(evidence: Evidence, measuring: Measuring) -> Comparison | None:
    label, grades = next(iter(evidence.label.items()))
    right = right_of(label, grades, measuring)
    if right is None or not len(right):
        return None
    costs = [*measuring.costs, *[None] * len(evidence.names)]
    judged = [
        Judged(
            name,
            _counts(evidence, number),
            np.maximum(evidence.verdict[number], ABSTAIN),
            costs[number],
            None if evidence.kept_of_prompt is None else evidence.kept_of_prompt[number],
        )
        for number, name in enumerate(evidence.names)
    ]
    weight = _weight(evidence, np.ones(len(right), np.bool_))
    return compare(judged, Labels(right, evidence.prompt, weight, evidence.rows_of_prompt), measuring.how)


def _weight(evidence: Evidence, rows: np.ndarray[Any, np.dtype[np.bool_]]) -> Floats | None:
    """How many rows each label speaks for, where a plan drew them all."""
    drawn = evidence.drawn[rows]
    return None if not len(drawn) or np.isnan(drawn).any() else 1.0 / drawn


def _slice_lines(one: Card | GradeCard) -> Iterator[str]:
    for part in getattr(one, "slices", ()):
        decision = part["decision"] or "no decision"
        yield f"    {part['name']}: {part['labeled']} labels of {part['n']:,} rows · {decision}: {part['why']}"


def _write_errors(table: Table, evidence: Evidence, measuring: Measuring) -> None:
    """The labeled rows a verifier got wrong, to be read: false passes and false drops."""
    label, grades = next(iter(evidence.label.items()))
    right = right_of(label, grades, measuring)
    if right is None or measuring.errors is None:
        raise UsageError("--errors", "grades have no right and wrong", "Say from which grade on: --right-if")
    verdict = evidence.verdict[0]
    kinds = np.where(
        (verdict == KEPT) & (right == 0), "false pass", np.where((verdict == DROPPED) & (right == 1), "false drop", "")
    )
    wrong = np.flatnonzero(kinds != "")
    of_row = {int(evidence.row[i]): str(kinds[i]) for i in wrong}
    rows = np.array(sorted(of_row), np.int64)
    out = measuring.errors
    with flat_file(out, Layout(table.source.original(), table.bad, pa.schema([("winnow_error", pa.string())]))) as file:
        for chunk in table.pick(rows):
            file.write(chunk.with_columns({"winnow_error": pa.array([of_row[int(row)] for row in chunk.rows])}))
    work = Work("errors", 1, {"verifier": evidence.names[0], "label": label}, source_receipt(table, out.parent))
    books = Books(
        len(evidence.row), len(rows), len(evidence.row) - len(rows), 0, {"no error": len(evidence.row) - len(rows)}
    )
    file.finish("errors", work, books, len(rows))
