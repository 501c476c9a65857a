"""A model of a study is trained once and decoded once; later both come from the folder of the unit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import winnow
from winnow.science.studies.students.candidates import load_or_decode
from winnow.science.studies.students.small_model import (
    ModelCache,
    TrainSpec,
    example_rows,
    greedy_accuracy,
    greedy_answers,
)
from winnow.science.tasks.numbers.modular import Modular

SETTINGS: dict[str, Any] = {
    "kind": "encoder-decoder",
    "width": 32,
    "heads": 2,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "context": 16,
    "init_std": 0.1,
}
TASK = Modular(11)
SPEC = TrainSpec(steps=30, batch=32, lr=5e-3, seed=0)


@pytest.fixture
def cache(tmp_path: Path) -> ModelCache:
    return ModelCache(tmp_path, SETTINGS)


def test_a_model_is_trained_once_and_loaded_the_next_time(cache: ModelCache) -> None:
    examples, test = TASK.examples(100, 0), TASK.examples(50, 0, "test")
    rows = example_rows(examples)
    model = cache.train_or_load("generator", rows, SPEC)
    log = cache.folder / "models" / "generator" / "log.jsonl"
    log_text = log.read_text()
    again = cache.train_or_load("generator", rows, SPEC)
    prompts = [example.prompt for example in test]
    assert greedy_answers(model, prompts) == greedy_answers(again, prompts)
    assert log.read_text() == log_text
    assert greedy_accuracy(TASK, model, test) == TASK.verify(prompts, greedy_answers(model, prompts)).count(True) / 50


def test_answers_are_decoded_once_and_read_back_the_same(cache: ModelCache) -> None:
    model = cache.train_or_load("generator", example_rows(TASK.examples(100, 0)), SPEC)
    prompts = [example.prompt for example in TASK.examples(20, 0, first=100)]
    file = cache.folder / "samples.jsonl"

    def score(prompts: Any, texts: Any) -> dict[str, list[Any]]:
        return {"right": TASK.verify(prompts, texts)}

    way = ("samples", winnow.Sampling(3), 0)
    rows = load_or_decode(file, model, prompts, way, score)
    assert [row["prompt_id"] for row in rows[:4]] == ["p0", "p0", "p0", "p1"]
    assert [row["right"] for row in rows] == TASK.verify([row["prompt"] for row in rows], [row["text"] for row in rows])
    assert load_or_decode(file, None, prompts, way, score) == rows
    judged = winnow.verify(file, "winnow.science.tasks.numbers.modular:verifier").to_list()
    assert [row["verifier.verdict"] == "pass" for row in judged] == [row["right"] for row in rows]
