"""A model of a study is taught once and asked once: what is kept in the unit's folder is what comes again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import winnow
from winnow.studies.students.candidates import decoded
from winnow.studies.students.learner import Lesson, School, accuracy, as_rows, greedy
from winnow.tasks.numbers.modular import Modular

SETTINGS: dict[str, Any] = {
    "kind": "encoder-decoder",
    "width": 32,
    "heads": 2,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "context": 16,
    "spread": 0.1,
}
TASK = Modular(11)
LESSON = Lesson(steps=30, batch=32, lr=5e-3, seed=0)


@pytest.fixture
def school(tmp_path: Path) -> School:
    return School(tmp_path, SETTINGS)


def test_a_model_is_taught_once_and_found_the_next_time(school: School) -> None:
    made, test = TASK.examples(100, 0), TASK.examples(50, 0, "test")
    rows = as_rows(made)
    model = school.taught("generator", rows, LESSON)
    log = school.folder / "models" / "generator" / "log.jsonl"
    written = log.read_text()
    again = school.taught("generator", rows, LESSON)
    prompts = [one.prompt for one in test]
    assert greedy(model, prompts) == greedy(again, prompts)
    assert log.read_text() == written
    assert accuracy(TASK, model, test) == TASK.right(prompts, greedy(model, prompts)).count(True) / 50


def test_answers_are_decoded_once_and_read_back_the_same(school: School) -> None:
    model = school.taught("generator", as_rows(TASK.examples(100, 0)), LESSON)
    prompts = [one.prompt for one in TASK.examples(20, 0, first=100)]
    file = school.folder / "samples.jsonl"

    def judge(asked: Any, texts: Any) -> dict[str, list[Any]]:
        return {"right": TASK.right(asked, texts)}

    way = ("samples", winnow.Sampling(3), 0)
    rows = decoded(file, model, prompts, way, judge)
    assert [row["prompt_id"] for row in rows[:4]] == ["p0", "p0", "p0", "p1"]
    assert [row["right"] for row in rows] == TASK.right([row["prompt"] for row in rows], [row["text"] for row in rows])
    assert decoded(file, None, prompts, way, judge) == rows
    judged = winnow.verify(file, "winnow.tasks.numbers.modular:verifier").to_list()
    assert [row["verifier.verdict"] == "pass" for row in judged] == [row["right"] for row in rows]
