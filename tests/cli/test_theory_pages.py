"""The pages of theory: the example runs and prints what is shown, figures and tables are those of their commands."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from winnow.cli.main import app
from winnow.science.theory.curves.registry import CURVES

PROJECT = Path(__file__).parents[3]
NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")


def page(name: str) -> str:
    return (PROJECT / "docs" / f"{name}.md").read_text("utf-8")


def between(name: str, marker: str) -> str:
    return page(name).split(f"<!-- {marker}: begin -->\n")[1].split(f"\n<!-- {marker}: end -->")[0]


def test_the_idea_of_the_page_is_short_and_gives_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = dict(re.findall(r"```(\w+)\n(.*?)```", between("simulate", "example"), re.DOTALL))
    assert len(blocks["python"].splitlines()) <= 30
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ideas.py").write_text(blocks["python"])
    done = CliRunner().invoke(app, blocks["sh"].split()[1:])
    assert done.exit_code == 0, done.output
    assert NUMBER.sub("#", done.stdout) == NUMBER.sub("#", blocks["text"])
    ours, shown = ([float(n) for n in NUMBER.findall(text)] for text in (done.stdout, blocks["text"]))
    assert ours == pytest.approx(shown, abs=2e-3, rel=0.02)


@pytest.fixture
def generated(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program behind figures and tables."""
    monkeypatch.syspath_prepend(str(PROJECT / "proofs"))
    return importlib.import_module("theory_pages")


def test_tables_and_numbers_on_the_pages_are_those_of_the_committed_results(generated: Any) -> None:
    for name, marker, text in generated.parts():
        assert between(name.removesuffix(".md"), marker) == text


def test_every_figure_is_there_and_its_command_is_on_the_page(generated: Any) -> None:
    for name, command in generated.FIGURES.items():
        assert f"winnow {command} --figure {name}.svg" in page("theory")
        assert (PROJECT / "docs" / "figures" / f"{name}.svg").read_text("utf-8").startswith("<?xml")


def test_every_curve_is_on_the_page() -> None:
    for name, curve in CURVES.items():
        assert f"| `{name}` | {curve.about} |" in page("theory")
