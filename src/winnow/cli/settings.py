"""Settings from the command line: `--set k=v`, `--grid k=a,b` and `--seeds 0-4`, read by the kind of their default.

Promises: an unknown setting names the nearest one; a value of the wrong kind says which kind is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from winnow.errors import UsageError, format_value, suggest_name

MAX_SEEDS = 10_000
TRUE_WORDS, FALSE_WORDS = ("true", "yes", "1"), ("false", "no", "0")


def parse_changes(texts: Iterable[str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What `--set` changes."""
    return {
        name: parse_value(text, defaults[name], f"--set {name}")
        for name, text in _key_value_pairs(texts, "--set", defaults)
    }


def parse_grid(texts: Iterable[str], defaults: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """The values that `--grid` lets a setting take in turn."""
    found = {}
    for name, text in _key_value_pairs(texts, "--grid", defaults):
        if isinstance(defaults[name], tuple):
            raise UsageError(f"--grid {name}", "is a list itself", f"Change it with --set {name}=a,b")
        values = tuple(parse_value(part, defaults[name], f"--grid {name}") for part in text.split(","))
        found[name] = tuple(dict.fromkeys(values))
    return found


def parse_seeds(text: str | None) -> tuple[int, ...] | None:
    """'0-4', '7' or '1,3,5'; None where nothing was said."""
    if text is None:
        return None
    found: list[int] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not low.isdecimal() or (dash and not high.isdecimal()):
            raise UsageError("--seeds", f"{format_value(text)} names no seeds", "Write 0-4, 7 or 1,3,5")
        first, last = int(low), int(high or low)
        if last < first or last - first >= MAX_SEEDS:
            raise UsageError(
                "--seeds", f"{format_value(part)} is no range of seeds", f"At most {MAX_SEEDS:,}, low to high"
            )
        found.extend(range(first, last + 1))
    return tuple(dict.fromkeys(found))


def _key_value_pairs(texts: Iterable[str], option: str, defaults: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for entry in texts:
        name, equals, text = entry.partition("=")
        if not equals or not text:
            raise UsageError(
                option, f"{format_value(entry)} is not KEY=VALUE", f"For example {option} {next(iter(defaults))}=1"
            )
        if name not in defaults:
            raise UsageError(option, f"there is no setting {format_value(name)}", suggest_name(name, defaults))
        yield name, text


def parse_value(text: str, default: Any, where: str) -> Any:
    """A value of the kind its default has."""
    if isinstance(default, tuple):
        return tuple(parse_value(part, default[0], where) for part in text.split(","))
    if isinstance(default, bool):
        if text.lower() not in (*TRUE_WORDS, *FALSE_WORDS):
            raise UsageError(where, f"{format_value(text)} is neither true nor false", "Write true or false")
        return text.lower() in TRUE_WORDS
    if isinstance(default, str):
        return text
    return _parse_number(text, int if isinstance(default, int) else float, where)


def _parse_number(text: str, kind: Callable[[float], Any], where: str) -> Any:
    kind_name = "a whole number" if kind is int else "a number"
    try:
        found = float(text)
        if kind is int and found != int(found):
            raise ValueError
    except (ValueError, OverflowError):
        raise UsageError(where, f"{format_value(text)} is not {kind_name}", "For example 1000 or 1e3") from None
    if found != found or found in (float("inf"), float("-inf")):
        raise UsageError(where, f"{format_value(text)} is not finite", "For example 1000 or 1e3")
    return kind(found)
