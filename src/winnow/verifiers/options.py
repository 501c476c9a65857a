"""Options of verifiers: declared once, next to the dataclass field that holds the value, and converted from text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, get_type_hints

from winnow.errors import UsageError, format_value, suggest_name

_TYPE_NAMES: dict[object, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    float | None: "a number or none",
}
INTERNAL = {"option": False}
"""The metadata of a dataclass field that is not an option."""
_BOOLEAN_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class VerifierOption:
    """One option of a verifier, as the reference documentation lists it."""

    name: str
    type: str
    default: object
    description: str


def option(default: Any, description: str) -> Any:
    """Declare a dataclass field that is an option, with one sentence that says what it does."""
    return field(default=default, metadata={"description": description})


def list_options(verifier_class: type[Any]) -> tuple[VerifierOption, ...]:
    """List the options of a verifier class: its dataclass fields, without the internal ones."""
    types = get_type_hints(verifier_class)
    return tuple(
        VerifierOption(f.name, _type_name(types[f.name]), f.default, f.metadata.get("description", ""))
        for f in fields(verifier_class)
        if f.metadata.get("option", True)
    )


def convert_settings(verifier_class: type[Any], name: str, settings: Mapping[str, object]) -> dict[str, Any]:
    """Convert settings, which may be text, to the types of the options they name.

    Raises:
        UsageError: If there is no such option, or the value has another type.
    """
    known = [option.name for option in list_options(verifier_class)]
    types = get_type_hints(verifier_class)
    converted = {}
    for key, value in settings.items():
        where = f"--set {name}.{key}"
        if key not in known:
            raise UsageError(where, f"{name} has no option {format_value(key)}", suggest_name(key, known))
        try:
            converted[key] = _convert_value(types[key], value)
        except (ValueError, OverflowError):
            raise UsageError(where, f"{format_value(value)} is not {_type_name(types[key])}") from None
    return converted


def _type_name(kind: object) -> str:
    return _TYPE_NAMES.get(kind, str(kind))


def _convert_value(kind: object, value: object) -> Any:
    is_number = isinstance(value, str | int | float) and not isinstance(value, bool)
    if kind == float | None and value in (None, "none"):
        return None
    if kind in (float, float | None) and is_number:
        return float(value)  # type: ignore[arg-type]
    if kind is int and is_number:
        return int(str(value))
    if kind is bool and str(value).lower() in _BOOLEAN_WORDS:
        return _BOOLEAN_WORDS[str(value).lower()]
    if kind is str and isinstance(value, str):
        return value
    raise ValueError
