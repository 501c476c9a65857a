"""What the experiments with small models share: a task, a generator, its stored candidates, and students.

A model is trained once for the same rows and settings; later it is loaded, and training that was stopped continues.
Candidates are decoded once and stored, one JSON Lines file for each way of decoding, so that every verifier, tolerance
and rule uses the same ones.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import winnow
from winnow.science.studies.framework.check import Row, format_rows
from winnow.science.studies.framework.study import Settings, StudyUnit, write_whole_file
from winnow.science.tasks.task import Example, Task

MODEL_SETTINGS = ("kind", "width", "heads", "encoder_layers", "decoder_layers", "context", "init_std")


@dataclass(frozen=True)
class UnitContext(ABC):
    """The objects of one unit, each computed when it is first used and then stored."""

    unit: StudyUnit

    @property
    @abstractmethod
    def task(self) -> Task:
        """The task of the unit."""

    @property
    @abstractmethod
    def generator(self) -> Any:
        """The model whose candidates the students learn from."""

    @property
    def model_settings(self) -> Settings:
        """The settings that contain the size of the models, `lr` and perhaps `warmup`."""
        return self.unit.settings

    @cached_property
    def test(self) -> list[Example]:
        return self.task.examples(self.unit["test"], self.unit.seed, "test")

    def train_or_load(self, name: str, rows: Sequence[Row], steps: int, batch: int) -> Any:
        """Return the model of this name in the folder of the unit, trained on rows with `prompt` and `text`.

        Every model starts from its own weights, whatever else runs.
        """
        settings: dict[str, Any] = {"warmup": 100, **self.model_settings}
        trained = winnow.train(
            [{"prompt": row["prompt"], "text": row["text"]} for row in rows],
            shape=winnow.ModelConfig(tokenizer="words", **{name: settings[name] for name in MODEL_SETTINGS}),
            out=self.unit.folder / "models" / name,
            prompt_text="prompt",
            text="text",
            steps=steps,
            batch=batch,
            lr=settings["lr"],
            seed=self.unit.seed,
            warmup=settings["warmup"],
        )
        return trained.model

    def decode(self, way: str, decoding: Any, examples: Sequence[Example], model: Any = None) -> list[Row]:
        """Return the candidates of the generator, or of another model: stored ones, or decoded now and stored.

        A row has `prompt_id`, `prompt`, `text`, the name of the decoding (`way`), its position within its prompt
        (`index`), the mean log-probability (`logprob`) and the columns of `score_answers`. The decoding None is greedy.
        """
        file = self.unit.folder / f"{way}.jsonl"
        if file.exists():
            return [json.loads(line) for line in file.read_text("utf-8").split("\n") if line]
        prompts = [example.prompt for example in examples]
        answered = (self.generator if model is None else model).complete(prompts, decoding, self.unit.seed)
        rows: list[Row] = [
            {
                "prompt_id": f"p{number}",
                "prompt": prompt,
                "text": completion.text,
                "way": way,
                "index": index,
                "logprob": completion.logprob,
            }
            for number, (prompt, completions) in enumerate(zip(prompts, answered, strict=True))
            for index, completion in enumerate(completions)
        ]
        columns = self.score_answers([row["prompt"] for row in rows], [row["text"] for row in rows])
        for position, row in enumerate(rows):
            row |= {column: values[position] for column, values in columns.items()}
        write_whole_file(file, format_rows(rows, "jsonl"))
        return rows

    def score_answers(self, prompts: Sequence[str], texts: Sequence[str]) -> dict[str, list[Any]]:
        """Return the columns that every candidate gets."""
        return {"right": self.task.verify(prompts, texts)}

    def greedy_test_answers(self, model: Any) -> tuple[list[str], list[str]]:
        """Return the test prompts and the greedy answer of the model to each."""
        prompts = [example.prompt for example in self.test]
        return prompts, [completions[0].text for completions in model.complete(prompts)]


def example_rows(examples: Sequence[Example]) -> list[Row]:
    """Return examples as training rows, with the right answer as the text."""
    return [{"prompt": example.prompt, "text": example.answer} for example in examples]
