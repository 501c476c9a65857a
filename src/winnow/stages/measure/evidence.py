"""The evidence about verifiers: counts of their verdicts, labeled rows, and sums by prompt.

It is the same whether a table is read in one pass or summarized shard by shard, in any order. Reading is the work of
`evidence_reader`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from winnow.stages.labels import Booleans, Floats

Codes = npt.NDArray[np.int8]
Integers = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]
SliceName = str | None
"""The name of a slice; None is the whole table."""

KEPT, DROPPED, ABSTAIN, ERROR, NO_VERDICT = 1, 0, -1, -2, -3
VERDICT_CODES = (NO_VERDICT, ERROR, ABSTAIN, DROPPED, KEPT)


@dataclass(frozen=True)
class EvidenceRequest:
    """What to read: columns of verdicts or a score with its threshold, and columns of labels, slices and answers.

    With `stable_keys`, rows without a prompt get a key that does not depend on their place in the table.
    """

    verdicts: tuple[str, ...]
    labels: tuple[str, ...]
    score: str | None = None
    threshold: float | None = None
    lower_is_better: bool = False
    by: str | None = None
    answer: str | None = None
    stable_keys: bool = False

    def verifier_names(self) -> list[str]:
        """What the verifiers are called."""
        if self.score is not None:
            side = "<=" if self.lower_is_better else ">="
            return [f"{self.score} {side} {self.threshold:g}"]
        return [name.removesuffix(".verdict") for name in self.verdicts]


@dataclass(frozen=True, eq=False)
class LabeledEvidence:
    """The labeled rows, as arrays whose last axis is the row.

    `key` is the prompt, or a key of the row where the table has no prompts, and `prompt` its code, which
    `finish_evidence` assigns. `verdict` has a line of codes per verifier, `label` a line per label column (NaN where
    one is missing). `drawn` is the chance with which a plan drew the row. The other arrays count rows of the row's
    prompt, in the table and in the row's slice: kept and decided ones by verifier, and all; None without prompts.
    """

    row: Integers
    key: Objects
    prompt: Integers
    verdict: Codes
    label: Floats
    drawn: Floats
    slice: Objects
    answer: Objects
    prompt_kept: Floats | None = None
    prompt_decided: Floats | None = None
    prompt_rows: Floats | None = None
    slice_kept: Floats | None = None
    slice_decided: Floats | None = None

    def take(self, rows: Booleans | npt.NDArray[np.intp]) -> LabeledEvidence:
        """Some of the rows."""
        known = {name: values for name, values in vars(self).items() if values is not None}
        return replace(self, **{name: values[..., rows] for name, values in known.items()})


def concatenate_labeled(parts: Sequence[LabeledEvidence]) -> LabeledEvidence:
    """The rows of several parts, in their order."""
    columns = {field.name: [getattr(part, field.name) for part in parts] for field in fields(LabeledEvidence)}
    known = {name: arrays for name, arrays in columns.items() if not any(array is None for array in arrays)}
    return LabeledEvidence(**{name: np.concatenate(arrays, axis=-1) for name, arrays in known.items()})


@dataclass(frozen=True)
class PromptSums:
    """Sums over the prompts of a table or slice for one verifier, in whole numbers, so that their order is no matter.

    Attributes:
        numbers: The prompts with a decided row, then the sums over all prompts of k, d, k k, k d and d d, where k rows
            of a prompt are kept and d decided.
        with_kept: How many prompts have 0, 1, 2 ... kept rows.
    """

    numbers: tuple[int, ...] = (0, 0, 0, 0, 0, 0)
    with_kept: dict[int, int] = field(default_factory=dict)

    @classmethod
    def from_counts(cls, kept: Floats, decided: Floats) -> PromptSums:
        """The sums from the kept and the decided rows of each prompt."""
        k, d = kept.astype(np.int64), decided.astype(np.int64)
        numbers = ((d > 0).sum(), k.sum(), d.sum(), (k * k).sum(), (k * d).sum(), (d * d).sum())
        with_kept = {number: count for number, count in enumerate(np.bincount(k).tolist()) if count}
        return cls(tuple(int(number) for number in numbers), with_kept)

    @property
    def prompts(self) -> int:
        """The prompts with a decided row."""
        return self.numbers[0]

    def spread(self) -> float:
        """The sum over prompts of (k - P d)^2, where P is the share of decided rows that are kept."""
        _, k, d, kk, kd, dd = self.numbers
        return float(Fraction(kk * d**2 - 2 * k * d * kd + k**2 * dd, d**2)) if d else 0.0

    def add(self, other: PromptSums) -> PromptSums:
        """The sums over both; no prompt may be in both."""
        numbers = tuple(one + more for one, more in zip(self.numbers, other.numbers, strict=True))
        with_kept = Counter(self.with_kept) + Counter(other.with_kept)
        return PromptSums(numbers, dict(sorted(with_kept.items())))


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a table, or a shard with all candidates of its prompts, says about its verifiers.

    `counts` says for each slice how many rows have each of `VERDICT_CODES`, by verifier. `sums` has the sums by prompt
    for each slice and verifier, and is empty where the table has no prompts.
    """

    verifiers: tuple[str, ...]
    labels: tuple[str, ...]
    counts: dict[SliceName, Integers]
    sums: dict[SliceName, list[PromptSums]]
    labeled: LabeledEvidence


def merge_evidence(left: Evidence, right: Evidence) -> Evidence:
    """The evidence of two parts of a table that have no prompt in common."""
    counts, sums = dict(left.counts), dict(left.sums)
    for name, numbers in right.counts.items():
        counts[name] = counts[name] + numbers if name in counts else numbers
    for name, more in right.sums.items():
        sums[name] = [one.add(other) for one, other in zip(sums[name], more, strict=True)] if name in sums else more
    return replace(left, counts=counts, sums=sums, labeled=concatenate_labeled([left.labeled, right.labeled]))


def finish_evidence(evidence: Evidence) -> Evidence:
    """Sort labeled rows by number and slices by name, and give the prompts their codes."""
    labeled = evidence.labeled.take(np.argsort(evidence.labeled.row, kind="stable"))
    keys = labeled.key.tolist()
    codes = {key: code for code, key in enumerate(dict.fromkeys(keys))}
    slices: list[SliceName] = [None, *sorted(name for name in evidence.counts if name is not None)]
    return replace(
        evidence,
        counts={name: evidence.counts[name] for name in slices},
        sums={name: evidence.sums[name] for name in slices if evidence.sums},
        labeled=replace(labeled, prompt=np.array([codes[key] for key in keys], np.int64)),
    )
