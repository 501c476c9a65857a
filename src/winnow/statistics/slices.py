"""A card per slice of a table, and warnings about what the pooled card hides.

A slice with fewer than 30 labels shows its counts and no decision. Decisions of slices are corrected for their number
(Holm over the uplifts; Bonferroni where two classes add a second test). The column of the slices is chosen by a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from winnow.statistics.card import estimate_card
from winnow.statistics.card_inputs import DEFAULT_OPTIONS, LabeledRows, MeasureOptions, VerdictCounts
from winnow.statistics.card_report import COUNT_KEYS, HARMS, HELPS, UNDECIDED, Card, CardWarning, format_points

LEAST_LABELS = 30


@dataclass(frozen=True)
class CardSlice:
    """One slice: its card, its corrected decision (None under 30 labels) and its corrected p-value."""

    name: str
    card: Card
    decision: str | None
    why: str
    p_corrected: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document; under 30 labels it holds the counts alone."""
        document = self.card.to_dict()
        document.pop("slices")
        if self.decision is None:
            document = {name: document[name] for name in COUNT_KEYS}
        decision = {"decision": self.decision, "why": self.why, "p_corrected": self.p_corrected}
        return {"name": self.name, **document, **decision}


@dataclass(frozen=True)
class CardSlices:
    """All slices of a table, and the warnings that belong on the pooled card."""

    slices: tuple[CardSlice, ...]
    warnings: tuple[CardWarning, ...]

    def attach_to(self, pooled: Card) -> Card:
        """Return the pooled card with its slices and their warnings."""
        slice_documents = tuple(card_slice.to_dict() for card_slice in self.slices)
        return replace(pooled, slices=slice_documents, warnings=(*pooled.warnings, *self.warnings))


def estimate_slices(
    parts: Mapping[str, tuple[VerdictCounts, LabeledRows]], pooled: Card, options: MeasureOptions = DEFAULT_OPTIONS
) -> CardSlices:
    """Estimate the cards of all parts of one table, corrected for their number."""
    cards = {name: estimate_card(counts, labeled, options) for name, (counts, labeled) in parts.items()}
    tested = {name: slice_card for name, slice_card in cards.items() if slice_card.labeled >= LEAST_LABELS}
    tests = {name: slice_card.uplift_p for name, slice_card in tested.items() if slice_card.uplift_p is not None}
    corrected = dict(zip(tests, holm_correction(list(tests.values())), strict=True))
    card_slices = []
    for name, slice_card in cards.items():
        if name not in tested:
            why = f"only {slice_card.labeled} labels; a decision needs at least {LEAST_LABELS}"
            card_slices.append(CardSlice(name, slice_card, None, why, None))
            continue
        p = corrected.get(name)
        decision = _corrected_decision(parts[name], slice_card, p, len(tests)) if p is not None else UNDECIDED
        why = slice_card.why
        if decision != slice_card.decision:
            why += f"; not significant after correction for {len(tests)} slices"
        card_slices.append(CardSlice(name, slice_card, decision, why, p))
    return CardSlices(tuple(card_slices), tuple(_find_slice_warnings(card_slices, pooled)))


def holm_correction(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number, step by step from the smallest (Holm 1979)."""
    corrected = [1.0] * len(p_values)
    largest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - place)))
        corrected[index] = largest
    return corrected


def _corrected_decision(part: tuple[VerdictCounts, LabeledRows], uncorrected: Card, p: float, tests: int) -> str:
    options = uncorrected.options
    if options.classes == 2:
        return estimate_card(*part, replace(options, level=1 - (1 - options.level) / tests)).decision
    return uncorrected.decision if p <= 1 - options.level else UNDECIDED


def _find_slice_warnings(slices: Sequence[CardSlice], pooled: Card) -> list[CardWarning]:
    decided = [part for part in slices if part.decision is not None and part.card.uplift.value is not None]
    helps = [part.name for part in decided if part.decision == HELPS]
    harms = [part.name for part in decided if part.decision == HARMS]
    warnings = []
    if helps and harms:
        message = f"the verifier surely helps in {_format_names(helps)} and surely harms in {_format_names(harms)}"
        warnings.append(CardWarning("slices-opposite", f"{message}; the pooled card hides this"))
    pooled_uplift = pooled.uplift.value
    if pooled_uplift is None or len(decided) < 2:
        return warnings
    points = f"the pooled uplift is {format_points(pooled_uplift)} points"
    values = [part.card.uplift.value or 0.0 for part in decided]
    opposed = harms if pooled_uplift > 0 else helps if pooled_uplift < 0 else []
    if all(value * pooled_uplift < 0 for value in values):
        warnings.append(CardWarning("pooled-opposite", f"{points}, but it has the opposite sign in every slice"))
    elif opposed and not (helps and harms):
        verb = "harms" if pooled_uplift > 0 else "helps"
        message = f"{points}, but the verifier surely {verb} in {_format_names(opposed)}"
        warnings.append(CardWarning("pooled-opposite", message))
    within = sum(part.card.kept * value for part, value in zip(decided, values, strict=True))
    within /= max(sum(part.card.kept for part in decided), 1)
    if pooled.decision == HELPS and 0 <= within < pooled_uplift / 2 and not warnings:
        message = (
            f"{points}, of which only {format_points(within)} come from selection within slices: the verifier mainly"
            " keeps more rows of the better slices"
        )
        warnings.append(CardWarning("between-slices", message))
    return warnings


def _format_names(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
