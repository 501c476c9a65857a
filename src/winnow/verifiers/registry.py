"""Verifiers by name: 'exact', 'number', or a function as 'module:function'.

A new verifier is one small file, and one line in BUILT_IN. Its options are the fields of its dataclass, so
that `--set NAME.option=value` and a recipe need nothing else.

Promises: an unknown name or option is an error naming the nearest, a value of the wrong type one naming the
type; a verifier's module is imported only when it is asked for. It does not judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import Field, fields
from importlib import import_module
from typing import Any, cast, get_type_hints

from winnow.errors import UsageError, format_value, suggest_name
from winnow.verifiers.function_verifier import InProcessVerifier, make_function_verifier
from winnow.verifiers.user_functions import Function
from winnow.verifiers.verdicts import Verifier

BUILT_IN = {
    "exact": "winnow.verifiers.answers.exact:Exact",
    "number": "winnow.verifiers.answers.number:Number",
}
_BOOLEAN_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def make_verifier(spec: str | Function | Verifier, settings: Mapping[str, object] | None = None) -> Verifier:
    """The verifier of this name, of this function, or the one given; with these settings of its options."""
    settings = settings or {}
    if not isinstance(spec, str):
        return _wrap_object(spec, settings)
    if spec in BUILT_IN:
        module, _, name = BUILT_IN[spec].partition(":")
        kind = getattr(import_module(module), name)
        return cast(Verifier, kind(**_convert_settings(kind, spec, settings)))
    if ":" not in spec and "." not in spec:
        advice = f"{suggest_name(spec, BUILT_IN)}, or give a function as module:function"
        raise UsageError(f"--with {spec}", "no verifier has this name", advice)
    from winnow.verifiers.isolated.verifier import IsolatedVerifier, make_isolated_verifier

    return make_isolated_verifier(spec, _convert_settings(IsolatedVerifier, _short_name(spec), settings))


def _wrap_object(spec: Function | Verifier, settings: Mapping[str, object]) -> Verifier:
    if hasattr(spec, "judge") and hasattr(spec, "config"):
        if settings:
            raise UsageError("settings", "the verifier given has its settings already", "Set them where it is made")
        return cast(Verifier, spec)
    if not callable(spec):
        raise UsageError("verifier", f"{format_value(spec)} is no name, function or verifier")
    return make_function_verifier(
        spec, _convert_settings(InProcessVerifier, getattr(spec, "__name__", type(spec).__name__), settings)
    )


def parse_settings(names: Sequence[str], pairs: Sequence[str]) -> dict[str, dict[str, str]]:
    """The settings of each verifier, from NAME.option=value; NAME is what --with says, or a function's own name."""
    settings: dict[str, dict[str, str]] = {name: {} for name in names}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        prefix, _, option = key.strip().rpartition(".")
        if not equals or not prefix or not option:
            raise UsageError(f"--set {pair}", "is not of the form NAME.option=value")
        matches = [name for name in names if prefix == name] or [name for name in names if prefix == _short_name(name)]
        if not matches:
            raise UsageError(
                f"--set {pair}",
                f"no verifier {format_value(prefix)} is used",
                suggest_name(prefix, map(_short_name, names)),
            )
        if len(matches) > 1:
            raise UsageError(
                f"--set {pair}", f"{format_value(prefix)} is {' and '.join(matches)}", "Write the whole path"
            )
        settings[matches[0]][option] = value
    return settings


def _short_name(spec: str) -> str:
    return spec.rpartition(":")[2].rpartition(".")[2]


def _convert_settings(kind: type[Any], name: str, settings: Mapping[str, object]) -> dict[str, object]:
    """The settings as the types of the options they name."""
    options: dict[str, Field[Any]] = {f.name: f for f in fields(kind) if f.metadata.get("option", True)}
    types = get_type_hints(kind)
    for key in settings:
        if key not in options:
            raise UsageError(
                f"--set {name}.{key}", f"{name} has no option {format_value(key)}", suggest_name(key, options)
            )
    return {key: _convert_value(f"--set {name}.{key}", types[key], value) for key, value in settings.items()}


def _convert_value(where: str, kind: object, value: object) -> object:
    """One setting, which may be text from the command line."""
    if kind == float | None and value in (None, "none"):
        return None
    if kind in (float, float | None) and isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            raise UsageError(where, f"{format_value(value)} is not a number") from None
    if kind is bool and (isinstance(value, bool) or str(value).lower() in _BOOLEAN_WORDS):
        return value if isinstance(value, bool) else _BOOLEAN_WORDS[str(value).lower()]
    if kind is str and isinstance(value, str):
        return value
    expected = {float: "a number", bool: "true or false", str: "text"}.get(cast(Any, kind), "a number or none")
    raise UsageError(where, f"{format_value(value)} is not {expected}")
