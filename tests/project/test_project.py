"""What stands around the code: types and style bite, the Makefile says what is missing, the metadata is whole."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.project.sample_package import PROJECT, House

UNTYPED = {
    "an argument without a type": "def f(a) -> None: ...",
    "a missing return type": "def f(a: int): ...",
    "a bare generic": "def f(a: list) -> None: ...",
    "a wrong type": "x: int = 'a'",
    "an ignore that ignores nothing": "x: int = 1  # type: ignore[assignment]",
}
UNSTYLED = {
    "F401": "import os",
    "S301": "import pickle\n\npickle.loads(b'')",
    "S307": "eval('1')",
    "S506": "import yaml\n\nyaml.load('a', Loader=yaml.Loader)",
    "ERA001": "# print(1)",
    "TID252": "from . import errors\n\nprint(errors)",
    "E501": f"x = '{'a' * 120}'",
    "B006": "def f(a: list[int] = []) -> None:\n    print(a)",
}


def settings() -> dict[str, Any]:
    """The project's own pyproject.toml."""
    return tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", UNTYPED)
def test_what_is_not_typed_strictly_is_refused(house: House, case: str) -> None:
    house.write("src/winnow/data/a.py", UNTYPED[case])
    done = house.types()
    assert done.returncode == 1
    assert "src/winnow/data/a.py:3: error" in done.stdout


@pytest.mark.parametrize("rule", UNSTYLED)
def test_what_breaks_the_style_is_refused(house: House, rule: str) -> None:
    house.write("src/winnow/data/a.py", UNSTYLED[rule])
    done = house.style()
    assert done.returncode == 1
    assert rule in done.stdout


def test_a_sound_house_passes_types_and_style(house: House) -> None:
    assert (house.types().returncode, house.style().returncode) == (0, 0)


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run make on the project's Makefile, in a folder of its own."""
    shutil.copy(PROJECT / "Makefile", folder)
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(PROJECT / name, folder)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(["make", *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_help_tells_every_target_that_a_person_types(tmp_path: Path) -> None:
    told = set(re.findall(r"^make (\w+)", make(tmp_path).stdout, re.MULTILINE))
    assert told == {"install", "demo", "test", "check", "bench", "faults", "clean"}


OLD = """#!/bin/sh
[ "$1" = --version ] && echo Python 3.10.9 && exit
exec '{python}' -c 'import sys; sys.version_info = (3, 10, 9, "final", 0); exec(sys.argv[1])' "$2"
"""


def test_a_python_that_is_too_old_is_named_before_anything_is_made(tmp_path: Path) -> None:
    old = tmp_path / "oldpython"
    old.write_text(OLD.format(python=sys.executable), encoding="utf-8")
    old.chmod(0o755)
    done = make(tmp_path, "install", "PYTHON=./oldpython")
    assert done.returncode != 0
    assert "winnow needs Python 3.11 or newer; './oldpython' is Python 3.10.9." in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_a_python_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    done = make(tmp_path, "install", "PYTHON=no-such-python")
    assert done.returncode != 0
    assert "'no-such-python' is not there." in done.stderr


def test_clean_takes_away_what_make_made_and_nothing_else(tmp_path: Path) -> None:
    for name in (".venv", ".venv-bench", "demo", "src/a/__pycache__", "tests", "tools", "bench", "faults"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "src/a/kept.py").touch()
    assert make(tmp_path, "clean").returncode == 0
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    sources = {"src", "src/a", "src/a/kept.py", "tests", "tools", "bench", "faults"}
    assert left == {"Makefile", "pyproject.toml", "constraints.txt", *sources}


def push(folder: Path, *there: str) -> list[str]:
    """What `.ci/run` does on a machine where only these programs are there: each tells what it was asked."""
    for name in ("bash", "dirname", "id", "env"):
        (folder / name).symlink_to(str(shutil.which(name)))
    log = folder / "log"
    programs = {name: f'echo "{name} $*" >>"{log}"' for name in (*there, "apt-get")} | {"sudo": 'exec "$@"'}
    for name, line in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    command = [str(PROJECT / ".ci/run")]
    subprocess.run(command, env={"PATH": str(folder)}, capture_output=True, timeout=60, check=True)
    said = log.read_text(encoding="utf-8").splitlines()
    return [line.split("--no-install-recommends ")[-1] for line in said if not line.startswith("python3")]


def test_a_push_installs_nothing_where_nothing_is_missing_and_checks_before_it_tests(tmp_path: Path) -> None:
    assert push(tmp_path, "python3", "make", "gcc", "strace") == ["make check", "make test"]


def test_a_push_installs_what_a_clean_machine_lacks_and_only_that(tmp_path: Path) -> None:
    done = ["apt-get update -qq", "python3-venv gcc libc6-dev strace", "make check", "make test"]
    assert push(tmp_path, "make") == done


def test_torch_is_pinned_for_development_and_never_in_the_metadata() -> None:
    project = settings()["project"]
    needs = [*project["dependencies"], *(line for lines in project["optional-dependencies"].values() for line in lines)]
    assert [line for line in needs if "==" in line] == []
    assert re.search(r"^torch==2\.13\.0$", (PROJECT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_library_that_is_asked_for_has_a_lowest_version_and_a_tested_one() -> None:
    project = settings()["project"]
    needs = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    assert [line for line in needs if not re.fullmatch(r"[a-z-]+>=[\d.]+", line)] == []
    pinned = re.findall(r"^([a-z-]+)==", (PROJECT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert {line.split(">")[0] for line in needs} <= set(pinned)


def test_all_asks_for_every_extra_but_the_tools() -> None:
    extras = settings()["project"]["optional-dependencies"]
    assert re.findall(r"\w+", extras["all"][0].split("[")[1]) == sorted(set(extras) - {"all", "dev"})


def test_the_changelog_has_a_place_for_what_is_not_released() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased"
