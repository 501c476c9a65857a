"""Every bad table of the corpus on the command line gives a message, one JSON document and an exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.tables.corpus.all_cases import CASES, REFUSED
from winnow.cli.main import app

PARTS_OF_VERIFY = ("", "text", "id", "prompt_text", "reference")
WITHOUT_REFERENCE = [name for name in REFUSED if "messages that are" in name]
MET = [
    name
    for name, case in REFUSED.items()
    if case.part in PARTS_OF_VERIFY and name not in WITHOUT_REFERENCE and "\0" not in case.where
]


@pytest.mark.parametrize("name", MET)
def test_a_bad_table_ends_the_command_with_its_report_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    (tmp_path / "in").mkdir()
    options = [word for part, column in case.columns.items() for word in (f"--{part}", column)]
    given = case.make(tmp_path / "in")
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["verify", given, *options, "--with", "number", "--out", str(out), "--json"])
    assert done.exit_code == case.exit_code
    assert isinstance(done.exception, SystemExit)
    report = json.loads(done.stdout)["error"]
    assert report["where"].endswith(case.where)
    assert report["exit_code"] == case.exit_code
    assert case.says in done.stderr
    assert "Traceback" not in done.output
    assert done.stderr.replace("\n", "").isprintable()
    assert not out.exists()
