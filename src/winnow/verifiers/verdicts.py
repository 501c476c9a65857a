"""The data a verifier receives and returns, and the protocol a verifier follows.

The verdict `fail` means that the check was made and the answer is wrong, `error` that the check could not be made, and
`abstain` that there was nothing to check. A null verdict means that the verifier only gave a score.
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
    """The verdict on one candidate."""

    PASS = "pass"
    FAIL = "fail"
    ABSTAIN = "abstain"
    ERROR = "error"


@dataclass(frozen=True)
class Batch:
    """Some candidates to judge, as columns of equal length.

    Attributes:
        texts: The candidates; null where a candidate has no text, on which every verifier abstains.
        prompts: The prompts as text.
        references: A text, or a list of texts any of which may match; null where a row has no reference.
        columns: All columns of the table by name, read on demand; only user functions see them.
    """

    texts: pa.StringArray
    prompts: pa.StringArray | None = None
    references: pa.Array | None = None
    columns: Mapping[str, Sequence[object]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, column in (("prompts", self.prompts), ("references", self.references)):
            if column is not None and len(column) != len(self.texts):
                raise BrokenPromise(f"Batch.{name}", f"has {len(column)} rows, but texts has {len(self.texts)}")

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Verdicts:
    """Verdict, score and reason of each candidate of a batch, in its order.

    A verdict is one of the four values of `Verdict` or null, and a score is finite or null. Higher scores are better
    unless the verifier says otherwise.
    """

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
        """Make verdicts from three Python sequences."""
        return cls(pa.array(verdicts, pa.string()), pa.array(scores, pa.float64()), pa.array(reasons, pa.string()))


class Verifier(Protocol):
    """Anything that judges candidates; the built-in verifiers are frozen dataclasses whose fields are their options.

    A verifier with the attribute `reads_columns = False` never looks at `Batch.columns`, and the other columns of the
    table are then not read at all.
    """

    @property
    def name(self) -> str:
        """The prefix of its columns: NAME.verdict, NAME.score, NAME.reason."""

    @property
    def version(self) -> int:
        """A number to raise whenever the same candidates could be judged differently."""

    @property
    def needs_reference(self) -> bool:
        """Whether it can judge nothing without a reference column."""

    def config(self) -> dict[str, object]:
        """Everything besides name and version that its verdicts depend on, as values that JSON can hold."""

    def judge(self, batch: Batch) -> Verdicts:
        """Judge each candidate; a crash inside becomes the verdict `error`, never an exception or a fail."""
