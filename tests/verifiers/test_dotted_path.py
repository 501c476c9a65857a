"""Functions by dotted path: lookup, repeated import after edits, and no traces."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from winnow.errors import UsageError
from winnow.verifiers.registry import make_verifier
from winnow.verifiers.verdicts import Batch

CHECK = "def check(completions):\n    return [{} for _ in completions]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def judge_with(path: str) -> list[str | None]:
    return make_verifier(path).judge(Batch(pa.array(["a"]))).verdict.to_pylist()  # type: ignore[no-any-return]


def test_a_module_of_the_current_folder_is_found_and_nothing_is_left_behind(folder: Path) -> None:
    (folder / "sibling.py").write_text("answer = True\n")
    (folder / "own_checks.py").write_text("from sibling import answer\n" + CHECK.format("answer"))
    before = list(sys.path)
    assert judge_with("own_checks:check") == ["pass"]
    assert judge_with("own_checks.check") == ["pass"]
    assert sys.path == before
    assert sorted(path.name for path in folder.iterdir()) == ["own_checks.py", "sibling.py"]


def test_a_sibling_may_be_imported_inside_the_function(folder: Path) -> None:
    (folder / "late_sibling.py").write_text("answer = True\n")
    (folder / "late_checks.py").write_text(
        "def check(completions):\n    from late_sibling import answer\n    return [answer]\n"
    )
    assert judge_with("late_checks:check") == ["pass"]


def test_a_package_and_an_object_inside_are_found(folder: Path) -> None:
    (folder / "own_package").mkdir()
    (folder / "own_package" / "__init__.py").write_text("")
    (folder / "own_package" / "checks.py").write_text(
        "class Judge:\n"
        "    def __call__(self, completions):\n        return [True]\n"
        "    def strict(self, completions):\n        return [False]\n"
        "judge = Judge()\n"
    )
    assert judge_with("own_package.checks:judge") == ["pass"]
    assert judge_with("own_package.checks:judge.strict") == ["fail"]
    assert make_verifier("own_package.checks.judge").name == "judge"


def test_an_edited_file_judges_anew_and_changes_the_identity(folder: Path) -> None:
    file = folder / "edited_checks.py"
    file.write_text(CHECK.format("True "))
    first = make_verifier("edited_checks:check").config()
    assert judge_with("edited_checks:check") == ["pass"]
    file.write_text(CHECK.format("False"))
    assert judge_with("edited_checks:check") == ["fail"]
    assert make_verifier("edited_checks:check").config() != first
    file.write_text(CHECK.format("True "))
    assert make_verifier("edited_checks:check").config() == first


def test_an_edit_behind_a_re_exported_name_changes_the_identity(folder: Path) -> None:
    (folder / "front.py").write_text("from behind import check\n")
    (folder / "behind.py").write_text(CHECK.format("True "))
    first = make_verifier("front:check").config()
    (folder / "behind.py").write_text(CHECK.format("False"))
    assert make_verifier("front:check").config() != first
    assert judge_with("front:check") == ["fail"]


def test_the_same_name_in_another_folder_is_another_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = []
    for folder, value in (("one", "True"), ("two", "False")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "twin_checks.py").write_text(CHECK.format(value))
        monkeypatch.chdir(tmp_path / folder)
        verdicts.append(judge_with("twin_checks:check"))
    assert verdicts == [["pass"], ["fail"]]


@pytest.mark.parametrize(
    ("path", "message"),
    {
        "own:missing": "module own has no 'missing'",
        "own:chek": "Did you mean 'check'",
        "own.py:check": "Write own:check",
        "nowhere:check": "looked up in the current folder, then",
        "own:": "Write module:function",
        "own:number": "of type int, not a function",
        "crashes:check": "cannot import crashes: ZeroDivisionError",
        "leaves:check": "cannot import leaves: SystemExit",
        "imports:check": "No module named 'not_installed_here'",
        "json:check": "json.py in the current folder has the name of a module in use",
    }.items(),
)
def test_a_path_without_a_function_is_a_usage_error(folder: Path, path: str, message: str) -> None:
    files = {"own": CHECK.format("True") + "number = 1\n", "crashes": "1 / 0\n", "json": CHECK.format("True")}
    files |= {"leaves": "raise SystemExit\n", "imports": "import not_installed_here\n"}
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    with pytest.raises(UsageError, match=re.escape(message)):
        make_verifier(path)
