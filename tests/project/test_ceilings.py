"""Each ceiling is broken once in a tiny house, and once just not."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest

from tests.project.sample_package import PROJECT, House

SEVEN = "a, b, c, d, e, f, g"
CATCH_ALL = "def f() -> int:\n    try:\n        return 1\n    except {}:\n        return 2"
CATCHES = "\n".join(CATCH_ALL.replace("f()", "{}()") for _ in range(2))
DEPTH = "class A: ...\nclass B(A): ...\nclass C(B): ..."
ACROSS = {
    "a module": "from winnow.tables import base as b\nclass Final(b.Middle): ...",
    "a class": "from winnow.tables.base import Middle as M\nclass Final(M): ...",
    "a module by its whole name": "import winnow.tables.base\nclass Final(winnow.tables.base.Middle[int]): ...",
    "a module by another name": "import winnow.tables.base as b\nclass Final(b.Middle): ...",
}

BROKEN = {
    "a file of 401 lines": ("file", "x = 1\n" * 398),  # three more are the opening and the ends
    "a function of 61 lines": ("function", "def f() -> None:\n" + "    print()\n" * 60),
    "an inner function of 61 lines": ("function", "class A:\n  def f(self):\n" + "    print()\n" * 60),
    "seven parameters": ("parameters", f"def f({SEVEN}): ..."),
    "an inner function with seven": ("parameters", f"def f() -> None:\n    def g({SEVEN}): ..."),
    "seven keywords": ("parameters", f"def f(*, {SEVEN}): ..."),
    "a method with seven": ("parameters", f"class A:\n    def f(self, {SEVEN}): ..."),
    "except Exception": ("except", CATCH_ALL.format("Exception")),
    "except BaseException by a longer way": ("except", CATCH_ALL.format("(ValueError, builtins.BaseException) as e")),
    "a bare except": ("except", CATCH_ALL.format("").replace("except :", "except:")),
    "torch at the top": ("heavy", "import torch.nn as nn"),
    "torch in a class body": ("heavy", "class A:\n    from torch import nn"),
    "torch in a try": ("heavy", "try:\n    import torch\nexcept ImportError:\n    torch = None"),
    "three classes deep": ("class", DEPTH),
    "a file that does not parse": ("python", "def f(:"),
}
SOUND = {
    "a file of 400 lines": "x = 1\n" * 397,
    "a function of 60 lines": "def f() -> None:\n" + "    print()\n" * 59,
    "six parameters and self": f"class A:\n    def f(self, {SEVEN[3:]}): ...",
    "a command's many options": f"@app.command('measure')\ndef f({SEVEN}): ...",
    "a named error": CATCH_ALL.format("ValueError"),
    "torch where it is needed": "def f() -> None:\n    import torch\n    print(torch)",
    "torch for the types only": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch",
    "abstract then final": "class A: ...\nclass B(A): ...\nclass C(A, Exception): ...",
}


@pytest.mark.parametrize("case", BROKEN)
def test_every_ceiling_is_felt_and_the_file_line_and_rule_are_named(house: House, case: str) -> None:
    rule, text = BROKEN[case]
    house.write("src/winnow/data/room.py", text)
    done = house.ceilings()
    assert done.returncode == 1
    assert re.search(rf"^src/winnow/data/room\.py:\d+: \[{rule}\] ", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize("case", SOUND)
def test_what_just_fits_under_a_ceiling_is_let_through(house: House, case: str) -> None:
    house.write("src/winnow/data/room.py", SOUND[case])
    assert (house.ceilings().returncode, house.ceilings().stderr) == (0, "")


@pytest.mark.parametrize("opening", ["", '"""."""\n', '"""Too short."""\n'])
def test_a_module_that_does_not_say_what_it_does_is_named(house: House, opening: str) -> None:
    house.write("src/winnow/data/room.py", f"{opening}x = 1\n", opening="")
    assert "src/winnow/data/room.py:1: [opening]" in house.ceilings().stdout


def test_a_verifier_s_crash_may_be_caught_where_the_list_says_so_and_nowhere_else(house: House) -> None:
    house.write("src/winnow/verifiers/functions.py", CATCHES.format("_answer", "Exception", "_seen", "Exception"))
    assert house.ceilings().returncode == 0
    house.write("src/winnow/verifiers/functions.py", CATCHES.format("other", "Exception", "_seen", "ValueError"))
    lines = house.ceilings().stdout.splitlines()
    assert [line.split("] ")[1].split()[0] for line in lines] == ["_answer", "_seen", "other"]


def test_an_empty_file_has_nothing_to_say(house: House) -> None:
    house.write("tests/data/__init__.py", "", opening="")
    assert house.ceilings().returncode == 0


@pytest.mark.parametrize("folder", ["src/winnow/data", "tests/data"])
def test_a_tenth_file_in_a_folder_is_one_too_many_in_tests_too(house: House, folder: str) -> None:
    for number in range(9):
        house.write(f"{folder}/room{number}.py", "")
    house.write(f"{folder}/deeper/room.py", "")
    assert house.ceilings().returncode == 0
    house.write(f"{folder}/room9.py", "")
    assert f"{folder}:1: [folder] 10 files" in house.ceilings().stdout


@pytest.mark.parametrize("case", ACROSS)
def test_a_third_class_is_found_in_another_file_however_it_was_imported(house: House, case: str) -> None:
    house.write("src/winnow/data/base.py", "class First: ...\nclass Middle(First): ...")
    house.write("src/winnow/stages/last.py", ACROSS[case])
    assert "src/winnow/stages/last.py:4: [class] Final" in house.ceilings().stdout


def test_heavy_libraries_may_stand_at_the_top_where_models_are_built_and_in_tests(house: House) -> None:
    for path in ("src/winnow/models/tiny/net.py", "src/winnow/stages/train.py", "tests/models/test_net.py"):
        house.write(path, "import torch")
    assert house.ceilings().returncode == 0


def test_the_median_length_of_functions_is_printed(house: House) -> None:
    house.write("src/winnow/data/room.py", "def a(): ...\ndef b():\n    x = 1\n    return x\ndef c():\n    return 1\n")
    assert "3 functions in src, median 2 lines" in house.ceilings().stdout


def test_every_library_of_an_extra_is_known_as_heavy(house: House) -> None:
    extras = tomllib.loads((house.root / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    wanted = [line for name, lines in extras.items() if name not in ("all", "dev") for line in lines]
    names = {re.split(r"[\[<>=]", line)[0].replace("-", "_") for line in wanted}
    house.write("src/winnow/data/room.py", "\n".join(f"import {name}" for name in sorted(names)))
    assert set(re.findall(r"\[heavy\] import (\w+)", house.ceilings().stdout)) == names
    assert "torch" in names


@pytest.mark.parametrize("tool", ["ceilings", "words"])
def test_the_checks_need_nothing_but_python(house: House, tool: str) -> None:
    bare = [sys.executable, "-S", str(PROJECT / f"tools/{tool}.py"), str(house.root)]
    assert subprocess.run(bare, capture_output=True, timeout=60).returncode == 0
