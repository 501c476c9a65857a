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
class EditCounts:
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

    def set_counts(self, where: dict[str, Bools]) -> None:
        """Tokens, by what is true of them."""
        for name, mask in where.items():
            setattr(self, name, int(mask.sum()))

    def add(self, other: EditCounts | dict[str, Any]) -> None:
        """Add the counts of further texts."""
        values = other if isinstance(other, dict) else vars(other)
        for name in (*COUNT_FIELDS, "logp"):
            setattr(self, name, getattr(self, name) + values[name])
        self.deciles = [a + b for a, b in zip(self.deciles, values["deciles"], strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """Counts and shares, as the summary has them."""
        shares = {f"{name}_share": _ratio(getattr(self, name), self.tokens) for name in SHARE_FIELDS}
        counts = {name: getattr(self, name) for name in ("tokens", *SHARE_FIELDS)}
        ineligible = {name: getattr(self, name) for name in ("unknown", "not_in_place", "protected")}
        return {**counts, **shares, "ineligible": ineligible, "perplexity": perplexity(self.logp, self.known)}

    def decile_shares(self) -> list[float]:
        """The share of tokens by decile of their chance, low to high."""
        return [count / self.known for count in self.deciles] if self.known else []


SHARE_FIELDS = ("eligible", "over", "selected", "changed")
COUNT_FIELDS = tuple(one.name for one in fields(EditCounts) if one.name not in ("logp", "deciles"))
ROUND_TYPE = pa.struct(
    [*((name, pa.int64()) for name in COUNT_FIELDS), ("logp", pa.float64()), ("deciles", pa.list_(pa.int64()))]
)


def count_deciles(logprobs: Floats) -> list[int]:
    """How many chances lie in each tenth."""
    tenth = np.minimum((np.exp(logprobs) * DECILES).astype(np.int64), DECILES - 1)
    counts: list[int] = np.bincount(tenth, minlength=DECILES).tolist()
    return counts


def perplexity(logp: float, known: int) -> float | None:
    """exp of the mean surprise; none where nothing is known, or beyond what a number holds."""
    mean = -logp / known if known else math.inf
    return math.exp(mean) if mean < 700 else None


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass
class EditTally:
    """What is summed up over the rows."""

    rows: int = 0
    rows_changed: int = 0
    edits: int = 0
    characters: int = 0
    characters_after: int = 0
    rows_reread: int = 0
    """Rows whose edited text was read again, for its perplexity."""
    reread_before: tuple[float, int] = (0.0, 0)
    reread_after: tuple[float, int] = (0.0, 0)
    rounds: list[EditCounts] = field(default_factory=list)

    def add(self, row: dict[str, Any]) -> None:
        """One row, as a store holds it."""
        edits, rounds, after = row["edits"], row["rounds"], row["after"]
        self.rows += 1
        self.rows_changed += bool(edits)
        self.edits += len(edits)
        added_characters = sum(len(one["to"]) - len(one["from"]) for one in edits)
        length = len(row["text"] or "")
        self.characters += length - added_characters
        self.characters_after += length
        self.rounds += [EditCounts() for _ in rounds[len(self.rounds) :]]
        for totals, round_counts in zip(self.rounds, rounds, strict=True):
            totals.add(round_counts)
        if after is not None:
            self.rows_reread += 1
            self.reread_before = (self.reread_before[0] + rounds[0]["logp"], self.reread_before[1] + rounds[0]["known"])
            self.reread_after = (self.reread_after[0] + after["logp"], self.reread_after[1] + after["known"])

    def to_dict(self) -> dict[str, Any]:
        """The summary: the first round's figures, then what is of all of them."""
        rounds = self.rounds or [EditCounts()]
        first = rounds[0].to_dict()
        first_perplexity = first.pop("perplexity")
        lengths = {"before": self.characters, "after": self.characters_after}
        lengths["change"] = _ratio(self.characters_after - self.characters, self.characters)  # type: ignore[assignment]
        reread = {
            "documents": self.rows_reread,
            "before": perplexity(*self.reread_before),
            "after": perplexity(*self.reread_after),
        }
        counts = {"rows": self.rows, "rows_changed": self.rows_changed, "edits": self.edits}
        return {
            **counts,
            **first,
            "characters": lengths,
            "perplexity": {"all_before": first_perplexity, **reread},
            "deciles": rounds[0].decile_shares(),
            "rounds": [one.to_dict() for one in rounds],
        }


def describe_edits(summary: dict[str, Any]) -> list[str]:
    """The summary as lines for a person."""
    if not summary["tokens"]:
        return ["  no tokens, so nothing to edit"]
    ineligible = summary["ineligible"]
    lines = [
        f"  {summary['tokens']:,} tokens, of which {summary['eligible_share']:.1%} can be edited"
        f" (protected {ineligible['protected']:,}, without a probability {ineligible['unknown']:,},"
        f" not aligned with the text {ineligible['not_in_place']:,})",
        f"  selected {summary['selected_share']:.2%} of tokens, changed {summary['changed_share']:.3%};"
        f" {summary['rows_changed']:,} of {summary['rows']:,} texts changed",
    ]
    for number, counts in enumerate(summary["rounds"][1:], 2):
        shares = f"selected {counts['selected_share']:.2%} of tokens, changed {counts['changed_share']:.3%}"
        lines.append(f"  round {number}: {shares}")
    return [
        *lines,
        *_length_lines(summary["characters"]),
        *_perplexity_lines(summary["perplexity"]),
        describe_deciles(summary),
    ]


def _length_lines(lengths: dict[str, Any]) -> list[str]:
    change = "" if lengths["change"] is None else f" ({lengths['change']:+.3%})"
    return [f"  {lengths['before']:,} -> {lengths['after']:,} characters{change}"]


def _perplexity_lines(perplexities: dict[str, Any]) -> list[str]:
    if perplexities["all_before"] is None:
        return []
    line = f"  perplexity {perplexities['all_before']:.2f}"
    if perplexities["before"] is not None and perplexities["after"] is not None:
        change = f"{perplexities['before']:.2f} -> {perplexities['after']:.2f}"
        line += f"; of the {perplexities['documents']:,} texts that were read again {change}"
    return [line]


def describe_deciles(summary: dict[str, Any]) -> str:
    """The deciles in a line."""
    shares = " ".join(f"{100 * share:.1f}" for share in summary["deciles"])
    return f"  tokens by decile of their chance, low to high, in %: {shares}"
