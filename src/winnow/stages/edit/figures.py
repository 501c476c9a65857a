"""What editing did, in figures: of one text in one round, and summed up.

`tokens` are those of the text; each is eligible, or it is known why not: nothing is known of its chance (the first), it
does not stand as its tokenizer would write it (part of a character, changed by normalization, a special token), or it
is protected. `over` are those the rules would select wherever they stand; `selected` those that are eligible too;
`changed` those where something else was drawn than stood there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.models.prior import Bools, Floats

DECILES = 10


@dataclass
class Figures:
    """Counts of one text in one round, or of many texts together."""

    tokens: int = 0
    eligible: int = 0
    unknown: int = 0
    not_in_place: int = 0
    protected: int = 0
    over: int = 0
    selected: int = 0
    changed: int = 0
    known: int = 0
    """Tokens whose chance is known."""
    logp: float = 0.0
    """The sum of their log-probabilities."""
    deciles: list[int] = field(default_factory=lambda: [0] * DECILES)
    """How many of them the prior gave a chance in [0, .1), [.1, .2) ... [.9, 1]."""

    def count(self, where: dict[str, Bools]) -> None:
        """Tokens, by what is true of them."""
        for name, mask in where.items():
            setattr(self, name, int(mask.sum()))

    def add(self, other: Figures | dict[str, Any]) -> None:
        """More texts."""
        values = other if isinstance(other, dict) else vars(other)
        for name in (*COUNTS, "logp"):
            setattr(self, name, getattr(self, name) + values[name])
        self.deciles = [a + b for a, b in zip(self.deciles, values["deciles"], strict=True)]

    def plain(self) -> dict[str, Any]:
        """Counts and shares, as the summary has them."""
        shares = {f"{name}_share": _share(getattr(self, name), self.tokens) for name in SHARES}
        counts = {name: getattr(self, name) for name in ("tokens", *SHARES)}
        why = {name: getattr(self, name) for name in ("unknown", "not_in_place", "protected")}
        return {**counts, **shares, "ineligible": why, "perplexity": perplexity(self.logp, self.known)}

    def histogram(self) -> list[float]:
        """The share of tokens by decile of their chance, low to high."""
        return [one / self.known for one in self.deciles] if self.known else []


SHARES = ("eligible", "over", "selected", "changed")
COUNTS = tuple(one.name for one in fields(Figures) if one.name not in ("logp", "deciles"))
KIND = pa.struct([*((name, pa.int64()) for name in COUNTS), ("logp", pa.float64()), ("deciles", pa.list_(pa.int64()))])


def deciles_of(own: Floats) -> list[int]:
    """How many chances lie in each tenth."""
    tenth = np.minimum((np.exp(own) * DECILES).astype(np.int64), DECILES - 1)
    found: list[int] = np.bincount(tenth, minlength=DECILES).tolist()
    return found


def perplexity(logp: float, known: int) -> float | None:
    """exp of the mean surprise; none where nothing is known, or beyond what a number holds."""
    mean = -logp / known if known else math.inf
    return math.exp(mean) if mean < 700 else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass
class Tally:
    """What is summed up over the rows."""

    rows: int = 0
    rows_changed: int = 0
    edits: int = 0
    characters: int = 0
    characters_after: int = 0
    again: int = 0
    """Rows whose edited text was read again, for its perplexity."""
    before: tuple[float, int] = (0.0, 0)
    after: tuple[float, int] = (0.0, 0)
    rounds: list[Figures] = field(default_factory=list)

    def add(self, row: dict[str, Any]) -> None:
        """One row, as a store holds it."""
        edits, rounds, after = row["edits"], row["rounds"], row["after"]
        self.rows += 1
        self.rows_changed += bool(edits)
        self.edits += len(edits)
        grown = sum(len(one["to"]) - len(one["from"]) for one in edits)
        length = len(row["text"] or "")
        self.characters += length - grown
        self.characters_after += length
        self.rounds += [Figures() for _ in rounds[len(self.rounds) :]]
        for figures, more in zip(self.rounds, rounds, strict=True):
            figures.add(more)
        if after is not None:
            self.again += 1
            self.before = (self.before[0] + rounds[0]["logp"], self.before[1] + rounds[0]["known"])
            self.after = (self.after[0] + after["logp"], self.after[1] + after["known"])

    def plain(self) -> dict[str, Any]:
        """The summary: the first round's figures, then what is of all of them."""
        rounds = self.rounds or [Figures()]
        first = rounds[0].plain()
        whole = first.pop("perplexity")
        lengths = {"before": self.characters, "after": self.characters_after}
        lengths["change"] = _share(self.characters_after - self.characters, self.characters)  # type: ignore[assignment]
        read = {"documents": self.again, "before": perplexity(*self.before), "after": perplexity(*self.after)}
        counts = {"rows": self.rows, "rows_changed": self.rows_changed, "edits": self.edits}
        return {
            **counts,
            **first,
            "characters": lengths,
            "perplexity": {"all_before": whole, **read},
            "deciles": rounds[0].histogram(),
            "rounds": [one.plain() for one in rounds],
        }


def said(summary: dict[str, Any]) -> list[str]:
    """The summary in words."""
    if not summary["tokens"]:
        return ["  no token: nothing to edit"]
    why = summary["ineligible"]
    reasons = f"nothing known {why['unknown']:,}, not in place {why['not_in_place']:,}, protected {why['protected']:,}"
    lines = [
        f"  {summary['tokens']:,} tokens · eligible {summary['eligible_share']:.1%} ({reasons})",
        f"  selected {summary['selected_share']:.2%} · really changed {summary['changed_share']:.3%}"
        f" · {summary['rows_changed']:,} of {summary['rows']:,} texts changed",
    ]
    for number, one in enumerate(summary["rounds"][1:], 2):
        lines.append(f"  round {number}: selected {one['selected_share']:.2%} · changed {one['changed_share']:.3%}")
    return [*lines, *_lengths(summary["characters"]), *_perplexities(summary["perplexity"]), histogram(summary)]


def _lengths(of: dict[str, Any]) -> list[str]:
    change = "" if of["change"] is None else f" ({of['change']:+.3%})"
    return [f"  {of['before']:,} -> {of['after']:,} characters{change}"]


def _perplexities(of: dict[str, Any]) -> list[str]:
    if of["all_before"] is None:
        return []
    line = f"  perplexity {of['all_before']:.2f}"
    if of["before"] is not None and of["after"] is not None:
        line += f"; of {of['documents']:,} texts read again {of['before']:.2f} -> {of['after']:.2f}"
    return [line]


def histogram(summary: dict[str, Any]) -> str:
    """The deciles in a line."""
    shares = " ".join(f"{100 * one:.1f}" for one in summary["deciles"])
    return f"  tokens by decile of their chance, low to high, in %: {shares}"
