"""What the README says is what happens."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text()


def blocks(name: str, language: str) -> str:
    """The code block of a language in a marked part of the README."""
    part = README.split(f"<!-- {name}: begin -->")[1].split(f"<!-- {name}: end -->")[0]
    found = re.search(rf"```{language}\n(.*?)```", part, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """An environment in which `winnow` is this very code."""
    script = tmp_path / "bin" / "winnow"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m winnow.cli.main "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return {**os.environ, "PATH": f"{script.parent}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}


def run(script: str, folder: Path, environment: dict[str, str]) -> str:
    """What a shell prints, every command of the script succeeding."""
    done = subprocess.run(
        ["sh", "-e"], input=script, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_sixty_second_example_prints_what_the_readme_shows(tmp_path: Path, shell: dict[str, str]) -> None:
    assert run(blocks("example", "sh"), tmp_path, shell) == blocks("example", "text")


def test_the_commands_for_the_demo_files_run_as_they_stand(tmp_path: Path, shell: dict[str, str]) -> None:
    run("winnow demo --out demo", tmp_path, shell)
    run(blocks("demo", "sh"), tmp_path / "demo", shell)
    made = {path.name for path in (tmp_path / "demo").iterdir()}
    assert {"v", "train.jsonl", "control-2.jsonl", "best.jsonl", "top.parquet", "right.csv"} <= made


def test_every_page_the_readme_names_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (Path(__file__).parents[2] / target).is_file(), target


def test_every_command_is_in_the_readme_table() -> None:
    from winnow.cli.main import COMMANDS

    for name, entry in COMMANDS.items():
        assert f"| {entry.group} | `{name}` |" in README


def test_every_room_is_in_the_readme_tree() -> None:
    source = Path(__file__).parents[2] / "src" / "winnow"
    rooms = {path.parent.name for path in source.glob("*/__init__.py")}
    assert rooms == set(re.findall(r"^  (\w+)/", README, re.MULTILINE))
