"""Plug-ins: objects that installed packages register under an entry point group such as `winnow.verifiers`."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from winnow.errors import EnvironmentFault

Plugin = TypeVar("Plugin")


def plugin_names(group: str) -> list[str]:
    """The names registered under a group; nothing is imported."""
    return sorted({point.name for point in entry_points(group=group)})


def load_plugin(group: str, name: str) -> Any:
    """Load the object registered under this name, or None where there is none.

    Raises:
        EnvironmentFault: If the package that registered it cannot be imported.
    """
    point = next((point for point in entry_points(group=group) if point.name == name), None)
    return None if point is None else _load(point)


@cache
def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:  # the code of another package may raise anything
        package = point.dist.name if point.dist is not None else "an installed package"
        problem = f"the entry point {point.group}: {point.name} = {point.value} cannot be loaded ({error})"
        raise EnvironmentFault(package, problem, "Repair or uninstall the package") from error


def load_plugins(group: str, kind: type[Plugin]) -> dict[str, Plugin]:
    """Load every object of a group, refusing those of another type."""
    plugins = {}
    for name in plugin_names(group):
        plugin = load_plugin(group, name)
        if not isinstance(plugin, kind):
            problem = f"the entry point {group}: {name} is {type(plugin).__name__}, not {kind.__name__}"
            raise EnvironmentFault(name, problem, "Repair or uninstall the package that registers it")
        plugins[name] = plugin
    return plugins
