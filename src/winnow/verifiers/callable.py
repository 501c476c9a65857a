"""A function of the user as a verifier: f(prompts, completions, **columns) -> list of bool, float or None.

The signature trainers use for rewards. It is called with keywords; one that takes no ** gets only what it names.

    True, False      pass, fail
    a number         a score; pass if it reaches the threshold (with lower_is_better: if it does not exceed
                     it); without a threshold the verdict is null
    None             abstain
    anything else    error: NaN, infinity, text, lists, a crash, a list of the wrong length, no list at all

Promises: a crash is never a fail. A call that fails as a whole is repeated on halves down to single rows, so
only the rows that cause it are errors, and what a row gets does not depend on the batch it stood in (as far as
the function itself treats rows one by one). The function gets fresh lists each time. Ctrl-C stops.
It does not bound the function's time or memory: it runs in this process.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import ClassVar

import numpy as np

from winnow.data.errors import UsageError, nearest, shown
from winnow.verifiers.dotted import current_folder_first, digest_of_object, load
from winnow.verifiers.verdicts import Batch, Verdict, Verdicts

Function = Callable[..., object]
Judged = tuple[Verdict | None, float | None, str | None]

_PLACES = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True)
class _Broken:
    """Stands where a row's value should be."""

    reason: str


@dataclass(frozen=True)
class Called:
    """The verifier that asks a function; its options are the threshold and which way it counts."""

    version: ClassVar[int] = 1
    needs_reference: ClassVar[bool] = False

    path: str = field(metadata={"option": False})
    function: Function = field(repr=False, compare=False, metadata={"option": False})
    sha256: str | None = field(metadata={"option": False})
    threshold: float | None = None
    lower_is_better: bool = False

    def __post_init__(self) -> None:
        if self.threshold is not None and not math.isfinite(self.threshold):
            raise UsageError(f"{self.name}.threshold", f"{self.threshold} is not finite")
        if self.lower_is_better and self.threshold is None:
            raise UsageError(f"{self.name}.lower_is_better", "there is no threshold it could turn", "Set threshold")

    @property
    def name(self) -> str:
        return self.path.rpartition(":")[2].rpartition(".")[2]

    def config(self) -> dict[str, object]:
        if self.sha256 is None:
            problem = "its source cannot be found, so an edited function could not be told from this one"
            raise UsageError(self.path, problem, "Put the function into a file")
        threshold = None if self.threshold is None else float(self.threshold)
        return {
            "path": self.path,
            "sha256": self.sha256,
            "threshold": threshold,
            "lower_is_better": self.lower_is_better,
        }

    def judge(self, batch: Batch) -> Verdicts:
        texts = batch.texts.to_pylist()
        rows = [row for row, text in enumerate(texts) if text is not None]
        arguments = _arguments(self.function, f"--with {self.path}", _offered(batch, texts))
        judged: list[Judged] = [(Verdict.ABSTAIN, None, "no text")] * len(texts)
        with current_folder_first():
            for row, value in zip(rows, _values(self.function, arguments, rows), strict=True):
                judged[row] = self._judged(value)
        return Verdicts.of(
            [said for said, _, _ in judged], [score for _, score, _ in judged], [why for _, _, why in judged]
        )

    def _judged(self, value: object) -> Judged:
        if isinstance(value, _Broken):
            return Verdict.ERROR, None, value.reason
        if value is None:
            return Verdict.ABSTAIN, None, "the function returned None"
        if isinstance(value, bool | np.bool_):
            return (Verdict.PASS if value else Verdict.FAIL), None, None
        if not isinstance(value, Real):
            return Verdict.ERROR, None, f"the function returned {type(value).__name__}: {_seen(value)}"
        return self._scored(value)

    def _scored(self, value: Real) -> Judged:
        try:
            score = float(value)
        except (OverflowError, ValueError) as error:
            return Verdict.ERROR, None, f"the function returned a number no float holds: {error}"
        if not math.isfinite(score):
            return Verdict.ERROR, None, f"the function returned {score}"
        if self.threshold is None:
            return None, score, None
        passed = score <= self.threshold if self.lower_is_better else score >= self.threshold
        if passed:
            return Verdict.PASS, score, None
        side = "over" if self.lower_is_better else "under"
        return Verdict.FAIL, score, f"{score:.4g} is {side} {self.threshold:.4g}"


def called(function: Function | str, settings: Mapping[str, object]) -> Called:
    """The verifier of a function, given itself or by dotted path; settings are typed already."""
    if isinstance(function, str):
        found = load(function, f"--with {function}")
        target, path, sha256 = found.target, function, found.sha256
        path = path if ":" in path else ":".join(path.rsplit(".", 1))
    else:
        inner = function.func if isinstance(function, functools.partial) else function
        name = getattr(inner, "__name__", type(inner).__name__).strip("<>")
        target, path, sha256 = function, f"{inner.__module__}:{name}", digest_of_object(inner)
    where = f"--with {path}"
    if not callable(target) or inspect.isclass(target):
        raise UsageError(where, f"it is {_a(target)}, not a function", "Name a function or an object with __call__")
    called_as = target if inspect.isroutine(target) else type(target).__call__
    for async_kind in (inspect.iscoroutinefunction, inspect.isasyncgenfunction):
        if async_kind(target) or async_kind(called_as):
            raise UsageError(where, "it is an async function", "Give a plain one: it may call asyncio.run inside")
    return Called(path, target, sha256, **settings)  # type: ignore[arg-type]


def _a(target: object) -> str:
    return "a class" if inspect.isclass(target) else f"of type {type(target).__name__}"


def _offered(batch: Batch, texts: list[str | None]) -> Mapping[str, Sequence[object]]:
    ours: dict[str, Sequence[object]] = {"completions": texts}
    if batch.prompts is not None:
        ours["prompts"] = batch.prompts.to_pylist()
    return _Offered(ours, batch.columns)


class _Offered(Mapping[str, Sequence[object]]):
    """Prompts, completions and the table's columns; a column is made only when it is asked for."""

    def __init__(self, ours: Mapping[str, Sequence[object]], columns: Mapping[str, Sequence[object]]) -> None:
        self._ours, self._columns = ours, columns

    def __getitem__(self, name: str) -> Sequence[object]:
        return self._ours[name] if name in self._ours else self._columns[name]

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(dict.fromkeys([*self._ours, *self._columns]))

    def __len__(self) -> int:
        return len(self._ours.keys() | self._columns.keys())


def _arguments(function: Function, where: str, offered: Mapping[str, Sequence[object]]) -> dict[str, Sequence[object]]:
    """What the function is called with, checked before it is."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise UsageError(where, "its parameters cannot be read", "Wrap it in a function of your own") from None
    if any(p.kind is p.POSITIONAL_ONLY and p.default is p.empty for p in parameters):
        raise UsageError(where, "it has positional-only parameters", "It is called with keywords: leave out the '/'")
    named = [p for p in parameters if p.kind in _PLACES]
    for parameter in named:
        if parameter.default is parameter.empty and parameter.name not in offered:
            problem = f"the function needs {shown(parameter.name)}, which the table has no column for"
            raise UsageError(where, problem, nearest(parameter.name, offered))
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return dict(offered)
    return {p.name: offered[p.name] for p in named if p.name in offered}


def _values(function: Function, arguments: Mapping[str, Sequence[object]], rows: list[int]) -> list[object]:
    """One value per row: a call that fails as a whole is split until it is one row that fails."""
    values: dict[int, object] = {}
    parts = [rows] if rows else []
    while parts:
        part = parts.pop()
        answer = _answer(
            function, {name: [column[row] for row in part] for name, column in arguments.items()}, len(part)
        )
        if not isinstance(answer, _Broken):
            values.update(zip(part, answer, strict=True))
        elif len(part) == 1:
            values[part[0]] = answer
        else:
            half = len(part) // 2
            parts += [part[half:], part[:half]]
    return [values[row] for row in rows]


def _answer(function: Function, arguments: dict[str, list[object]], rows: int) -> list[object] | _Broken:
    """The list a call returns; KeyboardInterrupt alone is let through."""
    try:
        returned = function(**arguments)
        answer = returned.tolist() if hasattr(returned, "tolist") else returned
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, and panics of extension modules, are the row's error too
        return _Broken(f"{type(error).__name__}: {_seen(error)}")
    if inspect.iscoroutine(answer):
        answer.close()
    if not isinstance(answer, list | tuple):
        return _Broken(f"the function returned {type(returned).__name__}, not a list")
    if len(answer) != rows:
        return _Broken(f"the function returned {len(answer)} values for {rows} row{'s' * (rows != 1)}")
    return list(answer)


def _seen(value: object) -> str:
    """A value or message from foreign code, which may fail even at being shown."""
    try:
        return shown(str(value)).strip("'") if isinstance(value, BaseException) else shown(value)
    except Exception:
        return "it cannot be shown"
