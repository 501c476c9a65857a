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
from winnow.studies.frame.check import Row
from winnow.studies.frame.study import Settings
from winnow.tasks.task import Example, Task

SIZES = ("kind", "width", "heads", "encoder_layers", "decoder_layers", "context", "spread")
"""Settings that are the model's; it refuses values of another kind itself."""


@dataclass(frozen=True)
class Lesson:
    """How long and how fast one model is taught; everything else is the same for all models of a study."""

    steps: int
    batch: int
    lr: float
    seed: int
    warmup: int = 100


@dataclass(frozen=True)
class School:
    """Where models of a unit are kept, and their size."""

    folder: Path
    settings: Settings

    def taught(self, name: str, rows: Sequence[Row], lesson: Lesson) -> Any:
        """The model of this name, taught on rows with `prompt` and `text`."""
        shape = winnow.Shape(pieces="words", **{name: self.settings[name] for name in SIZES})  # type: ignore[arg-type]
        made = winnow.train(
            [{"prompt": row["prompt"], "text": row["text"]} for row in rows],
            model=shape,
            out=self.folder / "models" / name,
            prompt_text="prompt",
            text="text",
            steps=lesson.steps,
            batch=lesson.batch,
            lr=lesson.lr,
            warmup=lesson.warmup,
            seed=lesson.seed,
        )
        return made.model


def as_rows(made: Sequence[Example]) -> list[Row]:
    """Examples as rows to teach: the right answer as the text."""
    return [{"prompt": one.prompt, "text": one.answer} for one in made]


def greedy(model: Any, prompts: Sequence[str]) -> list[str]:
    """The model's likeliest answer to each prompt, token by token."""
    return [written[0].text for written in model.complete(prompts)]


def accuracy(task: Task, model: Any, made: Sequence[Example]) -> float:
    """The share of greedy answers that the task finds right."""
    prompts = [one.prompt for one in made]
    return task.right(prompts, greedy(model, prompts)).count(True) / max(1, len(prompts))
