"""The command simulate: reproducible tables, rows and figures, and functions of the user."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from winnow.cli.main import app

SHORT = ("--set", "n=50,200", "--set", "d=8")
FUNCTIONS = """
import numpy as np

def near(x, y, rng):
    return np.where(np.abs(x[:, 0]) < 0.5, -y, y)

def sure(x, y, given, rng):
    return np.abs(x[:, 0]) > 0.3

def mean(x, given, n, lam):
    return x.T @ given / n

def crash(x, y, rng):
    raise KeyError("no such row")

def short(x, y, given, rng):
    return np.ones(3, bool)

def numbers(x, y, given, rng):
    return x[:, 0]

def thirds(x, y, rng):
    return y / 3

nothing = 7
"""


@pytest.fixture
def simulate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`winnow simulate ARGUMENTS` in this process, with mine.py in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(FUNCTIONS)
    return lambda *arguments: CliRunner().invoke(app, ["simulate", *arguments])


def test_seeds_and_grids_give_tidy_rows_in_both_formats(simulate: Any, tmp_path: Path) -> None:
    arguments = ("selection", *SHORT, "--seeds", "0-1", "--grid", "noise=flips,linear")
    assert simulate(*arguments, "--out", "r.csv").exit_code == 0
    done = simulate(*arguments, "--out", "r.jsonl", "--json")
    rows = list(csv.DictReader((tmp_path / "r.csv").read_text().splitlines()))
    assert len(rows) == 2 * 2 * 2 * 3
    assert rows[0].keys() == {"seed", "noise", "n", "line", "value"}
    lines = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert lines == json.loads(done.stdout)["rows"]
    assert [str(line["value"]) for line in lines] == [row["value"] for row in rows]


@pytest.mark.parametrize("form", ["svg", "png"])
def test_the_same_command_draws_the_same_bytes(simulate: Any, tmp_path: Path, form: str) -> None:
    for name in ("first", "second"):
        done = simulate("center", "--set", "rounds=3", "--figure", f"{name}.{form}")
        assert done.exit_code == 0, done.output
    content = (tmp_path / f"first.{form}").read_bytes()
    assert content == (tmp_path / f"second.{form}").read_bytes()
    assert content.startswith(b"\x89PNG" if form == "png" else b"<?xml")


def test_noise_policy_and_loss_may_be_functions_of_the_user(simulate: Any) -> None:
    plain = simulate("selection", *SHORT, "--json")
    mine = ("--set", "noise=mine:near", "--set", "policy=mine:sure", "--set", "loss=mine:mean")
    done = simulate("selection", *SHORT, *mine, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["rows"] != json.loads(plain.stdout)["rows"]
    assert json.loads(done.stdout)["settings"]["policy"] == "mine:sure"
    both = simulate("selection", *SHORT, "--grid", "policy=rates,mine:sure")
    assert "student [policy=mine:sure" in both.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("selectoin",), "Did you mean 'selection'"),
        (("selection", "--set", "noise=flop"), "is one of flips, linear"),
        (("selection", "--set", "dd=3"), "Did you mean 'd'"),
        (("selection", "--set", "noise=mine:nearest"), "has no 'nearest'"),
        (("selection", "--set", "noise=mine:nothing"), "not a function"),
        (("selection", *SHORT, "--set", "noise=mine:crash"), "raised KeyError"),
        (("selection", *SHORT, "--set", "noise=mine:thirds"), "other than +1 and -1"),
        (("selection", *SHORT, "--set", "policy=mine:short"), "returned the shape (3,)"),
        (("selection", *SHORT, "--set", "policy=mine:numbers"), "not booleans"),
        (("selection", "--set", "d=-3"), "these settings give no curve"),
        (("regression", "--set", "rows=5"), "more than d + 1"),
        (("breakdown", "--figure", "f.gif"), "neither .svg nor .png"),
        (("breakdown", "--out", "f.parquet"), "neither .csv nor .jsonl"),
    ],
)
def test_a_wrong_argument_or_function_is_a_usage_error(simulate: Any, arguments: tuple[str, ...], message: str) -> None:
    done = simulate(*arguments)
    assert (done.exit_code, message in done.stderr) == (2, True), done.output
    assert "Traceback" not in done.output


def test_without_a_name_all_curves_are_listed_and_settings_are_shown_without_a_run(simulate: Any) -> None:
    assert "weak-labels" in simulate().stdout
    assert "ratio=2000" in simulate("breakdown", "--settings").stdout
