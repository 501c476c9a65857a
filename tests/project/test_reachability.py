"""The check of unused code finds what is planted in a small package, and follows every way by which code is used."""

from __future__ import annotations

import pytest

from tests.project.sample_package import SampleProject

MAIN = '''
from importlib import import_module

import typer

COMMANDS = {"select": "select:select"}
app = typer.Typer()


@app.command()
def version() -> None:
    """Registered by its decorator."""


def main() -> None:
    for reference in COMMANDS.values():
        module, _, name = reference.partition(":")
        getattr(import_module(f"winnow.cli.{module}"), name)()
'''
USED = "def used() -> None:\n    print()\n"
UNUSED = "\n\ndef unused() -> None:\n    unused()\n"
TARGET = "winnow.stages.example"
USES = {
    "a name imported at the top": f"from {TARGET} import used\n\n\ndef select() -> None:\n    used()",
    "a name imported in a function": f"def select() -> None:\n    from {TARGET} import used\n    used()",
    "another name": f"from {TARGET} import used as run\n\n\ndef select() -> None:\n    run()",
    "an attribute of a module": "from winnow.stages import example\n\n\ndef select() -> None:\n    example.used()",
    "a full dotted name": f"import {TARGET}\n\n\ndef select() -> None:\n    {TARGET}.used()",
    "a table of plug-ins": f'TABLE = {{"x": "{TARGET}:used"}}\n\n\ndef select() -> None:\n    print(TABLE)',
    "a class, by one of its methods": f"""from {TARGET} import used


class Rows:
    def read(self) -> None:
        used()


def select() -> None:
    Rows()""",
    "an annotation": f"""from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from {TARGET} import used


def select(rows: "list[used]") -> None: ...""",
    "code of the module": f"from {TARGET} import used\n\nTABLE = [used]\n\n\ndef select() -> None: ...",
}


@pytest.fixture
def package(sample: SampleProject) -> SampleProject:
    """A package with one command, which does nothing yet, and one module of a stage."""
    sample.write("src/winnow/cli/main.py", MAIN)
    sample.write("src/winnow/cli/select.py", "def select() -> None: ...")
    sample.write("src/winnow/stages/example.py", USED + UNUSED)
    return sample


def list_findings(package: SampleProject) -> list[str]:
    """Return the lines that the check prints."""
    result = package.check("reachability")
    lines = result.stdout.splitlines()
    assert result.returncode == (0 if lines[-1].startswith("reachability: ") else 1), result.stderr
    return lines


@pytest.mark.parametrize("case", USES)
def test_an_unused_function_is_found_and_a_used_one_is_not(package: SampleProject, case: str) -> None:
    package.write("src/winnow/cli/select.py", USES[case])
    expected = "src/winnow/stages/example.py:7: [unreachable] unused is used by no reachable code"
    assert list_findings(package) == [expected]


def test_a_module_that_nothing_imports_is_found(package: SampleProject) -> None:
    (line,) = list_findings(package)
    assert line.startswith("src/winnow/stages/example.py:1: [unreachable] the module winnow.stages.example is used")


def test_tests_and_other_folders_do_not_count_as_users(package: SampleProject) -> None:
    for path in ("tests/test_example.py", "benchmarks/example.py", "validation/example.py"):
        package.write(path, f"from {TARGET} import used, unused\n\nused()\nunused()")
    assert len(list_findings(package)) == 1


def test_an_import_alone_and_a_local_variable_of_the_same_name_are_no_use(package: SampleProject) -> None:
    text = f"from {TARGET} import used\n\n\ndef select() -> None:\n    used = 1\n    print(used)"
    package.write("src/winnow/cli/select.py", text)
    assert [line.split("] ")[1].split()[0] for line in list_findings(package)] == ["used", "unused"]


def test_public_names_and_their_packages_are_followed(package: SampleProject) -> None:
    package.write("src/winnow/__init__.py", "from winnow.api import select as select")
    package.write("src/winnow/api.py", "from winnow.stages import used as run\n\n\ndef select() -> None:\n    run()")
    package.write("src/winnow/stages/__init__.py", f'from {TARGET} import unused, used\n\n__all__ = ["unused", "used"]')
    assert [line.split("] ")[1].split()[0] for line in list_findings(package)] == ["unused"]


def test_entry_points_are_used(package: SampleProject) -> None:
    (package.root / "pyproject.toml").write_text(
        '[project.scripts]\nwinnow = "winnow.cli.main:main"\n'
        f'[project.entry-points."winnow.verifiers"]\nexample = "{TARGET}:unused"\n'
    )
    assert [line.split("] ")[1].split()[0] for line in list_findings(package)] == ["used"]


def test_references_with_computed_parts_are_followed(package: SampleProject) -> None:
    names = "f'winnow.stages.{stage}:{stage}', f'winnow.stages.{stage}:u{stage}'"
    text = f"def select(stage: str) -> None:\n    print({names})"
    package.write("src/winnow/cli/select.py", text)
    package.write("src/winnow/stages/example.py", f"def example() -> None: ...\n\n\n{USED}{UNUSED}")
    package.write("src/winnow/stages/sed.py", USED)
    assert [line.split("] ")[1].split()[0] for line in list_findings(package)] == ["used", "unused"]


def test_exempt_packages_may_be_unused_until_something_uses_all_of_them(package: SampleProject) -> None:
    package.write("src/winnow/stages/example.py", USED)
    package.write("src/winnow/cli/select.py", USES["a name imported at the top"])
    package.write("src/winnow/storage/journal/__init__.py", "")
    package.write("src/winnow/storage/journal/writer.py", "def append() -> None: ...")
    assert list_findings(package)[0].startswith("reachability: ")
    text = "from winnow.storage.journal.writer import append\n\n\ndef select() -> None:\n    append()"
    package.write("src/winnow/cli/select.py", text)
    package.write("src/winnow/stages/example.py", "", docstring="")
    message = "[exemption] winnow.storage.journal is in use: remove it from EXEMPT"
    assert any(message in line for line in list_findings(package))
