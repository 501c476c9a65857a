"""The same command again does what is left to do, and judges again only what is judged otherwise."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import winnow
from tests.pipeline.sample_project import ended, hashes, project, stages


def done(recipe: Path, *options: str, **more: str) -> dict[str, bool]:
    code, out, err = ended(recipe, "--json", *options, **more)
    assert code == 0, err
    return stages(out)


def test_a_second_run_does_nothing_and_changes_nothing(tmp_path: Path) -> None:
    recipe = project(tmp_path)
    assert not any(done(recipe).values())
    before = hashes(tmp_path / "run")
    assert all(done(recipe).values())
    assert hashes(tmp_path / "run") == before


def test_an_edited_checker_judges_again_and_the_earlier_verdicts_are_kept(tmp_path: Path) -> None:
    recipe = project(tmp_path)
    done(recipe)
    before = hashes(tmp_path / "run")
    receipt = (tmp_path / "run" / "verdicts" / "receipt.json").read_bytes()
    checks = tmp_path / "checks.py"
    checks.write_text(checks.read_text().replace("1 / len(text)", "2 / len(text)"))
    again = done(recipe)
    assert again == {"import": True, "verify": False, "measure": False, "select": False}
    assert (tmp_path / "run" / "superseded" / "verdicts.1" / "receipt.json").read_bytes() == receipt
    after = hashes(tmp_path / "run")
    assert {name for name in before if before[name] == after[name]} >= {n for n in before if n.startswith("candidates")}
    assert after["verdicts/receipt.json"] != before["verdicts/receipt.json"]


def test_an_edited_comment_of_winnow_judges_nothing_again(tmp_path: Path) -> None:
    recipe = project(tmp_path / "work")
    done(recipe)
    edited = tmp_path / "edited"
    shutil.copytree(Path(winnow.__file__).parent, edited / "winnow", ignore=shutil.ignore_patterns("__pycache__"))
    for module in ("stages/verify/stage.py", "verifiers/function_verifier.py", "storage/receipts.py"):
        with (edited / "winnow" / module).open("a") as file:
            file.write("\n# another word\n")
    more = os.pathsep.join(path for path in (str(edited), os.environ.get("PYTHONPATH")) if path)
    assert all(done(recipe, PYTHONPATH=more).values())


def test_another_seed_selects_anew_but_judges_nothing_again(tmp_path: Path) -> None:
    recipe = project(tmp_path)
    done(recipe)
    assert done(recipe, "--set", "seed=4") == {"import": True, "verify": True, "measure": False, "select": False}
    assert sorted(path.name for path in (tmp_path / "run" / "superseded").iterdir()) == [
        "card.json.1",
        "control.1",
        "selected.1",
    ]


def test_a_changed_table_is_imported_anew(tmp_path: Path) -> None:
    recipe = project(tmp_path)
    done(recipe)
    table = tmp_path / "c.jsonl"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    assert not any(done(recipe).values())


@pytest.mark.parametrize("wrong", ["notes.txt", "run2/part-00000.parquet"])
def test_a_folder_with_other_files_is_refused(wrong: str, tmp_path: Path) -> None:
    recipe = project(tmp_path)
    path = tmp_path / "run" / wrong
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    code, _, err = ended(recipe)
    assert code == 2
    assert "holds other files" in err
    assert path.read_text() == "mine"
