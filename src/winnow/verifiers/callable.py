"""A function of the user as a verifier: f(prompts, completions, **columns) -> list of bool, float or None.

The signature trainers use for rewards.

    True, False      pass, fail
    a number         a score; pass if it reaches the threshold (with lower_is_better: if it does not exceed
                     it); without a threshold the verdict is null
    None             abstain
    anything else    error: NaN, infinity, text, lists, a crash, a list of the wrong length, no list at all

Promises: a crash is never a fail, and what a row gets does not depend on the batch it stood in (as far as the
function itself treats rows one by one). Ctrl-C stops.
`Called` does not bound the function's time or memory: it runs in this process. A function named by dotted path
runs in a process of its own instead (guarded/).
"""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from winnow.data.errors import UsageError
from winnow.verifiers.dotted import current_folder_first, digest_of_object
from winnow.verifiers.functions import Asks, Broken, Columns, Function, Value, refuse_unfit, values
from winnow.verifiers.verdicts import Batch, Verdict, Verdicts

Judged = tuple[Verdict | None, float | None, str | None]


@dataclass(frozen=True, kw_only=True)
class OfFunction(ABC):
    """A verifier that asks a function; its options are the threshold and which way it counts."""

    version: ClassVar[int] = 1
    needs_reference: ClassVar[bool] = False

    path: str = field(metadata={"option": False})
    sha256: str | None = field(metadata={"option": False})
    threshold: float | None = None
    lower_is_better: bool = False

    @abstractmethod
    def _asks(self) -> Asks:
        """The columns the function asks for."""

    @abstractmethod
    def _values(self, arguments: Columns, rows: list[int]) -> list[Value]:
        """What the function says of these rows."""

    @abstractmethod
    def _limits(self) -> dict[str, object]:
        """What bounds the function; part of the configuration, because a row over a limit is an error."""

    @property
    def name(self) -> str:
        return self.path.rpartition(":")[2].rpartition(".")[2]

    @property
    def where(self) -> str:
        """The argument an error points at."""
        return f"--with {self.path}"

    def config(self) -> dict[str, object]:
        if self.sha256 is None:
            problem = "its source cannot be found, so an edited function could not be told from this one"
            raise UsageError(self.path, problem, "Put the function into a file")
        threshold = None if self.threshold is None else float(self.threshold)
        stated = {"path": self.path, "sha256": self.sha256, "threshold": threshold}
        return {**stated, "lower_is_better": self.lower_is_better, **self._limits()}

    def judge(self, batch: Batch) -> Verdicts:
        texts = batch.texts.to_pylist()
        rows = [row for row, text in enumerate(texts) if text is not None]
        arguments = self._asks().arguments(_Offered(batch, texts), self.where)
        judged: list[Judged] = [(Verdict.ABSTAIN, None, "no text")] * len(texts)
        for row, value in zip(rows, self._values(arguments, rows), strict=True):
            judged[row] = self._judged(value)
        return Verdicts.of(
            [said for said, _, _ in judged], [score for _, score, _ in judged], [why for _, _, why in judged]
        )

    def _judged(self, value: Value) -> Judged:
        if value is True:
            return Verdict.PASS, None, None
        if value is False:
            return Verdict.FAIL, None, None
        if value is None:
            return Verdict.ABSTAIN, None, "the function returned None"
        return (Verdict.ERROR, None, value.reason) if isinstance(value, Broken) else self._scored(value)

    def _scored(self, score: float) -> Judged:
        if self.threshold is None:
            return None, score, None
        passed = score <= self.threshold if self.lower_is_better else score >= self.threshold
        if passed:
            return Verdict.PASS, score, None
        side = "over" if self.lower_is_better else "under"
        return Verdict.FAIL, score, f"{score:.4g} is {side} {self.threshold:.4g}"


def refuse_threshold(name: str, threshold: float | None, lower_is_better: bool) -> None:
    """A threshold is a number scores can be compared with, and only a threshold can be turned."""
    if threshold is not None and not math.isfinite(threshold):
        raise UsageError(f"{name}.threshold", f"{threshold} is not finite")
    if lower_is_better and threshold is None:
        raise UsageError(f"{name}.lower_is_better", "there is no threshold it could turn", "Set threshold")


@dataclass(frozen=True, kw_only=True)
class Called(OfFunction):
    """Asks a function that was given itself, in this process."""

    function: Function = field(repr=False, compare=False, metadata={"option": False})

    def __post_init__(self) -> None:
        refuse_threshold(self.name, self.threshold, self.lower_is_better)

    def _asks(self) -> Asks:
        return Asks.of(self.function, self.where)

    def _values(self, arguments: Columns, rows: list[int]) -> list[Value]:
        with current_folder_first():
            return values(self.function, arguments, rows)

    def _limits(self) -> dict[str, object]:
        return {}


def called(function: Function, settings: Mapping[str, object]) -> Called:
    """The verifier of a function given itself; settings are typed already."""
    inner = function.func if isinstance(function, functools.partial) else function
    name = getattr(inner, "__name__", type(inner).__name__).strip("<>")
    path = f"{inner.__module__}:{name}"
    refuse_unfit(function, f"--with {path}")
    return Called(path=path, function=function, sha256=digest_of_object(inner), **settings)  # type: ignore[arg-type]


class _Offered(Mapping[str, Sequence[object]]):
    """Prompts, completions and the table's columns; a column is made only when it is asked for."""

    def __init__(self, batch: Batch, texts: list[str | None]) -> None:
        self._texts, self._prompts, self._columns = texts, batch.prompts, batch.columns
        ours = ["completions"] if batch.prompts is None else ["completions", "prompts"]
        self._names = dict.fromkeys([*ours, *batch.columns])

    def __getitem__(self, name: str) -> Sequence[object]:
        if name == "completions":
            return self._texts
        if name == "prompts" and self._prompts is not None:
            return self._prompts.to_pylist()  # type: ignore[no-any-return]
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
