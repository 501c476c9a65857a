"""Labels by several people: the majority counts, agreement is shown, and what label errors do to a card.

A row whose labels tie has no label and is counted. What errors do is worked out under one assumption, which is said:
that people err independently of each other, of the truth and of the verifier.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from winnow.stages.decide.evidence import Evidence
from winnow.stages.decide.prompts import Floats
from winnow.stats.evidence import Counts, Drawn, How, Integers, Labeled
from winnow.stats.labelers import Agreement, ManyLabels, agreement, corrected
from winnow.stats.words import around
from winnow.stats.words import names as names_of

ASSUMPTION = "if they err independently of each other, of the truth and of the verifier"


@dataclass(frozen=True)
class People:
    """Who labeled, and the column of each; `label` is what the label is called."""

    label: str
    names: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Settled:
    """How people agreed, how many rows tied, and of how many labels each remaining row's label is the majority."""

    people: People
    found: Agreement
    ties: int
    labels: dict[int, int]

    def beside(self, counts: Counts, labeled: Labeled, rows: Integers, how: How) -> tuple[dict[str, Any], str]:
        """As JSON and in words, with what label errors do to a card of these labeled rows."""
        numbers = np.array([self.labels[int(row)] for row in rows], np.int64)
        free = corrected(counts, labeled, self.found, numbers, how) if len(numbers) else None
        plain = {
            "names": list(self.people.names),
            **self.found.plain(),
            "ties": self.ties,
            "assumption": ASSUMPTION,
            "corrected": None if free is None else free.plain(),
        }
        line = self.found.words() + (f" · {self.ties:,} rows tie and count as unlabeled" if self.ties else "")
        if free is not None and free.phi.value is not None and free.psi.value is not None:
            called = names_of(how.judge)
            line += (
                f"\n{ASSUMPTION}, labels go wrong on {free.error:.1%} of rows, and freed of that the verifier keeps"
                f" {around(free.phi)} of {called.right} and lets {around(free.psi)} of {called.wrong} through"
            )
        elif how.drawn is Drawn.BY_LABEL:
            line += "\nlabels drawn by label are not freed of label errors"
        return plain, line


def settled(evidence: Evidence, people: People, right_of: Callable[[str, Floats], Floats]) -> tuple[Evidence, Settled]:
    """The evidence with the majority as its only label, without the rows that tie."""
    said = np.stack([right_of(people.label, evidence.label[column]) for column in people.columns])
    given = np.isfinite(said)
    found = agreement(_many(said, evidence.prompt))
    count, right = given.sum(axis=0), np.where(given, said, 0.0).sum(axis=0)
    decided = 2 * right != count
    majority = (2 * right > count).astype(np.float64)
    kept = evidence.take(decided)
    labels = dict(zip(kept.row.tolist(), count[decided].tolist(), strict=True))
    return replace(kept, label={people.label: majority[decided]}), Settled(people, found, int((~decided).sum()), labels)


def _many(said: Floats, prompt: Integers) -> ManyLabels:
    labeler, row = np.nonzero(np.isfinite(said))
    return ManyLabels(row, labeler, said[labeler, row] > 0.5, prompt[row])
