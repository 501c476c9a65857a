"""Settings from the command line: `--set k=v`, `--grid k=a,b` and `--seeds 0-4`, read by the kind of their default.

Promises: an unknown setting names the nearest one; a value of the wrong kind says which kind is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from winnow.data.errors import UsageError, nearest, shown

MOST_SEEDS = 10_000
TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0")


def changes(given: Iterable[str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What `--set` changes."""
    return {name: value(text, defaults[name], f"--set {name}") for name, text in _pairs(given, "--set", defaults)}


def grid(given: Iterable[str], defaults: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """The values that `--grid` lets a setting take in turn."""
    found = {}
    for name, text in _pairs(given, "--grid", defaults):
        if isinstance(defaults[name], tuple):
            raise UsageError(f"--grid {name}", "is a list itself", f"Change it with --set {name}=a,b")
        values = tuple(value(part, defaults[name], f"--grid {name}") for part in text.split(","))
        found[name] = tuple(dict.fromkeys(values))
    return found


def seeds(text: str | None) -> tuple[int, ...] | None:
    """'0-4', '7' or '1,3,5'; None where nothing was said."""
    if text is None:
        return None
    found: list[int] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not low.isdecimal() or (dash and not high.isdecimal()):
            raise UsageError("--seeds", f"{shown(text)} names no seeds", "Write 0-4, 7 or 1,3,5")
        first, last = int(low), int(high or low)
        if last < first or last - first >= MOST_SEEDS:
            raise UsageError("--seeds", f"{shown(part)} is no range of seeds", f"At most {MOST_SEEDS:,}, low to high")
        found.extend(range(first, last + 1))
    return tuple(dict.fromkeys(found))


def _pairs(given: Iterable[str], option: str, defaults: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for one in given:
        name, equals, text = one.partition("=")
        if not equals or not text:
            raise UsageError(option, f"{shown(one)} is not KEY=VALUE", f"For example {option} {next(iter(defaults))}=1")
        if name not in defaults:
            raise UsageError(option, f"there is no setting {shown(name)}", nearest(name, defaults))
        yield name, text


def value(text: str, default: Any, where: str) -> Any:
    """A value of the kind its default has."""
    if isinstance(default, tuple):
        return tuple(value(part, default[0], where) for part in text.split(","))
    if isinstance(default, bool):
        if text.lower() not in (*TRUE, *FALSE):
            raise UsageError(where, f"{shown(text)} is neither true nor false", "Write true or false")
        return text.lower() in TRUE
    if isinstance(default, str):
        return text
    return _number(text, int if isinstance(default, int) else float, where)


def _number(text: str, kind: Callable[[float], Any], where: str) -> Any:
    words = "a whole number" if kind is int else "a number"
    try:
        found = float(text)
        if kind is int and found != int(found):
            raise ValueError
    except (ValueError, OverflowError):
        raise UsageError(where, f"{shown(text)} is not {words}", "For example 1000 or 1e3") from None
    if found != found or found in (float("inf"), float("-inf")):
        raise UsageError(where, f"{shown(text)} is not finite", "For example 1000 or 1e3")
    return kind(found)
