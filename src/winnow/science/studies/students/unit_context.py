"""What the experiments with small models share: a task, a generator, its stored candidates, and students."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from winnow.science.studies.framework.check import Row
from winnow.science.studies.framework.study import Settings, StudyUnit
from winnow.science.studies.students.candidates import load_or_decode
from winnow.science.studies.students.small_model import ModelCache, TrainSpec
from winnow.science.tasks.task import Example, Task


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
        """The settings that contain the size of the models."""
        return self.unit.settings

    @cached_property
    def test(self) -> list[Example]:
        return self.task.examples(self.unit["test"], self.unit.seed, "test")

    def train_or_load(self, name: str, rows: Sequence[Row], spec: TrainSpec) -> Any:
        """Return the model of this name in the folder of the unit."""
        return ModelCache(self.unit.folder, self.model_settings).train_or_load(name, rows, spec)

    def decode(self, way: str, decoding: Any, examples: Sequence[Example], model: Any = None) -> list[Row]:
        """Return the candidates of the generator, or of another model, stored under the name of the decoding."""
        file, prompts = self.unit.folder / f"{way}.jsonl", [example.prompt for example in examples]
        model = self.generator if model is None else model
        return load_or_decode(file, model, prompts, (way, decoding, self.unit.seed), self.score_answers)

    def score_answers(self, prompts: Sequence[str], texts: Sequence[str]) -> dict[str, list[Any]]:
        """Return the columns that every candidate gets."""
        return {"right": self.task.verify(prompts, texts)}
