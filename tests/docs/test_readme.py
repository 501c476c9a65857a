"""The README lists every command and package, and its commands run."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from winnow.cli.main import app

PROJECT = Path(__file__).parents[2]
README = (PROJECT / "README.md").read_text("utf-8")


def blocks(name: str, language: str) -> str:
    """Return the code block of a language in a marked part of the README."""
    part = README.split(f"<!-- {name}: begin -->")[1].split(f"<!-- {name}: end -->")[0]
    match = re.search(rf"```{language}\n(.*?)```", part, re.DOTALL)
    assert match is not None
    return match[1]


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """An environment in which `winnow` is this checkout."""
    script = tmp_path / "bin" / "winnow"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m winnow.cli.main "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return {**os.environ, "PATH": f"{script.parent}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}


def run(script: str, folder: Path, environment: dict[str, str]) -> str:
    """Return what a script prints; every command must succeed."""
    done = subprocess.run(
        ["sh", "-e"], input=script, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands_for_the_demo_files_run_as_they_stand(tmp_path: Path, shell: dict[str, str]) -> None:
    run("winnow demo --out demo", tmp_path, shell)
    run(blocks("demo", "sh"), tmp_path / "demo", shell)
    made = {path.name for path in (tmp_path / "demo").iterdir()}
    assert {"v", "train.jsonl", "control-2.jsonl", "best.jsonl", "top.parquet", "right.csv"} <= made


def test_every_command_is_in_the_readme_table_under_its_group() -> None:
    help_text = CliRunner().invoke(app, ["--help"], env={"NO_COLOR": "1", "COLUMNS": "120"}).stdout
    group = ""
    commands: list[tuple[str, str]] = []
    for line in help_text.splitlines():
        if title := re.match(r"╭─ (\w+) ", line):
            group = title[1]
        elif group != "Options" and (command := re.match(r"│ (\w+)  ", line)):
            commands.append((group, command[1]))
    assert ("Act", "verify") in commands
    for group_name, command_name in commands:
        assert f"| {group_name} | `{command_name}` |" in README


def test_every_package_is_in_the_readme_tree() -> None:
    source = PROJECT / "src" / "winnow"
    listed = set(re.findall(r"^  (\w+)[/.]", README, re.MULTILINE))
    assert {path.parent.name for path in source.glob("*/__init__.py")} <= listed
    assert listed <= {path.stem for path in source.iterdir()}
