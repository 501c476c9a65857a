"""A model of a study is trained once and decoded once; later both come from the folder of the unit."""

from __future__ import annotations

from typing import Any

import pytest

import winnow
from winnow.science.studies.framework.study import StudyUnit
from winnow.science.studies.students.unit_context import UnitContext, example_rows
from winnow.science.tasks.numbers.modular import Modular

SETTINGS: dict[str, Any] = {
    "kind": "encoder-decoder",
    "width": 32,
    "heads": 2,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "context": 16,
    "init_std": 0.1,
    "lr": 5e-3,
    "test": 50,
}


class ModularContext(UnitContext):
    """A unit whose task is small enough to train on in a test."""

    @property
    def task(self) -> Modular:
        return Modular(11)

    @property
    def generator(self) -> Any:
        return self.train_or_load("generator", example_rows(self.task.examples(100, 0)), steps=30, batch=32)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ModularContext:
    return ModularContext(StudyUnit("modular", 0, SETTINGS, tmp_path_factory.mktemp("unit")))


def test_a_model_is_trained_once_and_loaded_the_next_time(context: ModularContext) -> None:
    answers = context.greedy_test_answers(context.generator)
    log = context.unit.folder / "models" / "generator" / "log.jsonl"
    log_text = log.read_text()
    assert context.greedy_test_answers(context.generator) == answers
    assert log.read_text() == log_text
    assert answers[0] == [example.prompt for example in context.test]


def test_answers_are_decoded_once_and_read_back_the_same(context: ModularContext) -> None:
    examples = context.task.examples(20, 0, first=100)
    rows = context.decode("samples", winnow.Sampling(3), examples)
    assert [row["prompt_id"] for row in rows[:4]] == ["p0", "p0", "p0", "p1"]
    assert [row["right"] for row in rows] == context.task.verify(
        [row["prompt"] for row in rows], [row["text"] for row in rows]
    )
    file = context.unit.folder / "samples.jsonl"
    content = file.read_bytes()
    assert context.decode("samples", None, []) == rows
    assert file.read_bytes() == content
    verified = winnow.verify(file, "winnow.science.tasks.numbers.modular:verifier").to_list()
    assert [row["verifier.verdict"] == "pass" for row in verified] == [row["right"] for row in rows]
