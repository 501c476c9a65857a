"""The small models of a study: their size, their training, and greedy answers.

A model is trained once for the same rows and settings; later it is loaded, and training that was stopped goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import winnow
from winnow.science.studies.framework.check import Row
from winnow.science.studies.framework.study import Settings
from winnow.science.tasks.task import Example, Task

MODEL_SETTINGS = ("kind", "width", "heads", "encoder_layers", "decoder_layers", "context", "init_std")


@dataclass(frozen=True)
class TrainSpec:
    """How one model is trained; everything else is the same for all models of a study."""

    steps: int
    batch: int
    lr: float
    seed: int
    warmup: int = 100


@dataclass(frozen=True)
class ModelCache:
    """The models of a unit: their folder, and the settings that contain their size."""

    folder: Path
    settings: Settings

    def train_or_load(self, name: str, rows: Sequence[Row], spec: TrainSpec) -> Any:
        """Return the model of this name, trained on rows with `prompt` and `text`."""
        config = winnow.ModelConfig(tokenizer="words", **{name: self.settings[name] for name in MODEL_SETTINGS})  # type: ignore[arg-type]
        trained = winnow.train(
            [{"prompt": row["prompt"], "text": row["text"]} for row in rows],
            shape=config,
            out=self.folder / "models" / name,
            prompt_text="prompt",
            text="text",
            **vars(spec),
        )
        return trained.model


def example_rows(examples: Sequence[Example]) -> list[Row]:
    """Return examples as training rows, with the right answer as the text."""
    return [{"prompt": example.prompt, "text": example.answer} for example in examples]


def greedy_answers(model: Any, prompts: Sequence[str]) -> list[str]:
    """Return the greedy answer of the model to each prompt."""
    return [completions[0].text for completions in model.complete(prompts)]


def greedy_accuracy(task: Task, model: Any, examples: Sequence[Example]) -> float:
    """Return the share of greedy answers that are right."""
    prompts = [example.prompt for example in examples]
    return task.verify(prompts, greedy_answers(model, prompts)).count(True) / max(1, len(prompts))
