"""How the public functions take keywords: `public` completes their documentation and the words of their errors.

A public function writes out every keyword with its type and default, so that editors complete them. What each keyword
does is declared once, in the configs; `public` adds it to the docstring.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from pydantic import BaseModel

from winnow.stages.config import Door, options_named_for
from winnow.storage.locations.location import Location, parse_location

P = ParamSpec("P")
Result = TypeVar("Result")

PathLike = str | Location


def public(*configs: type[BaseModel]) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """Make a function public: list the options of these configs under Args, and name keywords in its errors."""

    def decorate(function: Callable[P, Result]) -> Callable[P, Result]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> Result:
            with options_named_for(Door.PYTHON, *configs):
                return function(*args, **kwargs)

        call.__doc__ = _document(function.__doc__ or "", configs)
        return call

    return decorate


def _document(text: str, configs: tuple[type[BaseModel], ...]) -> str:
    """The docstring with a line for each option, at the end of Args, or as Args where there is none."""
    lines = [
        f"        {name}: {field.description}" for config in configs for name, field in config.model_fields.items()
    ]
    options = "\n".join(lines)
    head, mark, tail = text.rstrip().partition("    Args:\n")
    if not mark:
        return f"{head}\n\n    Args:\n{options}\n    "
    arguments, blank, rest = tail.partition("\n\n")
    return f"{head}{mark}{arguments.rstrip()}\n{options}\n{blank}{rest}\n    "


def to_location(path: PathLike | None) -> Location | None:
    """A path as a location, which may lie in a cloud store."""
    return None if path is None else parse_location(path)
