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

from winnow.data.errors import UsageError, nearest, shown

Function = Callable[..., object]
Columns = Mapping[str, Sequence[object]]

_PLACES = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True)
class Broken:
    """Stands where a row's value should be."""

    reason: str


Value = bool | float | None | Broken


@dataclass(frozen=True)
class Asks:
    """The columns a function asks for by its parameters."""

    needed: tuple[str, ...]
    welcome: tuple[str, ...] = ()  # parameters with a default
    everything: bool = False  # it takes **

    @classmethod
    def of(cls, function: Function, where: str) -> Asks:
        """Read from the signature; refused if the function cannot be called with keywords."""
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):
            raise UsageError(where, "its parameters cannot be read", "Wrap it in a function of your own") from None
        if any(p.kind is p.POSITIONAL_ONLY and p.default is p.empty for p in parameters):
            problem = "it has positional-only parameters"
            raise UsageError(where, problem, "It is called with keywords: leave out the '/'")
        named = [p for p in parameters if p.kind in _PLACES]
        return cls(
            tuple(p.name for p in named if p.default is p.empty),
            tuple(p.name for p in named if p.default is not p.empty),
            any(p.kind is p.VAR_KEYWORD for p in parameters),
        )

    def arguments(self, offered: Columns, where: str) -> dict[str, Sequence[object]]:
        """What the function is called with, checked before it is."""
        for name in self.needed:
            if name not in offered:
                problem = f"the function needs {shown(name)}, which the table has no column for"
                raise UsageError(where, problem, nearest(name, offered))
        if self.everything:
            return dict(offered)
        return {name: offered[name] for name in (*self.needed, *self.welcome) if name in offered}


def refuse_unfit(target: object, where: str) -> None:
    """Only what can be called plainly judges."""
    if not callable(target) or inspect.isclass(target):
        raise UsageError(where, f"it is {_a(target)}, not a function", "Name a function or an object with __call__")
    called_as = target if inspect.isroutine(target) else type(target).__call__
    for async_kind in (inspect.iscoroutinefunction, inspect.isasyncgenfunction):
        if async_kind(target) or async_kind(called_as):
            raise UsageError(where, "it is an async function", "Give a plain one: it may call asyncio.run inside")


def _a(target: object) -> str:
    return "a class" if inspect.isclass(target) else f"of type {type(target).__name__}"


def values(function: Function, arguments: Columns, rows: Sequence[int]) -> list[Value]:
    """One value per row: a call that fails as a whole is split until it is one row that fails."""
    found: list[Value] = []
    parts = [rows] if rows else []
    while parts:
        part = parts.pop()
        answer = _answer(function, {name: taken(column, part) for name, column in arguments.items()}, len(part))
        if not isinstance(answer, Broken):
            found += _plain(answer)
        elif len(part) == 1:
            found.append(answer)
        else:
            half = len(part) // 2
            parts += [part[half:], part[:half]]
    return found


def taken(column: Sequence[object], rows: Sequence[int]) -> list[object]:
    """These rows of a column, which stand in its order, as a list of their own."""
    first, end = rows[0], rows[-1] + 1
    return list(column[first:end]) if end - first == len(rows) else [column[row] for row in rows]


def _answer(function: Function, arguments: dict[str, list[object]], rows: int) -> list[object] | Broken:
    """The list a call returns; KeyboardInterrupt alone is let through."""
    try:
        returned = function(**arguments)
        answer = returned.tolist() if hasattr(returned, "tolist") else returned
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, and panics of extension modules, are the row's error too
        return Broken(f"{type(error).__name__}: {_seen(error)}")
    if inspect.iscoroutine(answer):
        answer.close()
    if not isinstance(answer, list | tuple):
        return Broken(f"the function returned {type(returned).__name__}, not a list")
    if len(answer) != rows:
        return Broken(f"the function returned {len(answer)} values for {rows} row{'s' * (rows != 1)}")
    return list(answer)


def _plain(answer: list[Any]) -> list[Value]:
    """The values of rows as types of our own."""
    kinds = set(map(type, answer))
    if kinds <= {bool, type(None)} or (kinds == {float} and all(map(math.isfinite, answer))):
        return answer  # nearly always, and then a look at each costs more than the rest of the call
    return [_value(value) for value in answer]


def _value(value: object) -> Value:
    if value is None or isinstance(value, bool):
        return value
    if _numpy_bool(value):
        return bool(value)
    if not isinstance(value, Real):
        return Broken(f"the function returned {type(value).__name__}: {_seen(value)}")
    try:
        score = float(value)
    except (OverflowError, ValueError) as error:
        return Broken(f"the function returned a number no float holds: {error}")
    return score if math.isfinite(score) else Broken(f"the function returned {score}")


def _numpy_bool(value: object) -> bool:
    """Whether it is numpy's bool, which no module that was not imported can have made."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.bool_)


def _seen(value: object) -> str:
    """A value or message from foreign code, which may fail even at being shown."""
    try:
        return shown(str(value)).strip("'") if isinstance(value, BaseException) else shown(value)
    except Exception:
        return "it cannot be shown"
