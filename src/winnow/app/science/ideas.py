"""Ideas of the user's: functions by dotted path in the place of a named noise, policy or loss.

Promises: what an idea raises or returns amiss is told in words with the idea's name; it runs in this process, with
the user's rights, and is not guarded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from winnow.data.errors import UsageError, shown
from winnow.verifiers.dotted import load


def with_ideas(settings: Mapping[str, Any], may_be: tuple[str, ...]) -> dict[str, Any]:
    """The settings with every dotted path among `may_be` replaced by the function it names."""
    return {
        name: _idea(value, name)
        if name in may_be and isinstance(value, str) and (":" in value or "." in value)
        else value
        for name, value in settings.items()
    }


def _idea(path: str, setting: str) -> Callable[..., Any]:
    where = f"--set {setting}={path}"
    found = load(path, where).target
    if not callable(found):
        raise UsageError(
            where, f"is {shown(type(found).__name__)}, not a function", "Name a function or an object with __call__"
        )

    def called(*arguments: Any) -> Any:
        answer = _answer(found, arguments, where)
        _checked(answer, arguments, setting, where)
        return answer

    if hasattr(found, "sees"):
        called.sees = found.sees  # type: ignore[attr-defined]
    return called


def _answer(idea: Callable[..., Any], arguments: tuple[Any, ...], where: str) -> Any:
    try:
        return idea(*arguments)
    except Exception as error:  # an idea may raise anything
        raise UsageError(
            where, f"raised {type(error).__name__}: {shown(str(error))}", "See `winnow simulate --help`"
        ) from error


def _checked(answer: Any, arguments: tuple[Any, ...], setting: str, where: str) -> None:
    """Noise gives labels of +1 and -1, a policy booleans, one per row; a loss one finite number per column."""
    found, x = np.asarray(answer), arguments[0]
    wanted = x.shape[1:] if setting == "loss" else x.shape[:1]
    if found.shape != wanted:
        raise UsageError(where, f"returned the shape {found.shape}", f"The rule: {wanted} for x of shape {x.shape}")
    if setting == "noise" and not np.isin(found, (-1, 1)).all():
        raise UsageError(where, "returned labels other than +1 and -1", "The rule: one label, +1 or -1, per row")
    if setting == "policy" and found.dtype != bool:
        raise UsageError(where, f"returned {found.dtype}, not booleans", "The rule: True for each row to keep")
    if setting == "loss" and not np.isfinite(found).all():
        raise UsageError(where, "returned numbers that are not finite", "A larger lam may help")
