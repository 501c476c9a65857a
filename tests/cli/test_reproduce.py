"""The command reproduce: what it says, what it ends with, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from winnow.cli.main import app
from winnow.science.studies.registry import STUDIES


@pytest.fixture
def reproduce(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`winnow reproduce ARGUMENTS` in this process, with the tiny studies named."""
    monkeypatch.chdir(tmp_path)
    for name in ("STUDY", "BOTH"):
        monkeypatch.setitem(
            STUDIES, {"STUDY": "tiny"}.get(name, "both"), f"tests.science.studies.framework.tiny_study:{name}"
        )
    return lambda *arguments: CliRunner().invoke(app, ["reproduce", *arguments])


def test_a_study_whose_checks_hold_ends_with_0_and_is_one_document(reproduce: Any, tmp_path: Path) -> None:
    done = reproduce("tiny", "--seeds", "0-1", "--workers", "0", "--json", "--record", "r.json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert {"study", "scale", "seconds", "environment", "checks"} <= found.keys()
    (check,) = found["checks"]
    assert {"name", "got", "want", "tolerance", "ok", "source"} <= check.keys()
    assert found["environment"].keys() == {"winnow", "python", "numpy", "scipy"}
    recorded = json.loads((tmp_path / "r.json").read_text())
    assert recorded["checks"] == found["checks"] and "seconds" not in recorded
    assert (tmp_path / "reproduced" / "tiny" / "rows.csv").exists()


def test_a_check_that_fails_ends_with_1_and_is_marked(reproduce: Any) -> None:
    done = reproduce("both", "--workers", "0")
    assert done.exit_code == 1
    assert "NOT wrong mean" in done.stdout and "1 of 2 checks hold" in done.stdout
    assert reproduce("both", "--workers", "0", "--part", "right").exit_code == 0


def test_hours_are_said_before_anything_runs(reproduce: Any) -> None:
    done = reproduce("tiny", "--scale", "small", "--workers", "0")
    assert done.stdout.index("expected: 36 seconds a seed on two cores") < done.stdout.index("1/1 right, seed 0")


def test_the_list_has_every_claim_with_how_it_stands(reproduce: Any) -> None:
    done = reproduce("--list")
    assert "reproduced | the mean is a half [nobody]" in done.stdout
    assert "not published here" in done.stdout
    assert json.loads(reproduce("--list", "--json").stdout)["studies"]["tiny"]["hours"] == {
        "quick": 0.0001, "small": 0.01,
    }  # fmt: skip


def test_settings_and_citations_are_shown_without_a_run(reproduce: Any, tmp_path: Path) -> None:
    assert "runs=4000\n" in reproduce("tiny", "--settings").stdout
    assert reproduce("tiny", "--cite").stdout == "@misc{tiny}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), ""),
        (("tinny",), "Did you mean 'tiny'"),
        (("tiny", "--set", "run=3"), "Did you mean 'runs'"),
        (("tiny", "--part", "rigth"), "Did you mean 'right'"),
        (("tiny", "--seeds", "x"), "names no seeds"),
        (("tiny", "--scale", "paper"), "has no scale 'paper'"),
    ],
)
def test_a_wrong_argument_names_its_rule(reproduce: Any, arguments: tuple[str, ...], said: str) -> None:
    done = reproduce(*arguments)
    assert (done.exit_code, said in done.stderr) == (2, True), done.output
