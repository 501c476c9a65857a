"""Every bad table of the corpus on the command line gives a message, one JSON document and an exit code."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.tables.corpus.all_cases import CASES, REFUSED
from winnow.cli.main import app

ROLES_READ_BY_VERIFY = ("", "text", "id", "prompt_text", "reference")
REFUSED_BY_VERIFY = [
    name
    for name, case in REFUSED.items()
    # Left out: messages, which have no reference for the verifier; a name with NUL, which cannot be an argument; and
    # large files, which are slow.
    if case.role in ROLES_READ_BY_VERIFY and "messages that are" not in name and "\0" not in case.where
    if " MB" not in name
]
OUTPUTS = list(zip(REFUSED_BY_VERIFY, itertools.cycle(["out", "out.jsonl"]), strict=False))


@pytest.mark.parametrize(("name", "out_name"), OUTPUTS)
def test_a_bad_table_ends_the_command_with_a_report_and_leaves_no_output(
    name: str, out_name: str, tmp_path: Path
) -> None:
    case = CASES[name]
    (tmp_path / "in").mkdir()
    (tmp_path / "to").mkdir()
    options = [argument for role, column in case.columns.items() for argument in (f"--{role}", column)]
    table, out = case.make(tmp_path / "in"), str(tmp_path / "to" / out_name)
    result = CliRunner().invoke(app, ["verify", table, *options, "--with", "number", "--out", out, "--json"])
    assert result.exit_code == case.exit_code
    assert isinstance(result.exception, SystemExit)
    report = json.loads(result.stdout)["error"]
    assert report["where"].endswith(case.where)
    assert report["exit_code"] == case.exit_code
    assert case.rule in result.stderr
    assert "Traceback" not in result.output
    assert result.stderr.replace("\n", "").isprintable()
    assert list((tmp_path / "to").iterdir()) == []
