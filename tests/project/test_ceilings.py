"""Every ceiling is broken once in a small project, and once kept exactly."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.project.sample_package import SampleProject

CATCH_ALL = "def f() -> int:\n    try:\n        return 1\n    except {}:\n        return 2"
TWO_CATCHES = "\n".join(CATCH_ALL.replace("f()", "{}()") for _ in range(2))
LONG_SIGNATURE = "def f(\n" + "".join(f"    a{number}: int,\n" for number in range(50)) + ") -> None:\n"
LONG_DOCSTRING = '    """Do this.\n' + "    more\n" * 50 + '    """\n'
IMPORTED_BASES = {
    "a module": "from winnow.tables import base as b\nclass Final(b.Middle): ...",
    "a class": "from winnow.tables.base import Middle as M\nclass Final(M): ...",
    "a module by its full name": "import winnow.tables.base\nclass Final(winnow.tables.base.Middle[int]): ...",
    "a module by another name": "import winnow.tables.base as b\nclass Final(b.Middle): ...",
}

BROKEN = {
    "a file of 401 lines": ("file-length", "x = 1\n" * 398),  # the docstring and the line ends are three more
    "a function of 61 lines": ("function-length", "def f() -> None:\n" + "    print()\n" * 61),
    "61 lines below a docstring": ("function-length", "def f() -> None:\n" + LONG_DOCSTRING + "    print()\n" * 61),
    "a method of 61 lines": ("function-length", "class A:\n  def f(self):\n" + "    print()\n" * 61),
    "except Exception": ("catch-all", CATCH_ALL.format("Exception")),
    "except BaseException in a tuple": ("catch-all", CATCH_ALL.format("(ValueError, builtins.BaseException) as e")),
    "a bare except": ("catch-all", CATCH_ALL.format("").replace("except :", "except:")),
    "torch at the top": ("heavy-import", "import torch.nn as nn"),
    "torch in a class body": ("heavy-import", "class A:\n    from torch import nn"),
    "torch in a try": ("heavy-import", "try:\n    import torch\nexcept ImportError:\n    torch = None"),
    "three levels of base classes": ("class-depth", "class A: ...\nclass B(A): ...\nclass C(B): ...\nclass D(C): ..."),
    "a file that does not parse": ("python", "def f(:"),
}
ALLOWED = {
    "a file of 400 lines": "x = 1\n" * 397,
    "a function of 60 lines": "def f() -> None:\n" + "    print()\n" * 60,
    "60 lines below a long signature": LONG_SIGNATURE + "    print()\n" * 60,
    "60 lines below a long docstring": "def f() -> None:\n" + LONG_DOCSTRING + "    print()\n" * 60,
    "a named error": CATCH_ALL.format("ValueError"),
    "torch where it is needed": "def f() -> None:\n    import torch\n    print(torch)",
    "torch for the types only": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch",
    "two levels of base classes": "class A: ...\nclass B(A): ...\nclass C(B, Exception): ...",
    "many parameters": f"def f({', '.join(f'a{number}' for number in range(12))}): ...",
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_ceiling_is_reported_with_file_line_and_rule(sample: SampleProject, case: str) -> None:
    rule, text = BROKEN[case]
    sample.write("src/winnow/tables/example.py", text)
    result = sample.check("ceilings")
    assert result.returncode == 1
    assert re.search(rf"^src/winnow/tables/example\.py:\d+: \[{rule}\] ", result.stdout, re.MULTILINE), result.stdout


@pytest.mark.parametrize("case", ALLOWED)
def test_code_exactly_at_a_ceiling_passes(sample: SampleProject, case: str) -> None:
    sample.write("src/winnow/tables/example.py", ALLOWED[case])
    result = sample.check("ceilings")
    assert (result.returncode, result.stderr) == (0, "")


def test_only_listed_functions_may_catch_every_exception_and_the_list_is_current(sample: SampleProject) -> None:
    path = "src/winnow/verifiers/user_functions.py"
    sample.write(path, TWO_CATCHES.format("_call_once", "Exception", "_safe_text", "Exception"))
    assert sample.check("ceilings").returncode == 0
    sample.write(path, TWO_CATCHES.format("other", "Exception", "_safe_text", "ValueError"))
    lines = sample.check("ceilings").stdout.splitlines()
    assert sorted(line.split("] ")[1].split()[0] for line in lines) == ["_call_once", "_safe_text", "other"]


def test_a_class_name_occurs_once_in_the_package(sample: SampleProject) -> None:
    for path in ("src/winnow/tables/rows.py", "src/winnow/storage/rows.py", "tests/rows.py"):
        sample.write(path, "class Rows: ...")
    found = [line for line in sample.check("ceilings").stdout.splitlines() if "[class-name]" in line]
    assert len(found) == 1
    assert "Rows is also the name of a class at src/winnow/" in found[0]


@pytest.mark.parametrize("path", ["src/winnow/tables/told.py", "tools/under_way.py", "src/winnow/parts/__init__.py"])
def test_vague_module_names_are_refused(sample: SampleProject, path: str) -> None:
    sample.write(path, "")
    assert f"{path}:1: [module-name]" in sample.check("ceilings").stdout


@pytest.mark.parametrize("case", IMPORTED_BASES)
def test_a_base_class_is_found_however_it_was_imported(sample: SampleProject, case: str) -> None:
    sample.write("src/winnow/tables/base.py", "class First: ...\nclass Second(First): ...\nclass Middle(Second): ...")
    sample.write("src/winnow/stages/last.py", IMPORTED_BASES[case])
    assert "src/winnow/stages/last.py:4: [class-depth] Final" in sample.check("ceilings").stdout


def test_heavy_libraries_may_be_imported_at_the_top_by_models_and_tests(sample: SampleProject) -> None:
    for path in ("src/winnow/models/tiny/net.py", "src/winnow/stages/train.py", "tests/models/test_net.py"):
        sample.write(path, "import torch")
    assert sample.check("ceilings").returncode == 0


def test_every_library_of_an_extra_counts_as_heavy(sample: SampleProject) -> None:
    project = tomllib.loads((sample.root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {name: lines for name, lines in project["optional-dependencies"].items() if name not in ("all", "dev")}
    names = {re.split(r"[\[<>=]", line)[0].replace("-", "_") for lines in extras.values() for line in lines}
    sample.write("src/winnow/tables/example.py", "\n".join(f"import {name}" for name in sorted(names)))
    assert set(re.findall(r"\[heavy-import\] import (\w+)", sample.check("ceilings").stdout)) == names
    assert "torch" in names


@pytest.mark.parametrize("tool", ["ceilings", "docstrings", "reachability", "spelling"])
def test_a_sound_project_passes_every_check(sample: SampleProject, tool: str) -> None:
    result = sample.check(tool)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    assert result.stdout.startswith(f"{tool}: ")
