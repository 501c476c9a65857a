"""A small model of a study: its size and training as a unit's settings say, trained in a folder of its own.

Promises: the same rows and settings are trained once; asked again, the model is loaded, and one that was stopped goes
on.
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
"""Settings that are the model's; it refuses values of another kind itself."""


@dataclass(frozen=True)
class TrainSpec:
    """How long and how fast one model is taught; everything else is the same for all models of a study."""

    steps: int
    batch: int
    lr: float
    seed: int
    warmup: int = 100


@dataclass(frozen=True)
class ModelCache:
    """Where models of a unit are kept, and their size."""

    folder: Path
    settings: Settings

    def train_or_load(self, name: str, rows: Sequence[Row], spec: TrainSpec) -> Any:
        """The model of this name, taught on rows with `prompt` and `text`."""
        config = winnow.ModelConfig(tokenizer="words", **{name: self.settings[name] for name in MODEL_SETTINGS})  # type: ignore[arg-type]
        trained = winnow.train(
            [{"prompt": row["prompt"], "text": row["text"]} for row in rows],
            model=config,
            out=self.folder / "models" / name,
            prompt_text="prompt",
            text="text",
            steps=spec.steps,
            batch=spec.batch,
            lr=spec.lr,
            warmup=spec.warmup,
            seed=spec.seed,
        )
        return trained.model


def example_rows(examples: Sequence[Example]) -> list[Row]:
    """Examples as rows to teach: the right answer as the text."""
    return [{"prompt": example.prompt, "text": example.answer} for example in examples]


def greedy_answers(model: Any, prompts: Sequence[str]) -> list[str]:
    """The model's likeliest answer to each prompt, token by token."""
    return [completions[0].text for completions in model.complete(prompts)]


def greedy_accuracy(task: Task, model: Any, examples: Sequence[Example]) -> float:
    """The share of greedy answers that the task finds right."""
    prompts = [one.prompt for one in examples]
    return task.verify(prompts, greedy_answers(model, prompts)).count(True) / max(1, len(prompts))
