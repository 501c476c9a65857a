"""Rows become lines: means and standard errors over seeds, one line where a grid makes no difference."""

from __future__ import annotations

from typing import Any

import pytest

from winnow.cli.curve_lines import average_lines, table_lines


def row(seed: int, line: str, value: float, **more: Any) -> dict[str, Any]:
    return {"seed": seed, "n": 1, "line": line, "value": value, **more}


def test_seeds_are_averaged_with_their_standard_error() -> None:
    (line,) = average_lines([row(0, "a", 1.0), row(1, "a", 3.0)], "n")
    assert (line.positions, line.mean) == ((1,), (2.0,))
    assert list(line.error) == pytest.approx([1.0])
    assert "2 +-1" in table_lines([line], "n")[1]


def test_equal_numbers_have_no_spread() -> None:
    assert average_lines([row(seed, "a", 0.1 + 0.2) for seed in range(3)], "n")[0].error == (0.0,)


def test_what_a_grid_does_not_change_is_one_line() -> None:
    rows = [row(0, "same", 1.0, d=2), row(0, "other", 1.0, d=2), row(0, "same", 1.0, d=3), row(0, "other", 2.0, d=3)]
    assert [line.name for line in average_lines(rows, "n", ["d"])] == ["same", "other [d=2]", "other [d=3]"]
