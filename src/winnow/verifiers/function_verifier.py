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

from winnow.errors import UsageError
from winnow.verifiers.dotted_path import current_folder_first, object_digest
from winnow.verifiers.user_functions import (
    ColumnLists,
    Function,
    InvalidValue,
    RequestedColumns,
    Value,
    check_callable,
    evaluate_rows,
)
from winnow.verifiers.verdicts import Batch, Verdict, Verdicts

RowVerdict = tuple[Verdict | None, float | None, str | None]


@dataclass(frozen=True, kw_only=True)
class FunctionVerifier(ABC):
    """A verifier that asks a function; its options are the threshold and which way it counts."""

    version: ClassVar[int] = 1
    needs_reference: ClassVar[bool] = False

    path: str = field(metadata={"option": False})
    sha256: str | None = field(metadata={"option": False})
    threshold: float | None = None
    lower_is_better: bool = False

    @abstractmethod
    def _requested_columns(self) -> RequestedColumns:
        """The columns the function asks for."""

    @abstractmethod
    def _evaluate_rows(self, arguments: ColumnLists, rows: list[int]) -> list[Value]:
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
        settings = {"path": self.path, "sha256": self.sha256, "threshold": threshold}
        return {**settings, "lower_is_better": self.lower_is_better, **self._limits()}

    def judge(self, batch: Batch) -> Verdicts:
        texts = batch.texts.to_pylist()
        rows = [row for row, text in enumerate(texts) if text is not None]
        arguments = self._requested_columns().arguments(_AvailableColumns(batch, texts), self.where)
        row_verdicts: list[RowVerdict] = [(Verdict.ABSTAIN, None, "no text")] * len(texts)
        for row, value in zip(rows, self._evaluate_rows(arguments, rows), strict=True):
            row_verdicts[row] = self._row_verdict(value)
        return Verdicts.of(
            [verdict for verdict, _, _ in row_verdicts],
            [score for _, score, _ in row_verdicts],
            [why for _, _, why in row_verdicts],
        )

    def _row_verdict(self, value: Value) -> RowVerdict:
        if value is True:
            return Verdict.PASS, None, None
        if value is False:
            return Verdict.FAIL, None, None
        if value is None:
            return Verdict.ABSTAIN, None, "the function returned None"
        return (Verdict.ERROR, None, value.reason) if isinstance(value, InvalidValue) else self._score_verdict(value)

    def _score_verdict(self, score: float) -> RowVerdict:
        if self.threshold is None:
            return None, score, None
        passed = score <= self.threshold if self.lower_is_better else score >= self.threshold
        if passed:
            return Verdict.PASS, score, None
        side = "over" if self.lower_is_better else "under"
        return Verdict.FAIL, score, f"{score:.4g} is {side} {self.threshold:.4g}"


def check_threshold(name: str, threshold: float | None, lower_is_better: bool) -> None:
    """A threshold is a number scores can be compared with, and only a threshold can be turned."""
    if threshold is not None and not math.isfinite(threshold):
        raise UsageError(f"{name}.threshold", f"{threshold} is not finite")
    if lower_is_better and threshold is None:
        raise UsageError(f"{name}.lower_is_better", "there is no threshold it could turn", "Set threshold")


@dataclass(frozen=True, kw_only=True)
class InProcessVerifier(FunctionVerifier):
    """Asks a function that was given itself, in this process."""

    function: Function = field(repr=False, compare=False, metadata={"option": False})

    def __post_init__(self) -> None:
        check_threshold(self.name, self.threshold, self.lower_is_better)

    def _requested_columns(self) -> RequestedColumns:
        return RequestedColumns.from_function(self.function, self.where)

    def _evaluate_rows(self, arguments: ColumnLists, rows: list[int]) -> list[Value]:
        with current_folder_first():
            return evaluate_rows(self.function, arguments, rows)

    def _limits(self) -> dict[str, object]:
        return {}


def make_function_verifier(function: Function, settings: Mapping[str, object]) -> InProcessVerifier:
    """The verifier of a function given itself; settings are typed already."""
    unwrapped = function.func if isinstance(function, functools.partial) else function
    name = getattr(unwrapped, "__name__", type(unwrapped).__name__).strip("<>")
    path = f"{unwrapped.__module__}:{name}"
    check_callable(function, f"--with {path}")
    return InProcessVerifier(path=path, function=function, sha256=object_digest(unwrapped), **settings)  # type: ignore[arg-type]


class _AvailableColumns(Mapping[str, Sequence[object]]):
    """Prompts, completions and the table's columns; a column is made only when it is asked for."""

    def __init__(self, batch: Batch, texts: list[str | None]) -> None:
        self._texts, self._prompts, self._columns = texts, batch.prompts, batch.columns
        own_names = ["completions"] if batch.prompts is None else ["completions", "prompts"]
        self._names = dict.fromkeys([*own_names, *batch.columns])

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
