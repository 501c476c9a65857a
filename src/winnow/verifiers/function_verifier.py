"""User functions as verifiers: f(prompts, completions, **columns) -> list of bool, float or None.

This is the signature that trainers use for rewards. True passes, False fails and None abstains. A finite number is a
score, which passes if it reaches the threshold. Anything else, a crash or a list of the wrong length is an error.
Functions passed as objects run in this process; functions named by path run in `winnow.verifiers.isolated`.
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
from winnow.verifiers.options import INTERNAL, option
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
    """A verifier that calls a function."""

    version: ClassVar[int] = 1
    needs_reference: ClassVar[bool] = False

    path: str = field(metadata=INTERNAL)
    sha256: str | None = field(metadata=INTERNAL)
    registered_name: str = field(default="", metadata=INTERNAL)
    threshold: float | None = option(None, "The score from which on a candidate passes.")
    lower_is_better: bool = option(False, "Whether a candidate passes if its score does not exceed the threshold.")

    @abstractmethod
    def _requested_columns(self) -> RequestedColumns: ...

    @abstractmethod
    def _evaluate_rows(self, arguments: ColumnLists, rows: list[int]) -> list[Value]: ...

    @property
    def name(self) -> str:
        return self.registered_name or self.path.rpartition(":")[2].rpartition(".")[2]

    @property
    def where(self) -> str:
        """The argument that errors name."""
        return f"--with {self.registered_name or self.path}"

    def config(self) -> dict[str, object]:
        if self.sha256 is None:
            problem = "the source of this function cannot be found, so an edit of it would go unnoticed"
            raise UsageError(self.path, problem, "Put the function into a file")
        threshold = None if self.threshold is None else float(self.threshold)
        settings = {"path": self.path, "sha256": self.sha256, "threshold": threshold}
        return {**settings, "lower_is_better": self.lower_is_better}

    def judge(self, batch: Batch) -> Verdicts:
        texts = batch.texts.to_pylist()
        rows = [row for row, text in enumerate(texts) if text is not None]
        arguments = self._requested_columns().arguments(_AvailableColumns(batch, texts), self.where)
        row_verdicts: list[RowVerdict] = [(Verdict.ABSTAIN, None, "no text")] * len(texts)
        for row, value in zip(rows, self._evaluate_rows(arguments, rows), strict=True):
            row_verdicts[row] = self._row_verdict(value)
        verdicts, scores, reasons = zip(*row_verdicts, strict=True) if row_verdicts else ((), (), ())
        return Verdicts.of(verdicts, scores, reasons)

    def _row_verdict(self, value: Value) -> RowVerdict:
        if value is True:
            return Verdict.PASS, None, None
        if value is False:
            return Verdict.FAIL, None, None
        if value is None:
            return Verdict.ABSTAIN, None, "the function returned None"
        if isinstance(value, InvalidValue):
            return Verdict.ERROR, None, value.reason
        if self.threshold is None:
            return None, value, None
        if value <= self.threshold if self.lower_is_better else value >= self.threshold:
            return Verdict.PASS, value, None
        side = "over" if self.lower_is_better else "under"
        return Verdict.FAIL, value, f"{value:.4g} is {side} {self.threshold:.4g}"


def check_threshold(name: str, threshold: float | None, lower_is_better: bool) -> None:
    """Refuse a threshold that is not finite, and `lower_is_better` without a threshold."""
    if threshold is not None and not math.isfinite(threshold):
        raise UsageError(f"{name}.threshold", f"{threshold} is not finite")
    if lower_is_better and threshold is None:
        raise UsageError(f"{name}.lower_is_better", "has no effect, because there is no threshold", "Set threshold")


@dataclass(frozen=True, kw_only=True)
class InProcessVerifier(FunctionVerifier):
    """A verifier that calls a function in this process, without a limit on time or memory."""

    function: Function = field(repr=False, compare=False, metadata=INTERNAL)

    def __post_init__(self) -> None:
        check_threshold(self.name, self.threshold, self.lower_is_better)

    def _requested_columns(self) -> RequestedColumns:
        return RequestedColumns.from_function(self.function, self.where)

    def _evaluate_rows(self, arguments: ColumnLists, rows: list[int]) -> list[Value]:
        with current_folder_first():
            return evaluate_rows(self.function, arguments, rows)


def make_function_verifier(function: Function, settings: Mapping[str, object]) -> InProcessVerifier:
    """Make a verifier of a function; the settings have the types of their options."""
    unwrapped = function.func if isinstance(function, functools.partial) else function
    name = getattr(unwrapped, "__name__", type(unwrapped).__name__).strip("<>")
    path = f"{unwrapped.__module__}:{name}"
    check_callable(function, f"--with {path}")
    return InProcessVerifier(path=path, function=function, sha256=object_digest(unwrapped), **settings)  # type: ignore[arg-type]


class _AvailableColumns(Mapping[str, Sequence[object]]):
    """Prompts, completions and the columns of the table; a column is built only when it is read."""

    def __init__(self, batch: Batch, texts: list[str | None]) -> None:
        self._texts, self._batch = texts, batch
        own_names = ["completions"] if batch.prompts is None else ["completions", "prompts"]
        self._names = dict.fromkeys([*own_names, *batch.columns])

    def __getitem__(self, name: str) -> Sequence[object]:
        if name == "completions":
            return self._texts
        if name == "prompts" and self._batch.prompts is not None:
            return self._batch.prompts.to_pylist()  # type: ignore[no-any-return]
        return self._batch.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
