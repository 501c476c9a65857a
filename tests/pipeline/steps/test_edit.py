"""The step `edit` of a recipe: the same store whatever the workers, killed or not, and what follows reads it."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.pipeline.sample_project import ended, hashes, started
from tests.stages.edit.fixture_models import byte_level, saved, texts, trained_model
from winnow.errors import UsageError
from winnow.pipeline.recipe import read_recipe
from winnow.pipeline.run import Run
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


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    tokenizer = byte_level()
    saved(tmp_path / "model", tokenizer, trained_model(tokenizer, steps=60))
    rows = [{"task": f"t{n // 2}", "answer": text} for n, text in enumerate(texts(80))]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "checks.py").write_text(CHECKS)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path / "recipe.yaml"


def test_what_follows_reads_the_edited_texts_and_nothing_is_done_twice(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(recipe.parent)
    told = Run(read_recipe(recipe), recipe.parent).execute()["stages"]
    assert [one["stage"] for one in told] == ["import", "edit", "verify", "select"]
    assert told[1]["changed"] > 20
    rows = [
        row for chunk, _ in open_rows(recipe.parent / "run" / "edits").read_roles([], None) for row in chunk.to_dicts()
    ]
    assert len(rows) == 80 and any(row["text"] != row["answer"] for row in rows)
    chosen = [
        row
        for chunk, _ in open_rows(recipe.parent / "run" / "selected").read_roles([], None)
        for row in chunk.to_dicts()
    ]
    edited = {row["answer"]: row["text"] for row in rows}
    assert chosen and all(row["text"] == edited[row["answer"]] and len(row["text"]) > 80 for row in chosen)
    before = hashes(recipe.parent / "run")
    again = Run(read_recipe(recipe), recipe.parent).execute()["stages"]
    assert all(one["already_done"] for one in again)
    assert again[1]["changed"] == told[1]["changed"]
    assert hashes(recipe.parent / "run") == before


@pytest.mark.slow
def test_workers_leave_no_trace_and_what_was_killed_goes_on(recipe: Path) -> None:
    folder, found = recipe.parent, {}
    for workers in (1, 2):
        code, _, err = ended(recipe, "--set", f"engine.workers={workers}", "--set", f"out=run{workers}")
        assert code == 0, err
        found[workers] = hashes(folder / f"run{workers}")
    assert found[1] == found[2]
    assert any(name.startswith("edits/part-") for name in found[1])
    draws = random.Random(5)
    process = started(recipe, "--set", "out=killed")
    while process.poll() is None and not list((folder / "killed" / "edits").glob(".part-*.receipt.json")):
        time.sleep(0.01)
    time.sleep(draws.random() * 0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    code, _, err = ended(recipe, "--set", "out=killed")
    assert code == 0, err
    assert hashes(folder / "killed") == found[1]


def test_another_model_edits_again_and_a_dry_run_checks_the_model(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(recipe.parent)
    plan = Run(read_recipe(recipe), recipe.parent).plan()
    assert "edit: tokens with a probability of at least 0.4 under model" in plan["words"]
    with pytest.raises(UsageError, match="is not a folder"):
        Run(read_recipe(recipe, ("edit.model=nowhere",)), recipe.parent).plan()
    with pytest.raises(UsageError, match="Did you mean 'threshold'"):
        read_recipe(recipe, ("edit.treshold=0.5",))
