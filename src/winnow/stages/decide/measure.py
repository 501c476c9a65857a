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

from winnow.data.errors import UsageError, nearest, shown
from winnow.data.places.place import Place
from winnow.data.stores.flat import Layout, flat_file, is_flat, refuse_overwriting
from winnow.data.stores.opening import source_receipt
from winnow.data.stores.receipts import Books, Work
from winnow.data.table import Table
from winnow.stages.decide.evidence import ABSTAIN, DROPPED, ERROR, KEPT, SILENT, Asked, Evidence, read
from winnow.stages.decide.holdout import Holdout, Parted, parted, write_down
from winnow.stages.decide.labelers import People, Settled, settled
from winnow.stages.decide.prompts import Booleans, Floats
from winnow.stages.named import verdict_columns
from winnow.stages.results import Spoken
from winnow.stats.card import card
from winnow.stats.evidence import Counts, How, Labeled
from winnow.stats.grades import GradeCard, Graded, grade_card
from winnow.stats.paired import Comparison, Judged, Labels, compare
from winnow.stats.prompts.wrong import CommonestWrong, commonest_wrong
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


Reader = Callable[[Table, Asked], Evidence]


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
    errors: Place | None = None
    answer: str | None = None
    people: People | None = None
    holdout: Holdout | None = None
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
class Beside:
    """What is said beside a card: of the labelers, of labels kept back, of w. None where it was not asked for."""

    labelers: dict[str, Any] | None = None
    holdout: dict[str, Any] | None = None
    w_estimate: dict[str, Any] | None = None
    words: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {"labelers": self.labelers, "holdout": self.holdout, "w_estimate": self.w_estimate}


@dataclass(frozen=True, repr=False)
class Measured(Spoken):
    """The cards, one per verifier and label, what is said beside each, and how the verifiers compare."""

    cards: tuple[tuple[str, str, Card | GradeCard], ...]
    comparison: Comparison | None
    errors: Place | None = None
    beside: tuple[Beside, ...] = ()

    @property
    def card(self) -> Card | GradeCard:
        """The first card: the only one, unless several verifiers or labels were measured."""
        return self.cards[0][2]

    def plain(self) -> dict[str, Any]:
        """One card as it is; several as a list, with their differences."""
        told = [
            {"verifier": verifier, "label": label, **one.plain(), **beside.plain()}
            for (verifier, label, one), beside in zip(self.cards, self.beside, strict=True)
        ]
        if len(told) == 1:
            return told[0]
        return {"verifiers": told, "pairs": [] if self.comparison is None else self.comparison.plain()["pairs"]}

    def words(self) -> str:
        """What a person reads."""
        parts = []
        for (verifier, label, one), beside in zip(self.cards, self.beside, strict=True):
            title = verifier if len({name for _, name, _ in self.cards}) == 1 else f"{verifier} for {label}"
            lines = [*one.words().splitlines(), *(line for words in beside.words for line in words.splitlines())]
            parts += [title, *(f"  {line}" for line in lines), *_slice_lines(one)]
        if self.comparison is not None:
            parts += ["side by side", *(f"  {line}" for line in self.comparison.words().splitlines())]
        return "\n".join(parts)


def measure(table: Table, measuring: Measuring, reader: Reader = read) -> Measured:
    """The cards of a table's verifiers; `reader` is who reads the evidence: in one pass, or shard by shard."""
    if measuring.errors is not None:
        refuse_overwriting(measuring.errors, "--errors")
        if not is_flat(measuring.errors):
            raise UsageError("--errors", f"{shown(str(measuring.errors))} is no flat file", "End it in .jsonl or .csv")
    evidence = reader(table, _asked(table, measuring))
    part = people = None
    if measuring.holdout is not None:
        evidence, part = parted(evidence, measuring.holdout)
        measuring = replace(measuring, how=part.how(measuring.how))
    if measuring.people is not None:
        evidence, people = settled(evidence, measuring.people, lambda label, said: _settling(label, said, measuring))
        measuring = replace(measuring, right_if=None)
    cards, told = [], []
    for label, grades in evidence.label.items():
        right = right_of(label, grades, measuring)
        w = _w(evidence, right, measuring)
        how = measuring.how if w is None or w.value is None else replace(measuring.how, w=w.value)
        for number, name in enumerate(evidence.names):
            cards.append((name, label, _card(evidence, number, right, grades, replace(measuring, how=how))))
            asked = _People(people, evidence, number, right)
            told.append(_beside(asked, part, w, how))
    comparison = _comparison(evidence, measuring) if len(evidence.names) > 1 and len(evidence.label) == 1 else None
    if measuring.errors is not None:
        _write_errors(table, evidence, measuring)
    if part is not None:
        write_down(part, evidence.names)
    return Measured(tuple(cards), comparison, measuring.errors, tuple(told))


@dataclass(frozen=True)
class _People:
    """The labels of several people, and the verifier that they are held against."""

    settled: Settled | None
    evidence: Evidence
    number: int
    right: Floats | None


def _beside(people: _People, part: Parted | None, w: CommonestWrong | None, how: How) -> Beside:
    plain, words = None, []
    if people.settled is not None and people.right is not None:
        labeled, known = _labeled(people.evidence, people.number, people.right)
        counts = _counts(people.evidence, people.number)
        plain, line = people.settled.beside(counts, labeled, people.evidence.row[known], how)
        words.append(line)
    words += [w.words()] if w is not None else []
    words += [part.words(how)] if part is not None else []
    held = None if part is None else part.plain()
    return Beside(plain, held, None if w is None else w.plain(), tuple(words))


def _asked(table: Table, measuring: Measuring) -> Asked:
    rule = _rule(measuring)
    people = measuring.people
    labels = [rule.column] if rule else table.columns.need("label", table.name).split(",")
    if people is not None:
        labels = list(people.columns)
    elif rule and rule.column not in table.names():
        raise UsageError("--right-if", f"{shown(rule.column)} is not a column of {table.name}", "Name a label column")
    for option, column in (("--by", measuring.by), ("--answer", measuring.answer)):
        if column is not None and column not in table.names():
            problem = f"{shown(column)} is not a column of {table.name}"
            raise UsageError(option, problem, nearest(column, table.names()))
    halved = measuring.holdout is not None
    if halved and not table.has("prompt") and table.columns.id is None:
        problem = f"{table.name} has neither prompts nor ids, and row numbers change when rows do"
        raise UsageError("--holdout", problem, "Name what groups the candidates, or their id: --prompt, --id")
    more: dict[str, Any] = {"by": measuring.by, "answer": measuring.answer, "halved": halved}
    if measuring.threshold is not None:
        score = table.columns.need("score", table.name)
        return Asked((), tuple(labels), score, measuring.threshold, measuring.lower_is_better, **more)
    columns = verdict_columns(table, measuring.verdict)
    if not columns:
        step = "Give --score COLUMN --threshold T, or judge it first: winnow verify TABLE --with NAME --out STORE"
        raise UsageError("measure", f"{table.name} has no verdicts", step)
    return Asked(tuple(columns), tuple(labels), **more)


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
        return np.where(np.isnan(grades), np.nan, rule.right(grades))
    if measuring.grade_range is not None:
        return None
    odd = np.flatnonzero((grades != 0) & (grades != 1) & ~np.isnan(grades))
    if len(odd):
        problem = f"{label} is {grades[odd[0]]:g} in some row: neither right nor wrong"
        raise UsageError("--label", problem, f"Say --right-if '{label}>=NUMBER', or --grade-range LOW,HIGH")
    return grades


def _settling(label: str, said: Floats, measuring: Measuring) -> Floats:
    """What one of several people said, as right and wrong."""
    right = right_of(label, said, measuring)
    if right is None:
        problem = "grades by several people have no majority"
        raise UsageError("--grade-range", problem, f"Say from which grade on: --right-if '{label}>=NUMBER'")
    return right


def _w(evidence: Evidence, right: Floats | None, measuring: Measuring) -> CommonestWrong | None:
    """The share of the commonest wrong answer, where answers are named and no share is given."""
    if measuring.answer is None or measuring.how.w is not None or right is None:
        return None
    wrong = right == 0
    return commonest_wrong(evidence.prompt[wrong], evidence.answer[wrong].tolist(), _weight(evidence, wrong))


def _counts(evidence: Evidence, number: int, name: str | None = None) -> Counts:
    found = dict(zip((SILENT, ERROR, ABSTAIN, DROPPED, KEPT), evidence.counts[name][number].tolist(), strict=True))
    by_prompt = evidence.by_prompt[name][number] if evidence.by_prompt else None
    return Counts(
        kept=found[KEPT],
        dropped=found[DROPPED],
        abstain=found[ABSTAIN] + found[SILENT],
        error=found[ERROR],
        prompts=None if by_prompt is None else by_prompt.prompts,
        spread=None if by_prompt is None else by_prompt.spread,
        with_kept=None if by_prompt is None else by_prompt.with_kept,
    )


def _labeled(evidence: Evidence, number: int, right: Floats, in_slice: bool = False) -> tuple[Labeled, Booleans]:
    """The labeled rows this verifier decided, with what their prompts have in the table or in the row's slice."""
    decided = evidence.verdict[number] >= DROPPED
    known = np.isfinite(right) & decided
    of_prompt = evidence.in_slice if in_slice else evidence.in_table
    verdict = evidence.verdict[number][known] == KEPT
    rows = Labeled(verdict, right[known], evidence.prompt[known], _weight(evidence, known))
    if of_prompt is not None:
        rows = replace(rows, prompt_kept=of_prompt.kept[number][known], prompt_decided=of_prompt.decided[number][known])
    return rows, known


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
    pooled = card(counts, _labeled(evidence, number, right)[0], measuring.how)
    if measuring.by is None:
        return pooled
    # A slice may cut across prompts, so its rows know their prompt as far as it lies in the slice.
    labeled, known = _labeled(evidence, number, right, in_slice=True)
    named = evidence.slice[known]
    parts = {
        name: (_counts(evidence, number, name), labeled.take(named == name))
        for name in evidence.counts
        if name is not None
    }
    return by_slice(parts, pooled, measuring.how).beside(pooled)


def _comparison(evidence: Evidence, measuring: Measuring) -> Comparison | None:
    label, grades = next(iter(evidence.label.items()))
    right = right_of(label, grades, measuring)
    if right is None or not len(right):
        return None
    known = np.isfinite(right)
    evidence, right = evidence.take(known), right[known]
    of_prompt = evidence.in_table
    costs = [*measuring.costs, *[None] * len(evidence.names)]
    judged = [
        Judged(
            name,
            _counts(evidence, number),
            np.maximum(evidence.verdict[number], ABSTAIN),
            costs[number],
            None if of_prompt is None else of_prompt.kept[number],
        )
        for number, name in enumerate(evidence.names)
    ]
    weight = _weight(evidence, np.ones(len(right), np.bool_))
    labels = Labels(right, evidence.prompt, weight, None if of_prompt is None else of_prompt.rows)
    return compare(judged, labels, measuring.how)


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
