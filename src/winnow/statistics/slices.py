"""A card per slice of a table, and what the pooled card hides.

Promises: a slice under 30 labels shows its counts and decides nothing; a slice's decision holds after a correction for
looking at many (Holm over the slices' uplifts; Bonferroni where --classes 2 adds a second test). Warns where slices
surely point in opposite directions, where the pooled uplift has another sign than the slices, and where it comes from
choosing between slices rather than within them.
It does not look for slices: a person names the column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from winnow.statistics.card import estimate_card
from winnow.statistics.card_inputs import LabeledRows, MeasureOptions, VerdictCounts
from winnow.statistics.card_report import HARMS, HELPS, UNDECIDED, Card, CardWarning, format_points

LEAST_LABELS = 30
COUNT_KEYS = "n labeled kept dropped decided abstain error prompts".split()


@dataclass(frozen=True)
class CardSlice:
    """One slice: its card, its decision after the correction (None under 30 labels), and its corrected p-value."""

    name: str
    card: Card
    decision: str | None
    why: str
    p_corrected: float | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON; under 30 labels the counts alone."""
        document = self.card.to_dict()
        document.pop("slices")
        if self.decision is None:
            document = {name: document[name] for name in COUNT_KEYS}
        return {
            "name": self.name,
            **document,
            "decision": self.decision,
            "why": self.why,
            "p_corrected": self.p_corrected,
        }


@dataclass(frozen=True)
class CardSlices:
    """All slices in the order given, and what to know beside the pooled card."""

    slices: tuple[CardSlice, ...]
    warnings: tuple[CardWarning, ...]

    def attach_to(self, pooled: Card) -> Card:
        """The pooled card with its slices and their warnings."""
        slice_documents = tuple(card_slice.to_dict() for card_slice in self.slices)
        return replace(pooled, slices=slice_documents, warnings=(*pooled.warnings, *self.warnings))


def estimate_slices(
    parts: Mapping[str, tuple[VerdictCounts, LabeledRows]], pooled: Card, options: MeasureOptions | None = None
) -> CardSlices:
    """Cards of all parts of one table, read together."""
    options = options or MeasureOptions()
    cards = {name: estimate_card(counts, labeled, options) for name, (counts, labeled) in parts.items()}
    tested = {name: slice_card for name, slice_card in cards.items() if slice_card.labeled >= LEAST_LABELS}
    tests = {name: slice_card.uplift_p for name, slice_card in tested.items() if slice_card.uplift_p is not None}
    corrected = dict(zip(tests, holm_correction(list(tests.values())), strict=True))
    card_slices = []
    for name, slice_card in cards.items():
        if name not in tested:
            why = f"{slice_card.labeled} labels: nothing is decided under {LEAST_LABELS}"
            card_slices.append(CardSlice(name, slice_card, None, why, None))
            continue
        p = corrected.get(name)
        decision = _corrected_decision(parts[name], slice_card, p, len(tests)) if p is not None else UNDECIDED
        why = (
            slice_card.why
            if decision == slice_card.decision
            else f"{slice_card.why}; not sure after looking at {len(tests)} slices"
        )
        card_slices.append(CardSlice(name, slice_card, decision, why, p))
    return CardSlices(tuple(card_slices), tuple(_find_slice_warnings(card_slices, pooled)))


def holm_correction(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number, step by step from the smallest (Holm 1979)."""
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
    decided = [one for one in slices if one.decision is not None and one.card.uplift.value is not None]
    helps = [one.name for one in decided if one.decision == HELPS]
    harms = [one.name for one in decided if one.decision == HARMS]
    warnings = []
    if helps and harms:
        message = f"the pooled card hides opposite slices: surely helps in {_format_names(helps)}, surely harms in {_format_names(harms)}"
        warnings.append(CardWarning("slices-opposite", message))
    pooled_uplift = pooled.uplift.value
    if pooled_uplift is None or len(decided) < 2:
        return warnings
    values = [one.card.uplift.value or 0.0 for one in decided]
    opposed = harms if pooled_uplift > 0 else helps if pooled_uplift < 0 else []
    if all(value * pooled_uplift < 0 for value in values):
        message = (
            f"the pooled uplift is {format_points(pooled_uplift)} points, but in every slice it has the other sign"
        )
        warnings.append(CardWarning("pooled-opposite", message))
    elif opposed and not (helps and harms):
        surely = "harms" if pooled_uplift > 0 else "helps"
        warnings.append(
            CardWarning(
                "pooled-opposite",
                f"pooled {format_points(pooled_uplift)} points, yet it surely {surely} in {_format_names(opposed)}",
            )
        )
    within = sum(one.card.kept * value for one, value in zip(decided, values, strict=True))
    within /= max(sum(one.card.kept for one in decided), 1)
    if pooled.decision == HELPS and 0 <= within < pooled_uplift / 2 and not warnings:
        message = (
            f"of the pooled {format_points(pooled_uplift)} points only {format_points(within)} come from choosing within slices: the rest is"
            " keeping more of the slices that are better anyway"
        )
        warnings.append(CardWarning("between-slices", message))
    return warnings


def _format_names(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
