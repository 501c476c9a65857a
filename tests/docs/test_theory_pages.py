"""The pages on theory show every curve and the commands that draw their figures."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from winnow.science.theory.curves import CURVES

PROJECT = Path(__file__).parents[2]
THEORY = (PROJECT / "docs" / "explanation" / "theory.md").read_text("utf-8")
SIMULATE = (PROJECT / "docs" / "how-to" / "simulate.md").read_text("utf-8")


def test_an_idea_of_your_own_takes_at_most_thirty_lines() -> None:
    block = re.search(r"```python\n(.*?)```", SIMULATE, re.DOTALL)
    assert block is not None
    assert len(block[1].splitlines()) <= 30


def test_every_figure_exists_and_the_page_shows_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PROJECT / "validation"))
    figures = runpy.run_path(str(PROJECT / "validation" / "theory_pages.py"))["FIGURES"]
    assert figures
    for name, command in figures.items():
        assert f"winnow {command} --figure {name}.svg" in THEORY
        assert f"](../figures/{name}.svg)" in THEORY
        assert (PROJECT / "docs" / "figures" / f"{name}.svg").read_text("utf-8").startswith("<?xml")


def test_every_curve_is_on_the_page() -> None:
    for name in CURVES:
        assert f"| `{name}` |" in THEORY
