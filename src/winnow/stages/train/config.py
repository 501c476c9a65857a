"""The options of train: where the model starts, how long and how it is trained, and how it is evaluated."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import fields
from functools import partial
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, model_validator

from winnow.errors import UsageError
from winnow.models.tiny_config import ModelConfig
from winnow.stages.config import Seed, StageConfig, option

model_option = partial(option, panel="The model", command_type=str)
length_option = partial(option, panel="How long")
optimizer_option = partial(option, panel="The optimizer")
held_out_option = partial(option, panel="The held-out table")


def _read_shape(value: Any) -> Any:
    """Read `kind=decoder,width=64` as a mapping, in which numbers are numbers."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",")]
    if not all(equals and name.strip() and text.strip() for name, equals, text in pairs):
        raise ValueError("of the form width=64,heads=4")
    return {name.strip(): _read_number(text.strip()) for name, _, text in pairs}


def _read_number(text: str) -> int | float | str:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


class TrainConfig(StageConfig):
    """The options of training a small student."""

    base: Annotated[Any, model_option("Start from this folder of a trained model.", metavar="DIR")] = None
    shape: Annotated[
        Any,
        BeforeValidator(_read_shape),
        model_option(
            f"Start from scratch with this shape: {', '.join(field.name for field in fields(ModelConfig))}.",
            metavar="NAME=VALUE,...",
        ),
    ] = None
    steps: Annotated[int | None, length_option("How many steps.", metavar="N", ge=1)] = None
    epochs: Annotated[
        float | None,
        length_option(
            "How many passes over the rows, instead of steps (default 10).", metavar="N", gt=0, allow_inf_nan=False
        ),
    ] = None
    batch: Annotated[int, length_option("Rows in a step.", metavar="N", ge=1)] = 128
    lr: Annotated[float, optimizer_option("The learning rate.", metavar="RATE", gt=0, allow_inf_nan=False)] = 4e-3
    warmup: Annotated[int, optimizer_option("Steps over which the learning rate rises.", metavar="N", ge=0)] = 100
    decay_fraction: Annotated[
        float,
        optimizer_option(
            "The last share of the steps, over which the learning rate falls to 0.", metavar="SHARE", ge=0, le=1
        ),
    ] = 0.3
    weight_decay: Annotated[
        float, optimizer_option("The weight decay of AdamW.", metavar="W", ge=0, allow_inf_nan=False)
    ] = 0.1
    clip: Annotated[
        float, optimizer_option("The largest norm of a gradient.", metavar="NORM", gt=0, allow_inf_nan=False)
    ] = 1.0
    held_out: Annotated[Any, held_out_option("A table that is never trained on.", metavar="FILE", command_type=str)] = (
        None
    )
    verifier: Annotated[
        Any,
        held_out_option(
            "The verifier that judges the answers to the held-out prompts.", metavar="NAME", command_type=str
        ),
    ] = None
    patience: Annotated[
        int | None,
        held_out_option("Stop after this many evaluations without a lower held-out loss.", metavar="N", ge=1),
    ] = None
    target_accuracy: Annotated[
        float | None,
        held_out_option(
            "Stop when this share of the held-out answers passes the verifier.", metavar="SHARE", gt=0, le=1
        ),
    ] = None
    eval_every: Annotated[
        int, held_out_option("Steps between two evaluations on the held-out table.", metavar="N", ge=1)
    ] = 100
    checkpoint_every: Annotated[
        int, length_option("Steps between two checkpoints; the result does not depend on it.", metavar="N", ge=1)
    ] = 200
    seed: Seed = 0

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.steps is not None and self.epochs is not None:
            raise UsageError("--epochs", "--steps and --epochs are both given", "Give one of them")
        if self.base is not None and self.shape is not None:
            raise UsageError("--shape", "--base is given too, and a trained model has its shape", "Give one of them")
        return self

    def total_steps(self, rows: int) -> int:
        """How many steps these options take over this many rows."""
        if self.steps is not None:
            return self.steps
        return math.ceil((10 if self.epochs is None else self.epochs) * rows / self.batch)

    def learning_rate(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 0."""
        warmup_factor = min(1.0, (step + 1) / (self.warmup + 1))
        decay_steps = self.decay_fraction * steps
        return self.lr * warmup_factor * (min(1.0, (steps - step) / decay_steps) if decay_steps else 1.0)

    def result_settings(self) -> dict[str, Any]:
        """The settings on which the weights depend, beside the model, the rows and the held-out table."""
        return self.model_dump(exclude={"base", "shape", "held_out", "verifier", "checkpoint_every"})
