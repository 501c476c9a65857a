"""The options `--seeds`, `--set` and `--grid`, and their values, parsed to the type of a setting's default."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from winnow.errors import UsageError, format_value, suggest_name
from winnow.stages.config import StageConfig, option

MAX_SEEDS = 10_000
TRUE_WORDS, FALSE_WORDS = ("true", "yes", "1"), ("false", "no", "0")


class SettingsOptions(StageConfig):
    """Seeds and settings of a study or a curve."""

    seeds: Annotated[str | None, option("0-4, 7 or 1,3,5.", flag="--seeds", metavar="SEEDS")] = None
    change: Annotated[list[str] | None, option("Change a setting.", flag="--set", metavar="KEY=VALUE")] = None
    grid: Annotated[
        list[str] | None, option("Run a setting with several values.", flag="--grid", metavar="KEY=A,B")
    ] = None
    settings: Annotated[bool, option("Print the settings and run nothing.", flag="--settings")] = False


def parse_changes(texts: Iterable[str] | None, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that `--set` changes."""
    pairs = _key_value_pairs(texts, "--set", defaults)
    return {name: _parse_value(text, defaults[name], f"--set {name}") for name, text in pairs}


def parse_grid(texts: Iterable[str] | None, defaults: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Return the values of each setting that `--grid` names."""
    grid = {}
    for name, text in _key_value_pairs(texts, "--grid", defaults):
        if isinstance(defaults[name], tuple):
            raise UsageError(f"--grid {name}", "is a list itself", f"Change it with --set {name}=a,b")
        values = tuple(_parse_value(part, defaults[name], f"--grid {name}") for part in text.split(","))
        grid[name] = tuple(dict.fromkeys(values))
    return grid


def parse_seeds(text: str | None) -> tuple[int, ...] | None:
    """Return the seeds of '0-4', '7' or '1,3,5'; None for None."""
    if text is None:
        return None
    seeds: list[int] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not low.isdecimal() or (dash and not high.isdecimal()):
            raise UsageError("--seeds", f"{format_value(text)} names no seeds", "Write 0-4, 7 or 1,3,5")
        first, last = int(low), int(high or low)
        if last < first or last - first >= MAX_SEEDS:
            step = f"Write the lower seed first, and at most {MAX_SEEDS:,} seeds"
            raise UsageError("--seeds", f"{format_value(part)} is not a range of seeds", step)
        seeds.extend(range(first, last + 1))
    return tuple(dict.fromkeys(seeds))


def _key_value_pairs(texts: Iterable[str] | None, flag: str, defaults: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for entry in texts or ():
        name, equals, text = entry.partition("=")
        if not equals or not text:
            step = f"For example {flag} {next(iter(defaults))}=1"
            raise UsageError(flag, f"{format_value(entry)} is not KEY=VALUE", step)
        if name not in defaults:
            raise UsageError(flag, f"there is no setting {format_value(name)}", suggest_name(name, defaults))
        yield name, text


def _parse_value(text: str, default: Any, where: str) -> Any:
    """Return a value of the type that the default has; `where` is the option that an error names."""
    if isinstance(default, tuple):
        return tuple(_parse_value(part, default[0], where) for part in text.split(","))
    if isinstance(default, bool):
        if text.lower() not in (*TRUE_WORDS, *FALSE_WORDS):
            raise UsageError(where, f"{format_value(text)} is neither true nor false", "Write true or false")
        return text.lower() in TRUE_WORDS
    if isinstance(default, str):
        return text
    is_whole = isinstance(default, int)
    problem = "is not a whole number" if is_whole else "is not a number"
    try:
        number = float(text)
        if not math.isfinite(number):
            problem = "is not finite"
        elif not is_whole or number.is_integer():
            return int(number) if is_whole else number
    except ValueError:
        pass
    raise UsageError(where, f"{format_value(text)} {problem}", "For example 1000 or 1e3")


def setting_lines(settings: Mapping[str, Any]) -> list[str]:
    """Return one line NAME=VALUE for each setting, as `--set` takes it."""
    return [f"{name}={_format_setting(value)}" for name, value in settings.items()]


def _format_setting(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_format_setting, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
