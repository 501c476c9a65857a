"""The result of measure: the cards, what is noted with each, and how several verifiers differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from winnow.stages.results import TextReport
from winnow.statistics.card_report import Card
from winnow.statistics.grade_card import GradeCard
from winnow.statistics.paired_comparison import VerifierComparison
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
