"""The Makefile, the script of continuous integration and the metadata of the project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from tests.project.sample_package import PROJECT


def read_pyproject() -> dict[str, Any]:
    """Return the content of pyproject.toml."""
    return tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))


def run_make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make with the Makefile of the project in another folder."""
    shutil.copy(PROJECT / "Makefile", folder)
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(PROJECT / name, folder)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_help_lists_every_target(tmp_path: Path) -> None:
    targets = set(re.findall(r"^make (\w+)", run_make(tmp_path).stdout, re.MULTILINE))
    assert targets == {"install", "demo", "test", "check", "reference", "examples", "pages", "bench", "faults", "clean"}


OLD_PYTHON = """#!/bin/sh
[ "$1" = --version ] && echo Python 3.10.9 && exit
exec '{python}' -c 'import sys; sys.version_info = (3, 10, 9, "final", 0); exec(sys.argv[1])' "$2"
"""


def test_a_python_that_is_too_old_is_refused_before_anything_is_installed(tmp_path: Path) -> None:
    old = tmp_path / "oldpython"
    old.write_text(OLD_PYTHON.format(python=sys.executable), encoding="utf-8")
    old.chmod(0o755)
    result = run_make(tmp_path, "install", "PYTHON=./oldpython")
    assert result.returncode != 0
    assert "winnow needs Python 3.11 or newer; './oldpython' is Python 3.10.9." in result.stderr
    assert not (tmp_path / ".venv").exists()


def test_a_missing_python_is_reported(tmp_path: Path) -> None:
    result = run_make(tmp_path, "install", "PYTHON=no-such-python")
    assert result.returncode != 0
    assert "'no-such-python' is not installed." in result.stderr


def test_clean_removes_what_make_created_and_nothing_else(tmp_path: Path) -> None:
    created = (".venv", ".venv-bench", "demo", "src/a/__pycache__")
    folders = ("tests", "tools", "benchmarks", "fault_injection", "validation")
    for name in (*created, *folders):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "src/a/code.py").touch()
    assert run_make(tmp_path, "clean").returncode == 0
    remaining = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert remaining == {"Makefile", "pyproject.toml", "constraints.txt", "src", "src/a", "src/a/code.py", *folders}


def run_ci(folder: Path, *installed: str) -> list[str]:
    """Run `.ci/run` where only these programs are installed, and return the commands that it runs."""
    for name in ("bash", "dirname", "id", "env"):
        (folder / name).symlink_to(str(shutil.which(name)))
    log = folder / "log"
    programs = {name: f'echo "{name} $*" >>"{log}"' for name in (*installed, "apt-get")} | {"sudo": 'exec "$@"'}
    for name, line in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    command = [str(PROJECT / ".ci/run")]
    subprocess.run(command, env={"PATH": str(folder)}, capture_output=True, timeout=60, check=True)
    lines = log.read_text(encoding="utf-8").splitlines()
    return [line.split("--no-install-recommends ")[-1] for line in lines if not line.startswith("python3")]


def test_ci_installs_nothing_where_nothing_is_missing_and_checks_before_it_tests(tmp_path: Path) -> None:
    assert run_ci(tmp_path, "python3", "make", "gcc", "strace") == ["make check", "make test"]


def test_ci_installs_only_what_is_missing(tmp_path: Path) -> None:
    expected = ["apt-get update -qq", "python3-venv gcc libc6-dev strace", "make check", "make test"]
    assert run_ci(tmp_path, "make") == expected


def test_torch_is_pinned_for_development_and_never_in_the_metadata() -> None:
    project = read_pyproject()["project"]
    requirements = [
        *project["dependencies"],
        *(line for lines in project["optional-dependencies"].values() for line in lines),
    ]
    assert [line for line in requirements if "==" in line] == []
    assert re.search(r"^torch==2\.13\.0$", (PROJECT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_required_library_has_a_lowest_version_and_a_pinned_one() -> None:
    project = read_pyproject()["project"]
    requirements = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    assert [line for line in requirements if not re.fullmatch(r"[a-z-]+>=[\d.]+", line)] == []
    pinned = re.findall(r"^([a-z-]+)==", (PROJECT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert {line.split(">")[0] for line in requirements} <= set(pinned)


def test_the_extra_all_contains_every_other_extra() -> None:
    extras = read_pyproject()["project"]["optional-dependencies"]
    assert re.findall(r"\w+", extras["all"][0].split("[")[1]) == sorted(set(extras) - {"all", "dev"})


def test_the_changelog_begins_with_unreleased_changes() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased"
