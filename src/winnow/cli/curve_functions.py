"""Functions of the user in place of a named noise, policy or loss, loaded by dotted path.

They run in this process, without isolation; what they raise or return wrongly becomes a usage error with their name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from winnow.errors import UsageError, format_value
from winnow.verifiers.dotted_path import load


def load_user_functions(settings: Mapping[str, Any], function_settings: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings with dotted paths in `function_settings` replaced by the functions they name."""
    return {
        name: _load_user_function(value, name)
        if name in function_settings and isinstance(value, str) and (":" in value or "." in value)
        else value
        for name, value in settings.items()
    }


def _load_user_function(path: str, setting: str) -> Callable[..., Any]:
    where = f"--set {setting}={path}"
    function = load(path, where).target
    if not callable(function):
        problem = f"is {format_value(type(function).__name__)}, not a function"
        raise UsageError(where, problem, "Name a function or an object with __call__")

    def call_checked(*arguments: Any) -> Any:
        result = _call_user_function(function, arguments, where)
        _check_result(result, arguments[0], setting, where)
        return result

    if hasattr(function, "sees"):
        call_checked.sees = function.sees  # type: ignore[attr-defined]
    return call_checked


def _call_user_function(function: Callable[..., Any], arguments: tuple[Any, ...], where: str) -> Any:
    try:
        return function(*arguments)
    except Exception as error:  # the user's function may raise anything
        problem = f"raised {type(error).__name__}: {format_value(str(error))}"
        raise UsageError(where, problem, "See `winnow simulate --help`") from error


def _check_result(result: Any, x: Any, setting: str, where: str) -> None:
    """Check that noise returns +1 or -1 and a policy booleans, one per row, and a loss one finite number per column."""
    array, expected_shape = np.asarray(result), x.shape[1:] if setting == "loss" else x.shape[:1]
    if array.shape != expected_shape:
        step = f"Return the shape {expected_shape} for x of shape {x.shape}"
        raise UsageError(where, f"returned the shape {array.shape}", step)
    if setting == "noise" and not np.isin(array, (-1, 1)).all():
        raise UsageError(where, "returned labels other than +1 and -1", "Return one label, +1 or -1, per row")
    if setting == "policy" and array.dtype != bool:
        raise UsageError(where, f"returned {array.dtype}, not booleans", "Return True for each row to keep")
    if setting == "loss" and not np.isfinite(array).all():
        raise UsageError(where, "returned numbers that are not finite", "A larger lam may help")
