"""A curve: its settings, and a function from settings and a random generator to tidy rows.

A row has the axis, `line` (the line of the figure it belongs to) and `value`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Row = dict[str, Any]
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Curve:
    """What `winnow simulate NAME` runs and how it is drawn.

    `value` is the name of y, `axis` that of x, `marks` are named positions on x. Settings listed in
    `function_settings` may be functions of the user.
    """

    about: str
    settings: Settings
    run: Callable[[Settings, np.random.Generator], list[Row]]
    value: str
    axis: str = "round"
    function_settings: tuple[str, ...] = ()
    logarithmic: bool = False
    marks: Callable[[Settings], dict[str, float]] = lambda settings: {}


def line_rows(axis: str, positions: Any, lines: Mapping[str, Any]) -> list[Row]:
    """Return the rows of several lines over the same points."""
    points = [value.item() if isinstance(value, np.generic) else value for value in positions]
    return [
        {axis: point, "line": name, "value": float(value)}
        for name, values in lines.items()
        for point, value in zip(points, values, strict=True)
    ]
