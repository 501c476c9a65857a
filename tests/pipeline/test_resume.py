"""The same command again continues a run, and computes only those results anew whose inputs have changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import winnow
from tests.pipeline.sample_project import (
    CommandResult,
    hash_results,
    list_already_done,
    run_in_new_process,
    run_recipe,
    write_sample_run,
)


def check_already_done(result: CommandResult) -> dict[str, bool]:
    """Check that a run with --json succeeded, and return by stage whether it was finished before."""
    assert result.code == 0, result.err
    return list_already_done(result.out)


def run_and_list_already_done(recipe: Path, *options: str) -> dict[str, bool]:
    """Run a recipe, and return by stage whether it was finished before."""
    return check_already_done(run_recipe(recipe, "--json", *options))


def test_a_second_run_computes_nothing_and_changes_nothing(tmp_path: Path) -> None:
    recipe = write_sample_run(tmp_path)
    assert not any(run_and_list_already_done(recipe).values())
    before = hash_results(tmp_path / "run")
    assert all(run_and_list_already_done(recipe).values())
    assert hash_results(tmp_path / "run") == before


def test_an_edited_checker_verifies_again_and_the_earlier_verdicts_are_kept(tmp_path: Path) -> None:
    recipe = write_sample_run(tmp_path)
    run_and_list_already_done(recipe)
    before = hash_results(tmp_path / "run")
    receipt = (tmp_path / "run" / "verdicts" / "receipt.json").read_bytes()
    checks = tmp_path / "checks.py"
    checks.write_text(checks.read_text().replace("1 / len(text)", "2 / len(text)"))
    already_done = check_already_done(run_in_new_process(recipe, "--json"))
    assert already_done == {"import": True, "verify": False, "measure": False, "select": False}
    assert (tmp_path / "run" / "superseded" / "verdicts.1" / "receipt.json").read_bytes() == receipt
    after = hash_results(tmp_path / "run")
    unchanged = {name for name in before if before[name] == after[name]}
    assert unchanged >= {name for name in before if name.startswith("candidates")}
    assert "verdicts/receipt.json" not in unchanged


def test_an_edited_comment_in_winnow_computes_nothing_again(tmp_path: Path) -> None:
    recipe = write_sample_run(tmp_path / "work")
    run_and_list_already_done(recipe)
    edited = tmp_path / "edited"
    shutil.copytree(Path(winnow.__file__).parent, edited / "winnow", ignore=shutil.ignore_patterns("__pycache__"))
    for module in ("stages/verify/stage.py", "verifiers/function_verifier.py", "storage/receipts.py"):
        with (edited / "winnow" / module).open("a") as file:
            file.write("\n# another comment\n")
    python_path = os.pathsep.join(path for path in (str(edited), os.environ.get("PYTHONPATH")) if path)
    result = run_in_new_process(recipe, "--json", PYTHONPATH=python_path)
    assert all(check_already_done(result).values())


def test_another_seed_selects_again_but_verifies_nothing_again(tmp_path: Path) -> None:
    recipe = write_sample_run(tmp_path)
    run_and_list_already_done(recipe)
    already_done = run_and_list_already_done(recipe, "--set", "seed=4")
    assert already_done == {"import": True, "verify": True, "measure": False, "select": False}
    assert sorted(path.name for path in (tmp_path / "run" / "superseded").iterdir()) == [
        "card.json.1",
        "control.1",
        "selected.1",
    ]


def test_a_changed_table_is_imported_again(tmp_path: Path) -> None:
    recipe = write_sample_run(tmp_path)
    run_and_list_already_done(recipe)
    table = tmp_path / "c.jsonl"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    assert not any(run_and_list_already_done(recipe).values())


@pytest.mark.parametrize("other_file", ["notes.txt", "run2/part-00000.parquet"])
def test_a_folder_with_other_files_is_refused_and_left_unchanged(other_file: str, tmp_path: Path) -> None:
    recipe = write_sample_run(tmp_path)
    path = tmp_path / "run" / other_file
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    code, _, err = run_recipe(recipe)
    assert code == 2
    assert "holds other files" in err
    assert path.read_text() == "mine"
