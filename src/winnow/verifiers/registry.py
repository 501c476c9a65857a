"""Verifiers by name: built-in ones, those that installed packages register, and functions as 'module:function'.

To add a built-in verifier, write one module and one line in BUILT_IN. A package registers its own under the entry
point group `winnow.verifiers`. A verifier's module is imported only when the verifier is used.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pkgutil import resolve_name
from typing import Any, cast

from winnow.errors import UsageError, format_value, suggest_name
from winnow.plugins import load_plugin, plugin_names
from winnow.verifiers.function_verifier import FunctionVerifier, IsolatedVerifier, make_function_verifier, short_name
from winnow.verifiers.options import VerifierOption, convert_settings, list_options
from winnow.verifiers.user_functions import Function
from winnow.verifiers.verdicts import Verifier

BUILT_IN = {
    "exact": "winnow.verifiers.answers.exact:Exact",
    "number": "winnow.verifiers.answers.number:Number",
    "maths": "winnow.verifiers.maths.verifier:Maths",
}
PLUGIN_GROUP = "winnow.verifiers"


def make_verifier(spec: str | Function | Verifier, settings: Mapping[str, object] | None = None) -> Verifier:
    """Make a verifier.

    Args:
        spec: The name of a verifier, 'module:function', a function, or a verifier, which is returned as it is.
        settings: Values of the verifier's options by name; text is converted to the type of the option.

    Raises:
        UsageError: If the name, an option or a value is wrong.
        EnvironmentFault: If the package that registered the name cannot be imported.
    """
    settings = settings or {}
    if not isinstance(spec, str):
        return _wrap_object(spec, settings)
    target = _resolve_name(spec)
    if not isinstance(target, str):
        return cast(Verifier, target(**convert_settings(target, spec, settings)))
    converted = convert_settings(IsolatedVerifier, short_name(spec), settings)
    return IsolatedVerifier(path=target, registered_name="" if target == spec else spec, **converted)


def verifier_names() -> list[str]:
    """List the verifiers that have a name; 'module:function' stands for any function."""
    return [*BUILT_IN, *(name for name in plugin_names(PLUGIN_GROUP) if name not in BUILT_IN), "module:function"]


def verifier_options(name: str) -> tuple[str, tuple[VerifierOption, ...]]:
    """Describe a verifier: a summary, and its options with type, default and description."""
    target = _resolve_name(name)
    verifier_class = IsolatedVerifier if isinstance(target, str) else target
    summary = (inspect.getdoc(verifier_class) or "").partition("\n\n")[0].replace("\n", " ")
    return summary, list_options(verifier_class)


def _resolve_name(name: str) -> type[Any] | str:
    """Find the class of a named verifier, or the dotted path of a function."""
    if name in BUILT_IN:
        return cast(type[Any], resolve_name(BUILT_IN[name]))
    plugin = None if ":" in name else load_plugin(PLUGIN_GROUP, name)
    if inspect.isclass(plugin):
        return plugin
    if inspect.isroutine(plugin):
        return f"{plugin.__module__}:{plugin.__qualname__}"
    if plugin is not None:
        problem = f"the entry point of this name in {PLUGIN_GROUP} is {format_value(plugin)}"
        raise UsageError(f"--with {name}", problem, "Register a function, or a dataclass with judge and config")
    if ":" not in name and "." not in name:
        advice = f"{suggest_name(name, verifier_names()[:-1])}, or name a function as module:function"
        raise UsageError(f"--with {name}", "no verifier has this name", advice)
    return name


def _wrap_object(spec: Function | Verifier, settings: Mapping[str, object]) -> Verifier:
    if hasattr(spec, "judge") and hasattr(spec, "config"):
        if settings:
            problem = "a verifier that exists already cannot be given settings"
            raise UsageError("settings", problem, "Set the options where the verifier is made")
        return cast(Verifier, spec)
    if not callable(spec):
        raise UsageError("verifier", f"{format_value(spec)} is not a name, a function or a verifier")
    name = getattr(spec, "__name__", type(spec).__name__)
    return make_function_verifier(spec, convert_settings(FunctionVerifier, name, settings))


def parse_settings(names: Sequence[str], pairs: Sequence[str]) -> dict[str, dict[str, str]]:
    """Sort the values of `--set NAME.option=value` by verifier.

    Args:
        names: The verifiers in use, as `--with` names them. NAME is one of these, or the last part of a dotted path.
        pairs: The values of `--set`.
    """
    settings: dict[str, dict[str, str]] = {name: {} for name in names}
    for pair in pairs:
        where = f"--set {pair}"
        key, equals, value = pair.partition("=")
        prefix, _, option = key.strip().rpartition(".")
        if not equals or not prefix or not option:
            raise UsageError(where, "is not of the form NAME.option=value")
        matches = [name for name in names if prefix == name] or [name for name in names if prefix == short_name(name)]
        if not matches:
            problem = f"no verifier {format_value(prefix)} is used"
            raise UsageError(where, problem, suggest_name(prefix, map(short_name, names)))
        if len(matches) > 1:
            problem = f"{format_value(prefix)} could be {' or '.join(matches)}"
            raise UsageError(where, problem, "Write the whole path")
        settings[matches[0]][option] = value
    return settings
