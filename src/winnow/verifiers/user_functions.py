"""A function of the user: what it asks for, how it is called, what its values are.

Called with keywords; one that takes no ** gets only what it names. A value is a bool, a float (finite), None, or
`Broken`: NaN, infinity, text, lists, a crash, a list of the wrong length, no list at all.

Promises: what a function raises never gets out, but for KeyboardInterrupt. A call that fails as a whole is
repeated on halves down to single rows, so only the rows that cause it are broken. The function gets fresh lists
each time. Importing this costs nothing, because every worker process does it.
It does not bound time or memory, and does not say which values pass.
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
    """Stands where a row's value should be."""

    reason: str


Value = bool | float | None | InvalidValue


@dataclass(frozen=True)
class RequestedColumns:
    """The columns a function asks for by its parameters."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()  # parameters with a default
    accepts_any: bool = False  # it takes **

    @classmethod
    def from_function(cls, function: Function, where: str) -> RequestedColumns:
        """Read from the signature; refused if the function cannot be called with keywords."""
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):
            raise UsageError(where, "its parameters cannot be read", "Wrap it in a function of your own") from None
        if any(p.kind is p.POSITIONAL_ONLY and p.default is p.empty for p in parameters):
            problem = "it has positional-only parameters"
            raise UsageError(where, problem, "It is called with keywords: leave out the '/'")
        by_keyword = [p for p in parameters if p.kind in _KEYWORD_KINDS]
        return cls(
            tuple(p.name for p in by_keyword if p.default is p.empty),
            tuple(p.name for p in by_keyword if p.default is not p.empty),
            any(p.kind is p.VAR_KEYWORD for p in parameters),
        )

    def arguments(self, available: ColumnLists, where: str) -> dict[str, Sequence[object]]:
        """What the function is called with, checked before it is."""
        for name in self.required:
            if name not in available:
                problem = f"the function needs {format_value(name)}, which the table has no column for"
                raise UsageError(where, problem, suggest_name(name, available))
        if self.accepts_any:
            return dict(available)
        return {name: available[name] for name in (*self.required, *self.optional) if name in available}


def check_callable(target: object, where: str) -> None:
    """Only what can be called plainly judges."""
    if not callable(target) or inspect.isclass(target):
        raise UsageError(
            where, f"it is {_type_phrase(target)}, not a function", "Name a function or an object with __call__"
        )
    callee = target if inspect.isroutine(target) else type(target).__call__
    for async_kind in (inspect.iscoroutinefunction, inspect.isasyncgenfunction):
        if async_kind(target) or async_kind(callee):
            raise UsageError(where, "it is an async function", "Give a plain one: it may call asyncio.run inside")


def _type_phrase(target: object) -> str:
    return "a class" if inspect.isclass(target) else f"of type {type(target).__name__}"


def evaluate_rows(function: Function, arguments: ColumnLists, rows: Sequence[int]) -> list[Value]:
    """One value per row: a call that fails as a whole is split until it is one row that fails."""
    found: list[Value] = []
    parts = [rows] if rows else []
    while parts:
        part = parts.pop()
        answer = _call_once(function, {name: take_rows(column, part) for name, column in arguments.items()}, len(part))
        if not isinstance(answer, InvalidValue):
            found += _to_values(answer)
        elif len(part) == 1:
            found.append(answer)
        else:
            half = len(part) // 2
            parts += [part[half:], part[:half]]
    return found


def take_rows(column: Sequence[object], rows: Sequence[int]) -> list[object]:
    """These rows of a column, which stand in its order, as a list of their own."""
    first, end = rows[0], rows[-1] + 1
    return list(column[first:end]) if end - first == len(rows) else [column[row] for row in rows]


def _call_once(function: Function, arguments: dict[str, list[object]], rows: int) -> list[object] | InvalidValue:
    """The list a call returns; KeyboardInterrupt alone is let through."""
    try:
        returned = function(**arguments)
        answer = returned.tolist() if hasattr(returned, "tolist") else returned
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, and panics of extension modules, are the row's error too
        return InvalidValue(f"{type(error).__name__}: {_safe_text(error)}")
    if inspect.iscoroutine(answer):
        answer.close()
    if not isinstance(answer, list | tuple):
        return InvalidValue(f"the function returned {type(returned).__name__}, not a list")
    if len(answer) != rows:
        return InvalidValue(f"the function returned {len(answer)} values for {rows} row{'s' * (rows != 1)}")
    return list(answer)


def _to_values(answer: list[Any]) -> list[Value]:
    """The values of rows as types of our own."""
    kinds = set(map(type, answer))
    if kinds <= {bool, type(None)} or (kinds == {float} and all(map(math.isfinite, answer))):
        return answer  # nearly always, and then a look at each costs more than the rest of the call
    return [_to_value(value) for value in answer]


def _to_value(value: object) -> Value:
    if value is None or isinstance(value, bool):
        return value
    if _is_numpy_bool(value):
        return bool(value)
    if not isinstance(value, Real):
        return InvalidValue(f"the function returned {type(value).__name__}: {_safe_text(value)}")
    try:
        score = float(value)
    except (OverflowError, ValueError) as error:
        return InvalidValue(f"the function returned a number no float holds: {error}")
    return score if math.isfinite(score) else InvalidValue(f"the function returned {score}")


def _is_numpy_bool(value: object) -> bool:
    """Whether it is numpy's bool, which no module that was not imported can have made."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.bool_)


def _safe_text(value: object) -> str:
    """A value or message from foreign code, which may fail even at being shown."""
    try:
        return format_value(str(value)).strip("'") if isinstance(value, BaseException) else format_value(value)
    except Exception:
        return "it cannot be shown"
