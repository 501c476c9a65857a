"""The contracts of import-linter cover every package, and one import against each contract is refused."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.project.sample_package import PROJECT, SampleProject

FORBIDDEN = {
    "an upward import inside a function": {"tables/a.py": "def f() -> None:\n    import winnow.stages"},
    "a study that imports a stage": {"science/studies/a.py": "import winnow.stages"},
    "a stage that imports the package itself": {"stages/a.py": "import winnow"},
    "a cycle between two packages": {
        "stages/x/__init__.py": "",
        "stages/y/__init__.py": "",
        "stages/x/a.py": "import winnow.stages.y.b",
        "stages/y/b.py": "",
        "stages/y/c.py": "import winnow.stages.x.a",
    },
}


@pytest.fixture
def layered(sample: SampleProject) -> SampleProject:
    """A project with every package that the contracts name."""
    for name in layers():
        path = name.removeprefix("winnow.").replace(".", "/")
        sample.write(f"src/winnow/{path}/__init__.py", "")
    return sample


def layers() -> list[str]:
    """Return the names of the layers, from the top down."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = project["tool"]["importlinter"]["contracts"][0]["layers"]
    return [name for line in lines for name in re.split(r" \| ", line)]


def list_packages(folder: Path) -> set[str]:
    """Return the dotted names of the modules and packages in a folder of the source."""
    found = {path.with_suffix("") for path in folder.glob("*.py") if path.stem != "__init__"}
    found |= {path.parent for path in folder.glob("*/__init__.py")}
    return {".".join(path.relative_to(PROJECT / "src").parts) for path in found}


def test_every_package_belongs_to_a_layer() -> None:
    source = PROJECT / "src" / "winnow"
    packages = (list_packages(source) | list_packages(source / "science")) - {"winnow.science"}
    assert packages == set(layers())


@pytest.mark.parametrize("case", FORBIDDEN)
def test_a_forbidden_import_breaks_one_contract(layered: SampleProject, case: str) -> None:
    for path, text in FORBIDDEN[case].items():
        layered.write(f"src/winnow/{path}", text)
    result = layered.check_layers()
    assert result.returncode == 1
    assert "1 broken" in result.stdout, result.stdout


def test_downward_imports_and_studies_of_the_public_api_are_allowed(layered: SampleProject) -> None:
    layered.write("src/winnow/__init__.py", "def measure() -> None:\n    import winnow.stages")
    layered.write("src/winnow/cli/a.py", "import winnow\nfrom winnow import measure")
    layered.write("src/winnow/science/studies/a.py", "import winnow\nfrom winnow import text")
    layered.write("src/winnow/stages/a.py", "import winnow.tables, winnow.text, winnow.science.theory")
    result = layered.check_layers()
    assert result.returncode == 0, result.stdout
    assert "4 kept, 0 broken" in result.stdout
