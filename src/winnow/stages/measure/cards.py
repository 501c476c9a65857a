"""Cards from evidence: one for each verifier and label column, the paired differences of verifiers, and the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from winnow.stages.labels import Booleans, Floats, label_weights, mark_right
from winnow.stages.measure.config import MeasureConfig
from winnow.stages.measure.evidence import ABSTAIN, DROPPED, KEPT, Evidence, SliceName
from winnow.stages.measure.holdout import HoldoutSplit
from winnow.stages.measure.labelers import MajorityLabels
from winnow.stages.results import TextReport
from winnow.statistics.card import estimate_card
from winnow.statistics.card_inputs import LabeledRows, MeasureOptions, VerdictCounts
from winnow.statistics.card_report import Card
from winnow.statistics.grade_card import GradeCard, GradedRows, estimate_grade_card
from winnow.statistics.paired_comparison import ComparedVerifier, SharedLabels, VerifierComparison, compare_verifiers
from winnow.statistics.prompts.commonest_wrong_answer import CommonestWrongAnswer, estimate_commonest_wrong_answer
from winnow.statistics.slices import estimate_slices
from winnow.storage.locations.location import Location


@dataclass(frozen=True)
class MeasuredVerifier:
    """The card of one verifier on one label column.

    `notes` are the parts `labelers`, `holdout` and `w_estimate` of the document, `texts` the same for a person.
    """

    verifier: str
    label: str
    card: Card | GradeCard
    notes: dict[str, Any]
    texts: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The card as a JSON document."""
        return {"verifier": self.verifier, "label": self.label, **self.card.to_dict(), **self.notes}

    def lines(self) -> Iterator[str]:
        """The card as a person reads it, with a line for each slice."""
        for text in (self.card.summary(), *self.texts):
            yield from (f"  {line}" for line in text.splitlines())
        for part in getattr(self.card, "slices", ()):
            decision = part["decision"] or "no decision"
            yield f"    {part['name']}: {part['labeled']} labels of {part['n']:,} rows · {decision}: {part['why']}"


@dataclass(frozen=True, repr=False)
class MeasureReport(TextReport):
    """The cards of verifiers, how several verifiers differ, and the file of false passes and false drops."""

    cards: tuple[MeasuredVerifier, ...]
    comparison: VerifierComparison | None
    errors: Location | None = None

    @property
    def card(self) -> Card | GradeCard:
        """The first card: the only one, unless several verifiers or label columns were measured."""
        return self.cards[0].card

    def to_dict(self) -> dict[str, Any]:
        """The JSON document: the fields of the card, or `verifiers` and `pairs` where there are several cards."""
        documents = [measured.to_dict() for measured in self.cards]
        if len(documents) == 1:
            return documents[0]
        return {"verifiers": documents, "pairs": [] if self.comparison is None else self.comparison.to_dict()["pairs"]}

    def describe(self) -> str:
        """Describe the cards for a person."""
        has_one_label = len({measured.label for measured in self.cards}) == 1
        lines = []
        for measured in self.cards:
            lines.append(measured.verifier if has_one_label else f"{measured.verifier} for {measured.label}")
            lines.extend(measured.lines())
        if self.comparison is not None:
            lines += ["side by side", *(f"  {line}" for line in self.comparison.summary().splitlines())]
        return "\n".join(lines)


@dataclass(frozen=True)
class CardBuilder:
    """Makes cards from evidence; with a `majority` the labels are those of several people's majority."""

    evidence: Evidence
    options: MeasureOptions
    config: MeasureConfig
    split: HoldoutSplit | None = None
    majority: MajorityLabels | None = None

    def mark_right(self, label: int) -> Floats | None:
        """1 or 0 for each labeled row; None where labels stay grades."""
        right_if = self.config.right_if if self.majority is None else None
        if self.config.grade_range is not None and right_if is None and self.majority is None:
            return None
        return mark_right(self.evidence.labels[label], self.evidence.labeled.label[label], right_if)

    def measure_verifier(self, verifier: int, label: int) -> MeasuredVerifier:
        """The card of a verifier on a label column, with its notes."""
        evidence, right = self.evidence, self.mark_right(label)
        w = self._estimate_w(right)
        options = self.options if w is None or w.value is None else replace(self.options, w=w.value)
        labelers, texts = None, []
        if self.majority is not None and right is not None:
            rows, known = self._labeled_rows(verifier, right)
            counts = self._verdict_counts(verifier)
            labelers, text = self.majority.report(counts, rows, evidence.labeled.row[known], options)
            texts.append(text)
        texts += [] if w is None else [w.summary()]
        texts += [] if self.split is None else [self.split.describe(options)]
        notes = {
            "labelers": labelers,
            "holdout": None if self.split is None else self.split.to_dict(),
            "w_estimate": None if w is None else w.to_dict(),
        }
        card = self._grade_card(verifier, label, options) if right is None else self._card(verifier, right, options)
        return MeasuredVerifier(evidence.verifiers[verifier], evidence.labels[label], card, notes, tuple(texts))

    def _estimate_w(self, right: Floats | None) -> CommonestWrongAnswer | None:
        """The share of the commonest wrong answer, where answers are named and no share is given."""
        if self.config.answer is None or self.config.w is not None or right is None:
            return None
        labeled, wrong = self.evidence.labeled, right == 0
        weights = label_weights(labeled.drawn, wrong)
        return estimate_commonest_wrong_answer(labeled.prompt[wrong], labeled.answer[wrong].tolist(), weights)

    def _card(self, verifier: int, right: Floats, options: MeasureOptions) -> Card:
        counts, (rows, _) = self._verdict_counts(verifier), self._labeled_rows(verifier, right)
        card = estimate_card(counts, rows, options)
        if self.config.by is None:
            return card
        # A slice may cut across prompts, so its rows count their prompt only within the slice.
        rows, known = self._labeled_rows(verifier, right, in_slice=True)
        slices = self.evidence.labeled.slice[known]
        parts = {
            name: (self._verdict_counts(verifier, name), rows.take(slices == name))
            for name in self.evidence.counts
            if name is not None
        }
        return estimate_slices(parts, card, options).attach_to(card)

    def _grade_card(self, verifier: int, label: int, options: MeasureOptions) -> GradeCard:
        labeled, grades = self.evidence.labeled, self.evidence.labeled.label[label]
        decided = (labeled.verdict[verifier] >= DROPPED) & np.isfinite(grades)
        low, high = self.config.grade_range or (0.0, 1.0)
        kept, weights = labeled.verdict[verifier][decided] == KEPT, label_weights(labeled.drawn, decided)
        rows = GradedRows(kept, grades[decided], labeled.prompt[decided], (low, high), weights)
        return estimate_grade_card(self._verdict_counts(verifier), rows, options)

    def _verdict_counts(self, verifier: int, name: SliceName = None) -> VerdictCounts:
        no_verdict, error, abstain, dropped, kept = self.evidence.counts[name][verifier].tolist()
        counts = VerdictCounts(kept, dropped, abstain + no_verdict, error)
        if not self.evidence.sums:
            return counts
        sums = self.evidence.sums[name][verifier]
        return replace(counts, prompts=sums.prompts, spread=sums.spread(), with_kept=sums.with_kept)

    def _labeled_rows(self, verifier: int, right: Floats, in_slice: bool = False) -> tuple[LabeledRows, Booleans]:
        """The labeled rows that the verifier decided, and which of all labeled rows they are."""
        labeled = self.evidence.labeled
        known = np.isfinite(right) & (labeled.verdict[verifier] >= DROPPED)
        weights = label_weights(labeled.drawn, known)
        rows = LabeledRows(labeled.verdict[verifier][known] == KEPT, right[known], labeled.prompt[known], weights)
        kept, decided = labeled.prompt_kept, labeled.prompt_decided
        if in_slice:
            kept, decided = labeled.slice_kept, labeled.slice_decided
        if kept is None or decided is None:
            return rows, known
        return replace(rows, prompt_kept=kept[verifier][known], prompt_decided=decided[verifier][known]), known

    def compare_verifiers(self) -> VerifierComparison | None:
        """The paired differences of the verifiers."""
        right = self.mark_right(0)
        if right is None or not len(right):
            return None
        known = np.isfinite(right)
        labeled, costs = self.evidence.labeled.take(known), [*self.config.cost, *[None] * len(self.evidence.verifiers)]
        verifiers = [
            ComparedVerifier(
                name,
                self._verdict_counts(verifier),
                np.maximum(labeled.verdict[verifier], ABSTAIN),
                costs[verifier],
                None if labeled.prompt_kept is None else labeled.prompt_kept[verifier],
            )
            for verifier, name in enumerate(self.evidence.verifiers)
        ]
        weights = label_weights(labeled.drawn, np.ones(len(labeled.row), np.bool_))
        labels = SharedLabels(right[known], labeled.prompt, weights, labeled.prompt_rows)
        return compare_verifiers(verifiers, labels, self.options)
