"""A model of a study is taught once and asked once: what is kept in the unit's folder is what comes again."""

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
LESSON = TrainSpec(steps=30, batch=32, lr=5e-3, seed=0)


@pytest.fixture
def school(tmp_path: Path) -> ModelCache:
    return ModelCache(tmp_path, SETTINGS)


def test_a_model_is_taught_once_and_found_the_next_time(school: ModelCache) -> None:
    made, test = TASK.examples(100, 0), TASK.examples(50, 0, "test")
    rows = example_rows(made)
    model = school.train_or_load("generator", rows, LESSON)
    log = school.folder / "models" / "generator" / "log.jsonl"
    written = log.read_text()
    again = school.train_or_load("generator", rows, LESSON)
    prompts = [one.prompt for one in test]
    assert greedy_answers(model, prompts) == greedy_answers(again, prompts)
    assert log.read_text() == written
    assert greedy_accuracy(TASK, model, test) == TASK.verify(prompts, greedy_answers(model, prompts)).count(True) / 50


def test_answers_are_decoded_once_and_read_back_the_same(school: ModelCache) -> None:
    model = school.train_or_load("generator", example_rows(TASK.examples(100, 0)), LESSON)
    prompts = [one.prompt for one in TASK.examples(20, 0, first=100)]
    file = school.folder / "samples.jsonl"

    def judge(asked: Any, texts: Any) -> dict[str, list[Any]]:
        return {"right": TASK.verify(asked, texts)}

    way = ("samples", winnow.Sampling(3), 0)
    rows = load_or_decode(file, model, prompts, way, judge)
    assert [row["prompt_id"] for row in rows[:4]] == ["p0", "p0", "p0", "p1"]
    assert [row["right"] for row in rows] == TASK.verify([row["prompt"] for row in rows], [row["text"] for row in rows])
    assert load_or_decode(file, None, prompts, way, judge) == rows
    judged = winnow.verify(file, "winnow.science.tasks.numbers.modular:verifier").to_list()
    assert [row["verifier.verdict"] == "pass" for row in judged] == [row["right"] for row in rows]
