"""What a verifier sees, what it says, and what it has to be.

A verdict is one of four words, and they are never mixed up: `fail` means the check was made and the answer is
wrong; `error` means the check could not be made; `abstain` means there was nothing to check. A null verdict
means that the verifier only scored.

Promises: the three columns of `Verdicts` have one entry per candidate, a verdict is one of the four words or
null, a score is finite or null. A score is higher-is-better unless the verifier's page says otherwise.
It does not judge anything itself, and knows no verifier by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import BrokenPromise


class Verdict(StrEnum):
    """What can be said of a candidate."""

    PASS = "pass"
    FAIL = "fail"
    ABSTAIN = "abstain"
    ERROR = "error"


@dataclass(frozen=True)
class Batch:
    """What a verifier sees of some candidates: columns of equal length."""

    texts: pa.StringArray  # null: the candidate has no text, so every verifier abstains
    prompts: pa.StringArray | None = None
    references: pa.Array | None = None  # text, or a list of texts any of which may match; null: the row has none
    columns: Mapping[str, Sequence[object]] = field(default_factory=dict)  # made on use; only callables read it

    def __post_init__(self) -> None:
        for name, column in (("prompts", self.prompts), ("references", self.references)):
            if column is not None and len(column) != len(self.texts):
                raise BrokenPromise(f"Batch.{name}", f"has {len(column)} rows where texts has {len(self.texts)}")

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Verdicts:
    """What a verifier says: one entry per candidate of the batch, in its order."""

    verdict: pa.StringArray
    score: pa.DoubleArray
    reason: pa.StringArray

    def __post_init__(self) -> None:
        lengths = [len(self.verdict), len(self.score), len(self.reason)]
        if len(set(lengths)) != 1:
            raise BrokenPromise("Verdicts", f"verdict, score and reason have {lengths} rows")
        unknown = pc.unique(self.verdict.filter(pc.invert(pc.is_in(self.verdict, pa.array([*Verdict, None])))))
        if len(unknown):
            raise BrokenPromise("Verdicts.verdict", f"{unknown[0].as_py()!r} is none of {', '.join(Verdict)}")
        if pc.any(pc.invert(pc.is_finite(self.score))).as_py():
            raise BrokenPromise("Verdicts.score", "a score is neither finite nor null")

    def __len__(self) -> int:
        return len(self.verdict)

    @classmethod
    def of(
        cls, verdicts: Sequence[str | None], scores: Sequence[float | None], reasons: Sequence[str | None]
    ) -> Verdicts:
        """The same from three Python sequences."""
        return cls(pa.array(verdicts, pa.string()), pa.array(scores, pa.float64()), pa.array(reasons, pa.string()))


class Verifier(Protocol):
    """Anything that judges. Ours are frozen dataclasses whose fields are their options."""

    @property
    def name(self) -> str:
        """The prefix of its columns: NAME.verdict, NAME.score, NAME.reason."""

    @property
    def version(self) -> int:
        """Raised whenever the same candidates could be judged differently."""

    @property
    def needs_reference(self) -> bool:
        """Whether it can say nothing without a reference column."""

    def config(self) -> dict[str, object]:
        """What, beside name and version, its verdicts depend on: values that JSON can hold."""

    def judge(self, batch: Batch) -> Verdicts:
        """One verdict per candidate; a crash inside is a verdict `error`, never an exception or a fail."""
