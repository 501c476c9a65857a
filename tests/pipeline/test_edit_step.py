"""The step `edit` writes the same store with any number of workers and after a kill, and later steps read it."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.sample_project import hash_results, run_recipe, start_run
from tests.stages.edit.fixture_models import byte_level, saved, texts, trained_model
from winnow.errors import UsageError
from winnow.pipeline.recipe import read_recipe
from winnow.pipeline.run import execute_recipe, plan_recipe
from winnow.tables.open_table import open_rows

RECIPE = """\
seed: 3
data: {candidates: c.jsonl, columns: {prompt: task, text: answer}, shards: 4}
edit: {model: model, threshold: 0.4, beta: 2.0, protect: []}
verify: [{use: "checks:long"}]
select: {passed: true, control: true}
engine: {workers: 0}
out: run
"""
CHECKS = "def long(completions, **columns):\n    return [len(text) > 80 for text in completions]\n"


def read_rows(store: Path) -> list[dict[str, Any]]:
    return [row for chunk, _ in open_rows(store).read_roles([], None) for row in chunk.to_dicts()]


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was trained for a few seconds."""
    tokenizer = byte_level()
    return saved(tmp_path_factory.mktemp("trained") / "model", tokenizer, trained_model(tokenizer, steps=60))


@pytest.fixture
def recipe(tmp_path: Path, model_folder: Path) -> Path:
    shutil.copytree(model_folder, tmp_path / "model")
    rows = [{"task": f"t{n // 2}", "answer": text} for n, text in enumerate(texts(80))]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "checks.py").write_text(CHECKS)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path / "recipe.yaml"


def test_later_steps_read_the_edited_texts_and_nothing_is_computed_twice(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(recipe.parent)
    stages = execute_recipe(read_recipe(recipe), recipe.parent)["stages"]
    assert [stage["stage"] for stage in stages] == ["import", "edit", "verify", "select"]
    assert stages[1]["changed"] > 20
    rows = read_rows(recipe.parent / "run" / "edits")
    assert len(rows) == 80 and any(row["text"] != row["answer"] for row in rows)
    selected = read_rows(recipe.parent / "run" / "selected")
    edited = {row["answer"]: row["text"] for row in rows}
    assert selected and all(row["text"] == edited[row["answer"]] and len(row["text"]) > 80 for row in selected)
    before = hash_results(recipe.parent / "run")
    again = execute_recipe(read_recipe(recipe), recipe.parent)["stages"]
    assert all(stage["already_done"] for stage in again)
    assert again[1]["changed"] == stages[1]["changed"]
    assert hash_results(recipe.parent / "run") == before


@pytest.mark.slow
def test_workers_do_not_change_a_byte_and_a_killed_run_continues_to_the_same_bytes(recipe: Path) -> None:
    folder, hashes = recipe.parent, {}
    for workers in (0, 2):
        code, _, err = run_recipe(recipe, "--set", f"engine.workers={workers}", "--set", f"out=run{workers}")
        assert code == 0, err
        hashes[workers] = hash_results(folder / f"run{workers}")
    assert hashes[0] == hashes[2]
    assert any(name.startswith("edits/part-") for name in hashes[0])
    rng = random.Random(5)
    process = start_run(recipe, "--set", "out=killed")
    while process.poll() is None and not list((folder / "killed" / "edits").glob(".part-*.receipt.json")):
        time.sleep(0.01)
    time.sleep(rng.random() * 0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    code, _, err = run_recipe(recipe, "--set", "out=killed")
    assert code == 0, err
    assert hash_results(folder / "killed") == hashes[0]


def test_a_dry_run_checks_the_model_and_the_keys(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(recipe.parent)
    plan = plan_recipe(read_recipe(recipe), recipe.parent)
    assert "edit: tokens with a probability of at least 0.4 under model" in plan["words"]
    with pytest.raises(UsageError, match="is not a folder"):
        plan_recipe(read_recipe(recipe, ("edit.model=nowhere",)), recipe.parent)
    with pytest.raises(UsageError, match="Did you mean 'threshold'"):
        read_recipe(recipe, ("edit.treshold=0.5",))
