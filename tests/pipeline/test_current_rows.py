"""A step of a recipe works on the current rows: those that the earlier steps edited, verified or selected."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.stages.edit.fixture_models import byte_level, saved, sentence
from winnow.pipeline.recipe import read_recipe
from winnow.pipeline.run import execute_recipe
from winnow.stages.train.examples import TrainingExamples
from winnow.storage.receipts import read_receipt
from winnow.tables.open_table import open_rows

DATA = """\
seed: 3
data: {candidates: c.jsonl, columns: {prompt: task, text: answer, score: judge}, shards: 2}
engine: {workers: 0}
out: run
"""
EDIT = "edit: {model: model, threshold: 0.004, protect: []}\n"
VERIFY = 'verify: [{use: "checks:count_characters"}]\n'
SELECT = "select: {threshold: 3}\n"
TRAIN = """\
train:
  shape: {kind: decoder, tokenizer: prose, width: 8, heads: 1, encoder_layers: 0, context: 256}
  steps: 1
  batch: 4
"""
CHECKS = "def count_characters(completions, **columns):\n    return [float(len(text)) for text in completions]\n"
ROWS = 24

RunRecipe = Callable[[str], Path]


@pytest.fixture
def run_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunRecipe:
    """Runs a recipe of these sections, and returns the folder of the run."""
    draws = random.Random(0)
    rows = [{"task": f"t{n // 2}", "answer": sentence(draws), "judge": n % 5} for n in range(ROWS)]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "checks.py").write_text(CHECKS)
    saved(tmp_path / "model", byte_level())
    monkeypatch.chdir(tmp_path)

    def run(sections: str) -> Path:
        (tmp_path / "recipe.yaml").write_text(DATA + sections)
        execute_recipe(read_recipe(tmp_path / "recipe.yaml"), tmp_path)
        return tmp_path / "run"

    return run


def rows_of(store: Path) -> list[dict[str, Any]]:
    table = open_rows(store)
    return [row for chunk in table.source.chunks(table.bad_rows) for row in chunk.to_dicts()]


def hash_examples(rows: list[dict[str, Any]], text: str) -> str:
    """The hash of the training rows with these prompts, the texts of this column, and weight 1."""
    return TrainingExamples([row["task"] for row in rows], [row[text] for row in rows], [1.0] * len(rows)).sha256()


def trained_rows(run: Path) -> str:
    """The hash of the rows that the model was trained on."""
    rows: str = read_receipt(run / "student" / "receipt.json").work.config["rows"]
    return rows


def test_after_edit_the_model_is_trained_on_the_edited_texts(run_recipe: RunRecipe) -> None:
    run = run_recipe(EDIT + TRAIN)
    edited = rows_of(run / "edits")
    assert len(edited) == ROWS and sum(row["text"] != row["answer"] for row in edited) > ROWS / 2
    assert trained_rows(run) == hash_examples(edited, "text") != hash_examples(edited, "answer")


def test_after_edit_and_verify_the_model_is_trained_on_the_edited_texts_that_were_verified(
    run_recipe: RunRecipe,
) -> None:
    run = run_recipe(EDIT + VERIFY + TRAIN)
    verified = rows_of(run / "verdicts")
    assert [row["count_characters.score"] for row in verified] == [len(row["text"]) for row in verified]
    assert any(len(row["text"]) != len(row["answer"]) for row in verified)
    assert trained_rows(run) == hash_examples(verified, "text") != hash_examples(verified, "answer")


def test_after_select_the_model_is_trained_on_exactly_the_selected_rows(run_recipe: RunRecipe) -> None:
    run = run_recipe(SELECT + TRAIN)
    candidates = rows_of(run / "candidates")
    expected = [row for row in candidates if row["judge"] >= 3]
    assert 0 < len(expected) < len(candidates) == ROWS
    assert trained_rows(run) == hash_examples(expected, "answer")
