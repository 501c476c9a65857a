"""Calls of user functions: the columns they need, the call itself, and the check of the values they return.

What a function raises becomes an `InvalidValue`, except for KeyboardInterrupt; time and memory are not limited here.
Every worker process imports this module, so it must stay cheap to import.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

from winnow.errors import UsageError, format_value, suggest_name

Function = Callable[..., object]
ColumnLists = Mapping[str, Sequence[object]]

_KEYWORD_KINDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True)
class InvalidValue:
    """The reason why there is no value for a row."""

    reason: str


Value = bool | float | None | InvalidValue


@dataclass(frozen=True)
class RequestedColumns:
    """The columns that a function names as parameters; `accepts_any` if it takes `**`."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    accepts_any: bool = False

    @classmethod
    def from_function(cls, function: Function, where: str) -> RequestedColumns:
        """Read the columns from the signature; a function that cannot be called with keywords is refused."""
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):
            problem = "the parameters of the function cannot be read"
            raise UsageError(where, problem, "Wrap it in a Python function") from None
        if any(p.kind is p.POSITIONAL_ONLY and p.default is p.empty for p in parameters):
            problem = "the function has positional-only parameters"
            raise UsageError(where, problem, "It is called with keywords: remove the '/'")
        by_keyword = [p for p in parameters if p.kind in _KEYWORD_KINDS]
        return cls(
            tuple(p.name for p in by_keyword if p.default is p.empty),
            tuple(p.name for p in by_keyword if p.default is not p.empty),
            any(p.kind is p.VAR_KEYWORD for p in parameters),
        )

    def arguments(self, available: ColumnLists, where: str) -> dict[str, Sequence[object]]:
        """Select the keyword arguments for the function; a missing column is refused."""
        for name in self.required:
            if name not in available:
                problem = f"the function needs the column {format_value(name)}, which the table does not have"
                raise UsageError(where, problem, suggest_name(name, available))
        if self.accepts_any:
            return dict(available)
        return {name: available[name] for name in (*self.required, *self.optional) if name in available}


@dataclass(frozen=True)
class LoadedFunction:
    """The digest of the function's source, and the columns it needs."""

    sha256: str | None
    columns: RequestedColumns


def check_callable(target: object, where: str) -> None:
    """Refuse everything but functions and callable objects that are not async."""
    if not callable(target) or inspect.isclass(target):
        kind = "a class" if inspect.isclass(target) else f"of type {type(target).__name__}"
        raise UsageError(where, f"it is {kind}, not a function", "Name a function or an object with __call__")
    callee = target if inspect.isroutine(target) else type(target).__call__
    for async_kind in (inspect.iscoroutinefunction, inspect.isasyncgenfunction):
        if async_kind(target) or async_kind(callee):
            raise UsageError(where, "it is an async function", "Write a plain function, which may call asyncio.run")


def evaluate_rows(function: Function, arguments: ColumnLists, rows: Sequence[int]) -> list[Value]:
    """Return one value per row; a call that fails as a whole is split until single rows fail."""
    values: list[Value] = []
    parts = [rows] if rows else []
    while parts:
        part = parts.pop()
        answer = _call_once(function, {name: take_rows(column, part) for name, column in arguments.items()}, len(part))
        if not isinstance(answer, InvalidValue):
            values += _to_values(answer)
        elif len(part) == 1:
            values.append(answer)
        else:
            half = len(part) // 2
            parts += [part[half:], part[:half]]
    return values


def take_rows(column: Sequence[object], rows: Sequence[int]) -> list[object]:
    """Copy the given rows, in ascending order, out of a column."""
    first, end = rows[0], rows[-1] + 1
    return list(column[first:end]) if end - first == len(rows) else [column[row] for row in rows]


def _call_once(function: Function, arguments: dict[str, list[object]], rows: int) -> list[object] | InvalidValue:
    """Call the function and return its list; every exception but KeyboardInterrupt becomes a reason."""
    try:
        returned = function(**arguments)
        answer = returned.tolist() if hasattr(returned, "tolist") else returned
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit and panics of extension modules too are errors of the row
        return InvalidValue(f"{type(error).__name__}: {_safe_text(error)}")
    if inspect.iscoroutine(answer):
        answer.close()
    if not isinstance(answer, list | tuple):
        return InvalidValue(f"the function returned {type(returned).__name__}, not a list")
    if len(answer) != rows:
        return InvalidValue(f"the function returned {len(answer)} values for {rows} row{'s' * (rows != 1)}")
    return list(answer)


def _to_values(answer: list[Any]) -> list[Value]:
    kinds = set(map(type, answer))
    if kinds <= {bool, type(None)} or (kinds == {float} and all(map(math.isfinite, answer))):
        return answer  # the common case, in which checking each value would cost more than the rest of the call
    return [_to_value(value) for value in answer]


def _to_value(value: object) -> Value:
    if value is None or isinstance(value, bool):
        return value
    numpy = sys.modules.get("numpy")  # not imported here, because every worker process would pay for it
    if numpy is not None and isinstance(value, numpy.bool_):
        return bool(value)
    if not isinstance(value, Real):
        return InvalidValue(f"the function returned {type(value).__name__}: {_safe_text(value)}")
    try:
        score = float(value)
    except (OverflowError, ValueError) as error:
        return InvalidValue(f"the function returned a number too large for a float: {error}")
    return score if math.isfinite(score) else InvalidValue(f"the function returned {score}")


def _safe_text(value: object) -> str:
    """Show a value or message of foreign code, whose __str__ may fail."""
    try:
        return format_value(str(value)).strip("'") if isinstance(value, BaseException) else format_value(value)
    except Exception:
        return "a value that cannot be shown"
