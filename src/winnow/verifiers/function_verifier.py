"""User functions as verifiers: f(prompts, completions, **columns) -> list of bool, float or None.

This is the signature that trainers use for rewards. True passes, False fails and None abstains. A finite number is a
score, which passes if it reaches the threshold. Anything else, a crash or a list of the wrong length is an error.

A function that is passed as an object runs in this process. One that is named by its path runs in a process of its own,
so that a crash, a hang or a memory limit ends no run: only the row that caused it becomes an error. That is not a
sandbox: the function has the rights, files and network of the user.
"""

from __future__ import annotations

import functools
import math
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from winnow.errors import UsageError
from winnow.verifiers.dotted_path import current_folder_first, object_digest
from winnow.verifiers.isolated.calls import WorkerCaller
from winnow.verifiers.isolated.worker import WorkerSpec
from winnow.verifiers.options import INTERNAL, option
from winnow.verifiers.user_functions import (
    ColumnLists,
    Function,
    InvalidValue,
    LoadedFunction,
    RequestedColumns,
    Value,
    check_callable,
    evaluate_rows,
)
from winnow.verifiers.verdicts import Batch, Verdict, Verdicts

RowVerdict = tuple[Verdict | None, float | None, str | None]


class InProcessCaller:
    """Calls one function in this process, without a limit on time or memory."""

    def __init__(self, function: Function, loaded: LoadedFunction) -> None:
        self._function, self.loaded = function, loaded

    def evaluate_rows(self, arguments: ColumnLists, rows: list[int]) -> list[Value]:
        """Return the value of the function on each of these rows of the columns."""
        with current_folder_first():
            return evaluate_rows(self._function, arguments, rows)


@dataclass(frozen=True, kw_only=True)
class FunctionVerifier:
    """A verifier that calls a function."""

    version: ClassVar[int] = 1
    needs_reference: ClassVar[bool] = False

    path: str = field(metadata=INTERNAL)
    registered_name: str = field(default="", metadata=INTERNAL)
    caller: InProcessCaller | WorkerCaller = field(repr=False, compare=False, metadata=INTERNAL)
    threshold: float | None = option(None, "The score from which on a candidate passes.")
    lower_is_better: bool = option(False, "Whether a candidate passes if its score does not exceed the threshold.")

    def __post_init__(self) -> None:
        if self.threshold is not None and not math.isfinite(self.threshold):
            raise UsageError(f"{self.name}.threshold", f"{self.threshold} is not finite")
        if self.lower_is_better and self.threshold is None:
            problem = "has no effect, because there is no threshold"
            raise UsageError(f"{self.name}.lower_is_better", problem, "Set threshold")

    @property
    def name(self) -> str:
        return self.registered_name or short_name(self.path)

    @property
    def where(self) -> str:
        """The argument that errors name."""
        return f"--with {self.registered_name or self.path}"

    def config(self) -> dict[str, object]:
        path, sha256 = self.path, self.caller.loaded.sha256
        if sha256 is None:
            problem = "the source of this function cannot be found, so an edit of it would go unnoticed"
            raise UsageError(path, problem, "Put the function into a file")
        path = path if ":" in path else ":".join(path.rsplit(".", 1))
        threshold = None if self.threshold is None else float(self.threshold)
        return {"path": path, "sha256": sha256, "threshold": threshold, "lower_is_better": self.lower_is_better}

    def judge(self, batch: Batch) -> Verdicts:
        texts = batch.texts.to_pylist()
        rows = [row for row, text in enumerate(texts) if text is not None]
        prompts: dict[str, Any] = {} if batch.prompts is None else {"prompts": batch.prompts}
        available = ChainMap({"completions": texts, **prompts}, batch.columns)  # type: ignore[arg-type]
        arguments = self.caller.loaded.columns.arguments(available, self.where)
        if prompts and "prompts" in arguments:  # converted only if the function reads them
            arguments["prompts"] = batch.prompts.to_pylist()  # type: ignore[union-attr]
        row_verdicts: list[RowVerdict] = [(Verdict.ABSTAIN, None, "no text")] * len(texts)
        for row, value in zip(rows, self.caller.evaluate_rows(arguments, rows), strict=True):
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


@dataclass(frozen=True, kw_only=True)
class IsolatedVerifier(FunctionVerifier):
    """A verifier that calls a Python function in an isolated process."""

    caller: WorkerCaller = field(init=False, repr=False, compare=False, metadata=INTERNAL)
    seconds: float = option(60.0, "The time limit of one call, in seconds.")
    memory_gb: float = option(4.0, "The memory limit of the process, in gigabytes.")

    def __post_init__(self) -> None:
        for limit, value in (("seconds", self.seconds), ("memory_gb", self.memory_gb)):
            if not (math.isfinite(value) and value > 0):
                raise UsageError(f"{self.name}.{limit}", f"{value:g} is not a finite number above 0")
        super().__post_init__()
        spec = WorkerSpec(self.path, self.where, str(Path.cwd()), self.seconds, self.memory_gb)
        object.__setattr__(self, "caller", WorkerCaller(spec))

    def config(self) -> dict[str, object]:
        return {**super().config(), "seconds": float(self.seconds), "memory_gb": float(self.memory_gb)}

    def close(self) -> None:
        """End the process; judging again starts another."""
        self.caller.end()


def make_function_verifier(function: Function, settings: Mapping[str, Any]) -> FunctionVerifier:
    """Make a verifier of a function object; the settings have the types of their options."""
    unwrapped = function.func if isinstance(function, functools.partial) else function
    path = f"{unwrapped.__module__}:{getattr(unwrapped, '__name__', type(unwrapped).__name__).strip('<>')}"
    where = f"--with {path}"
    check_callable(function, where)
    loaded = LoadedFunction(object_digest(unwrapped), RequestedColumns.from_function(function, where))
    return FunctionVerifier(path=path, caller=InProcessCaller(function, loaded), **settings)


def short_name(path: str) -> str:
    """Return the name of the function that a dotted path ends with."""
    return path.replace(":", ".").rpartition(".")[2]
