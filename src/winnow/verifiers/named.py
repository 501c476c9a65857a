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

from winnow.data.errors import UsageError, nearest, shown
from winnow.verifiers.callable import Called, called
from winnow.verifiers.functions import Function
from winnow.verifiers.verdicts import Verifier

BUILT_IN = {
    "exact": "winnow.verifiers.answers.exact:Exact",
    "number": "winnow.verifiers.answers.number:Number",
}
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def verifier(spec: str | Function | Verifier, settings: Mapping[str, object] | None = None) -> Verifier:
    """The verifier of this name, of this function, or the one given; with these settings of its options."""
    settings = settings or {}
    if not isinstance(spec, str):
        return _given(spec, settings)
    if spec in BUILT_IN:
        module, _, name = BUILT_IN[spec].partition(":")
        kind = getattr(import_module(module), name)
        return cast(Verifier, kind(**_typed(kind, spec, settings)))
    if ":" not in spec and "." not in spec:
        advice = f"{nearest(spec, BUILT_IN)}, or give a function as module:function"
        raise UsageError(f"--with {spec}", "no verifier has this name", advice)
    from winnow.verifiers.guarded.verifier import Guarded, guarded

    return guarded(spec, _typed(Guarded, _short(spec), settings))


def _given(spec: Function | Verifier, settings: Mapping[str, object]) -> Verifier:
    if hasattr(spec, "judge") and hasattr(spec, "config"):
        if settings:
            raise UsageError("settings", "the verifier given has its settings already", "Set them where it is made")
        return cast(Verifier, spec)
    if not callable(spec):
        raise UsageError("verifier", f"{shown(spec)} is no name, function or verifier")
    return called(spec, _typed(Called, getattr(spec, "__name__", type(spec).__name__), settings))


def settings_for(names: Sequence[str], pairs: Sequence[str]) -> dict[str, dict[str, str]]:
    """The settings of each verifier, from NAME.option=value; NAME is what --with says, or a function's own name."""
    settings: dict[str, dict[str, str]] = {name: {} for name in names}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        said, _, option = key.strip().rpartition(".")
        if not equals or not said or not option:
            raise UsageError(f"--set {pair}", "is not of the form NAME.option=value")
        meant = [name for name in names if said == name] or [name for name in names if said == _short(name)]
        if not meant:
            raise UsageError(f"--set {pair}", f"no verifier {shown(said)} is used", nearest(said, map(_short, names)))
        if len(meant) > 1:
            raise UsageError(f"--set {pair}", f"{shown(said)} is {' and '.join(meant)}", "Write the whole path")
        settings[meant[0]][option] = value
    return settings


def _short(spec: str) -> str:
    return spec.rpartition(":")[2].rpartition(".")[2]


def _typed(kind: type[Any], name: str, settings: Mapping[str, object]) -> dict[str, object]:
    """The settings as the types of the options they name."""
    options: dict[str, Field[Any]] = {f.name: f for f in fields(kind) if f.metadata.get("option", True)}
    types = get_type_hints(kind)
    for key in settings:
        if key not in options:
            raise UsageError(f"--set {name}.{key}", f"{name} has no option {shown(key)}", nearest(key, options))
    return {key: _value(f"--set {name}.{key}", types[key], value) for key, value in settings.items()}


def _value(where: str, kind: object, value: object) -> object:
    """One setting, which may be text from the command line."""
    if kind == float | None and value in (None, "none"):
        return None
    if kind in (float, float | None) and isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            raise UsageError(where, f"{shown(value)} is not a number") from None
    if kind is bool and (isinstance(value, bool) or str(value).lower() in _WORDS):
        return value if isinstance(value, bool) else _WORDS[str(value).lower()]
    if kind is str and isinstance(value, str):
        return value
    wanted = {float: "a number", bool: "true or false", str: "text"}.get(cast(Any, kind), "a number or none")
    raise UsageError(where, f"{shown(value)} is not {wanted}")
