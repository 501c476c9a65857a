"""What editing did, in numbers: for one text in one round, and summed up over many.

Each of the `tokens` of a text is `eligible` for editing, or one of: `unknown`, it has no probability (the first token);
`not_in_place`, the text is not what its tokenizer would write there (part of a character, changed by normalization, a
special token); `protected`. `over` counts the tokens that the rules would select anywhere, `selected` those of them
that are eligible, and `changed` those that were replaced by another text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.models.prior import Floats
from winnow.storage.store import Store

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
    """Tokens that have a probability."""
    logp: float = 0.0
    """The sum of their log-probabilities."""
    deciles: list[int] = field(default_factory=lambda: [0] * DECILES)
    """How many of them have a probability in [0, .1), [.1, .2) ... [.9, 1]."""

    def add(self, counts: Mapping[str, Any]) -> None:
        """Add the counts of further texts."""
        for name in (*COUNT_FIELDS, "logp"):
            setattr(self, name, getattr(self, name) + counts[name])
        self.deciles = [a + b for a, b in zip(self.deciles, counts["deciles"], strict=True)]

    def perplexity(self) -> float | None:
        """exp of the mean negative log-probability; None without tokens, or if it is too large for a float."""
        mean = -self.logp / self.known if self.known else math.inf
        return math.exp(mean) if mean < 700 else None

    def to_dict(self) -> dict[str, Any]:
        """Counts and shares, as the summary has them."""
        shares = {f"{name}_share": _ratio(getattr(self, name), self.tokens) for name in SHARE_FIELDS}
        counts = {name: getattr(self, name) for name in ("tokens", *SHARE_FIELDS)}
        ineligible = {name: getattr(self, name) for name in ("unknown", "not_in_place", "protected")}
        return {**counts, **shares, "ineligible": ineligible, "perplexity": self.perplexity()}


SHARE_FIELDS = ("eligible", "over", "selected", "changed")
COUNT_FIELDS = tuple(count.name for count in fields(EditCounts) if count.name not in ("logp", "deciles"))
ROUND_TYPE = pa.struct(
    [*((name, pa.int64()) for name in COUNT_FIELDS), ("logp", pa.float64()), ("deciles", pa.list_(pa.int64()))]
)
TALLY_COLUMNS = ("text", "edits", "rounds", "after")
"""The columns of a store of edits that are summed up."""


def count_deciles(logprobs: Floats) -> list[int]:
    """How many probabilities are in each tenth."""
    tenth = np.minimum((np.exp(logprobs) * DECILES).astype(np.int64), DECILES - 1)
    counts: list[int] = np.bincount(tenth, minlength=DECILES).tolist()
    return counts


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass
class EditTally:
    """Sums over the rows of a result."""

    rows: int = 0
    rows_changed: int = 0
    edits: int = 0
    characters: int = 0
    characters_after: int = 0
    rounds: list[EditCounts] = field(default_factory=list)
    rows_reread: int = 0
    """Rows whose edited text was read again to measure its perplexity."""
    reread_before: EditCounts = field(default_factory=EditCounts)
    reread_after: EditCounts = field(default_factory=EditCounts)

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows that have the columns of a store."""
        for row in batch.select(TALLY_COLUMNS).to_pylist():
            self._add_row(**row)

    def _add_row(
        self, text: str | None, edits: list[Any], rounds: list[dict[str, Any]], after: dict[str, Any] | None
    ) -> None:
        self.rows += 1
        self.rows_changed += bool(edits)
        self.edits += len(edits)
        length = len(text or "")
        self.characters += length - sum(len(edit["to"]) - len(edit["from"]) for edit in edits)
        self.characters_after += length
        self.rounds += [EditCounts() for _ in rounds[len(self.rounds) :]]
        for totals, round_counts in zip(self.rounds, rounds, strict=True):
            totals.add(round_counts)
        if after is not None:
            self.rows_reread += 1
            self.reread_before.add(rounds[0])
            self.reread_after.add(vars(EditCounts(**after)))

    def to_dict(self) -> dict[str, Any]:
        """The summary: the counts of the first round, what concerns all rounds, and each round."""
        first = self.rounds[0] if self.rounds else EditCounts()
        counts = first.to_dict()
        perplexity = {
            "all_before": counts.pop("perplexity"),
            "documents": self.rows_reread,
            "before": self.reread_before.perplexity(),
            "after": self.reread_after.perplexity(),
        }
        change = _ratio(self.characters_after - self.characters, self.characters)
        return {
            "rows": self.rows,
            "rows_changed": self.rows_changed,
            "edits": self.edits,
            **counts,
            "characters": {"before": self.characters, "after": self.characters_after, "change": change},
            "perplexity": perplexity,
            "deciles": [count / first.known for count in first.deciles] if first.known else [],
            "rounds": [round_counts.to_dict() for round_counts in self.rounds or [first]],
        }


def tally_store(store: Store) -> EditTally:
    """Sum up the edits of a store."""
    tally = EditTally()
    for batch in store.batches(TALLY_COLUMNS):
        tally.add(batch)
    return tally


def describe_edits(summary: dict[str, Any]) -> list[str]:
    """The summary as lines for a person."""
    if not summary["tokens"]:
        return ["  no tokens, so nothing to edit"]
    ineligible, lengths, perplexity = (summary[name] for name in ("ineligible", "characters", "perplexity"))
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
    change = "" if lengths["change"] is None else f" ({lengths['change']:+.3%})"
    lines.append(f"  {lengths['before']:,} -> {lengths['after']:,} characters{change}")
    if perplexity["all_before"] is not None:
        reread = ""
        if perplexity["before"] is not None and perplexity["after"] is not None:
            reread = f"; of the {perplexity['documents']:,} texts that were read again"
            reread += f" {perplexity['before']:.2f} -> {perplexity['after']:.2f}"
        lines.append(f"  perplexity {perplexity['all_before']:.2f}{reread}")
    deciles = " ".join(f"{100 * share:.1f}" for share in summary["deciles"])
    return [*lines, f"  tokens by decile of their probability, low to high, in %: {deciles}"]
