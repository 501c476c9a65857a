"""Ideas of the user's: functions by dotted path in the place of a named noise, policy or loss.

Promises: what an idea raises or returns amiss is told in words with the idea's name; it runs in this process, with
the user's rights, and is not guarded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from winnow.errors import UsageError, format_value
from winnow.verifiers.dotted_path import load


def load_user_functions(settings: Mapping[str, Any], function_settings: tuple[str, ...]) -> dict[str, Any]:
    """The settings with every dotted path among `may_be` replaced by the function it names."""
    return {
        name: _load_user_function(value, name)
        if name in function_settings and isinstance(value, str) and (":" in value or "." in value)
        else value
        for name, value in settings.items()
    }


def _load_user_function(path: str, setting: str) -> Callable[..., Any]:
    where = f"--set {setting}={path}"
    found = load(path, where).target
    if not callable(found):
        raise UsageError(
            where,
            f"is {format_value(type(found).__name__)}, not a function",
            "Name a function or an object with __call__",
        )

    def call_checked(*arguments: Any) -> Any:
        answer = _call_user_function(found, arguments, where)
        _check_result(answer, arguments, setting, where)
        return answer

    if hasattr(found, "sees"):
        call_checked.sees = found.sees  # type: ignore[attr-defined]
    return call_checked


def _call_user_function(function: Callable[..., Any], arguments: tuple[Any, ...], where: str) -> Any:
    try:
        return function(*arguments)
    except Exception as error:  # an idea may raise anything
        raise UsageError(
            where, f"raised {type(error).__name__}: {format_value(str(error))}", "See `winnow simulate --help`"
        ) from error


def _check_result(answer: Any, arguments: tuple[Any, ...], setting: str, where: str) -> None:
    """Noise gives labels of +1 and -1, a policy booleans, one per row; a loss one finite number per column."""
    found, x = np.asarray(answer), arguments[0]
    expected_shape = x.shape[1:] if setting == "loss" else x.shape[:1]
    if found.shape != expected_shape:
        raise UsageError(
            where, f"returned the shape {found.shape}", f"The rule: {expected_shape} for x of shape {x.shape}"
        )
    if setting == "noise" and not np.isin(found, (-1, 1)).all():
        raise UsageError(where, "returned labels other than +1 and -1", "The rule: one label, +1 or -1, per row")
    if setting == "policy" and found.dtype != bool:
        raise UsageError(where, f"returned {found.dtype}, not booleans", "The rule: True for each row to keep")
    if setting == "loss" and not np.isfinite(found).all():
        raise UsageError(where, "returned numbers that are not finite", "A larger lam may help")
