"""The command reproduce: its output, its exit codes, its errors, and studies of the user."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from winnow.cli.main import app
from winnow.science.studies.registry import STUDIES

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "reproduce-a-study.md"
COIN = PAGE.read_text("utf-8").partition("```python\n")[2].partition("```")[0] + "NOTHING = 7\n"
"""The study on the page, and an object that is no study."""


@pytest.fixture
def reproduce(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`winnow reproduce ARGUMENTS` in this process, with two tiny studies registered."""
    monkeypatch.chdir(tmp_path)
    for name, study in (("tiny", "STUDY"), ("both", "BOTH")):
        monkeypatch.setitem(STUDIES, name, f"tests.science.studies.framework.tiny_study:{study}")
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


def test_the_expected_time_is_printed_before_anything_runs(reproduce: Any) -> None:
    done = reproduce("tiny", "--scale", "small", "--workers", "0")
    assert done.stdout.index("expected: 36 seconds per seed on two cores") < done.stdout.index("1/1 right, seed 0")


def test_the_list_has_every_claim_with_its_status(reproduce: Any) -> None:
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
    ("arguments", "message"),
    [
        ((), ""),
        (("tinny",), "Did you mean 'tiny'"),
        (("tiny", "--set", "run=3"), "Did you mean 'runs'"),
        (("tiny", "--part", "rigth"), "Did you mean 'right'"),
        (("tiny", "--seeds", "x"), "names no seeds"),
        (("tiny", "--scale", "paper"), "has no scale 'paper'"),
    ],
)
def test_a_wrong_argument_names_its_rule(reproduce: Any, arguments: tuple[str, ...], message: str) -> None:
    done = reproduce(*arguments)
    assert (done.exit_code, message in done.stderr) == (2, True), done.output


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_study_in_the_current_folder_runs_by_its_dotted_path(reproduce: Any, tmp_path: Path, workers: str) -> None:
    (tmp_path / "coin_study.py").write_text(COIN)
    done = reproduce("coin_study:STUDY", "--workers", workers, "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert (document["study"], [check["name"] for check in document["checks"]]) == ("coin", ["share of heads"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["coin_study.py", "reproduced"]
    assert reproduce("coin_study:STUDY", "--cite").stdout == "@misc{coin}\n"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("coin_study:NOTHING", "NAME: coin_study:NOTHING is 'int', not a Study"),
        ("coin_study:STUDI", "Did you mean 'STUDY'"),
        ("no_such_study:STUDY", "NAME: cannot import no_such_study"),
    ],
)
def test_a_dotted_path_to_no_study_is_refused(reproduce: Any, tmp_path: Path, path: str, message: str) -> None:
    (tmp_path / "coin_study.py").write_text(COIN)
    done = reproduce(path)
    assert (done.exit_code, message in done.stderr) == (2, True), done.output


def install(folder: Path, entry: str) -> None:
    """A package in a folder with one entry point of the group winnow.studies."""
    (folder / "coin_package-1.0.dist-info").mkdir()
    (folder / "coin_package-1.0.dist-info" / "METADATA").write_text("Name: coin-package\nVersion: 1.0\n")
    (folder / "coin_package-1.0.dist-info" / "entry_points.txt").write_text(f"[winnow.studies]\n{entry}\n")


def test_a_study_of_an_installed_package_is_listed_and_runs_by_its_name(
    reproduce: Any, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("installed")
    (folder / "coin_package.py").write_text(COIN)
    install(folder, "coin = coin_package:STUDY")
    monkeypatch.syspath_prepend(folder)
    assert "reproduced | a coin is fair [folklore]" in reproduce("--list").stdout
    done = reproduce("coin", "--workers", "1")
    assert (done.exit_code, "ok  share of heads" in done.stdout) == (0, True), done.output


@pytest.fixture
def broken_entry_point(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> str:
    """An installed package whose study cannot be imported; returns the message that names it."""
    folder = tmp_path_factory.mktemp("installed")
    install(folder, "coin = no_such_package:STUDY")
    monkeypatch.syspath_prepend(folder)
    return "entry point coin of winnow.studies: cannot import no_such_package"


def test_the_list_leaves_out_a_broken_entry_point_and_names_it_on_stderr(
    reproduce: Any, broken_entry_point: str
) -> None:
    listed = reproduce("--list")
    assert (listed.exit_code, broken_entry_point in listed.stderr) == (0, True)
    assert "reproduced | the mean is a half [nobody]" in listed.stdout
    document = reproduce("--list", "--json")
    assert document.exit_code == 0
    assert {"gaussian", "tiny"} <= json.loads(document.stdout)["studies"].keys()


def test_running_a_broken_entry_point_is_refused(reproduce: Any, broken_entry_point: str) -> None:
    done = reproduce("coin")
    assert (done.exit_code, broken_entry_point in done.stderr) == (2, True)
