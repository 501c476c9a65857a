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

from winnow.stats.card import card
from winnow.stats.evidence import Counts, How, Labeled
from winnow.stats.words import HARMS, HELPS, UNDECIDED, Card, Caution, points

LEAST_LABELS = 30
COUNTED = "n labeled kept dropped decided abstain error prompts".split()


@dataclass(frozen=True)
class Slice:
    """One slice: its card, its decision after the correction (None under 30 labels), and its corrected p-value."""

    name: str
    card: Card
    decision: str | None
    why: str
    p_corrected: float | None

    def plain(self) -> dict[str, Any]:
        """As JSON; under 30 labels the counts alone."""
        found = self.card.plain()
        found.pop("slices")
        if self.decision is None:
            found = {name: found[name] for name in COUNTED}
        return {"name": self.name, **found, "decision": self.decision, "why": self.why, "p_corrected": self.p_corrected}


@dataclass(frozen=True)
class Slices:
    """All slices in the order given, and what to know beside the pooled card."""

    slices: tuple[Slice, ...]
    warnings: tuple[Caution, ...]

    def beside(self, pooled: Card) -> Card:
        """The pooled card with its slices and their warnings."""
        plain = tuple(one.plain() for one in self.slices)
        return replace(pooled, slices=plain, warnings=(*pooled.warnings, *self.warnings))


def by_slice(parts: Mapping[str, tuple[Counts, Labeled]], pooled: Card, how: How | None = None) -> Slices:
    """Cards of all parts of one table, read together."""
    how = how or How()
    cards = {name: card(counts, labeled, how) for name, (counts, labeled) in parts.items()}
    judged = {name: one for name, one in cards.items() if one.labeled >= LEAST_LABELS}
    tests = {name: one.uplift_p for name, one in judged.items() if one.uplift_p is not None}
    corrected = dict(zip(tests, holm(list(tests.values())), strict=True))
    found = []
    for name, one in cards.items():
        if name not in judged:
            why = f"{one.labeled} labels: nothing is decided under {LEAST_LABELS}"
            found.append(Slice(name, one, None, why, None))
            continue
        p = corrected.get(name)
        decision = _decision(parts[name], one, p, len(tests)) if p is not None else UNDECIDED
        why = one.why if decision == one.decision else f"{one.why}; not sure after looking at {len(tests)} slices"
        found.append(Slice(name, one, decision, why, p))
    return Slices(tuple(found), tuple(_warnings(found, pooled)))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number, step by step from the smallest (Holm 1979)."""
    found = [1.0] * len(p_values)
    largest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - place)))
        found[index] = largest
    return found


def _decision(part: tuple[Counts, Labeled], alone: Card, p: float, looks: int) -> str:
    how = alone.how
    if how.classes == 2:
        return card(*part, replace(how, level=1 - (1 - how.level) / looks)).decision
    return alone.decision if p <= 1 - how.level else UNDECIDED


def _warnings(slices: Sequence[Slice], pooled: Card) -> list[Caution]:
    told = [one for one in slices if one.decision is not None and one.card.uplift.value is not None]
    helps = [one.name for one in told if one.decision == HELPS]
    harms = [one.name for one in told if one.decision == HARMS]
    found = []
    if helps and harms:
        words = f"the pooled card hides opposite slices: surely helps in {_some(helps)}, surely harms in {_some(harms)}"
        found.append(Caution("slices-opposite", words))
    whole = pooled.uplift.value
    if whole is None or len(told) < 2:
        return found
    values = [one.card.uplift.value or 0.0 for one in told]
    against = harms if whole > 0 else helps if whole < 0 else []
    if all(value * whole < 0 for value in values):
        words = f"the pooled uplift is {points(whole)} points, but in every slice it has the other sign"
        found.append(Caution("pooled-opposite", words))
    elif against and not (helps and harms):
        surely = "harms" if whole > 0 else "helps"
        found.append(
            Caution("pooled-opposite", f"pooled {points(whole)} points, yet it surely {surely} in {_some(against)}")
        )
    within = sum(one.card.kept * value for one, value in zip(told, values, strict=True))
    within /= max(sum(one.card.kept for one in told), 1)
    if pooled.decision == HELPS and 0 <= within < whole / 2 and not found:
        words = (
            f"of the pooled {points(whole)} points only {points(within)} come from choosing within slices: the rest is"
            " keeping more of the slices that are better anyway"
        )
        found.append(Caution("between-slices", words))
    return found


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
