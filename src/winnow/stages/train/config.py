"""The options of train: where the model starts, how long and how it is trained, and how it is evaluated."""

from __future__ import annotations

import math
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, model_validator

from winnow.errors import UsageError
from winnow.stages.config import StageConfig, option

MODEL = "The model"
LENGTH = "How long"
OPTIMIZER = "The optimizer"
HELD_OUT = "The held-out table"


def _read_shape(value: Any) -> Any:
    """`kind=decoder,width=64` as a mapping; numbers become numbers."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",")]
    if not all(equals and name.strip() and text.strip() for name, equals, text in pairs):
        raise ValueError("of the form width=64,heads=4")
    return {name.strip(): _read_number(text.strip()) for name, _, text in pairs}


def _read_number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


class TrainConfig(StageConfig):
    """The options of training a small student."""

    base: Annotated[
        Any, option("Start from this folder of a trained model.", panel=MODEL, metavar="DIR", command_type=str)
    ] = None
    shape: Annotated[
        Any,
        BeforeValidator(_read_shape),
        option(
            "Start from scratch with this shape: kind, tokenizer, width, heads, encoder_layers, decoder_layers,"
            " context, init_std.",
            panel=MODEL,
            metavar="NAME=VALUE,...",
            command_type=str,
        ),
    ] = None
    steps: Annotated[int | None, option("How many steps.", panel=LENGTH, metavar="N", ge=1)] = None
    epochs: Annotated[
        float | None,
        option(
            "How many passes over the rows, instead of steps (default 10).",
            panel=LENGTH,
            metavar="N",
            gt=0,
            allow_inf_nan=False,
        ),
    ] = None
    batch: Annotated[int, option("Rows in a step.", panel=LENGTH, metavar="N", ge=1)] = 128
    lr: Annotated[float, option("The learning rate.", panel=OPTIMIZER, metavar="RATE", gt=0, allow_inf_nan=False)] = (
        4e-3
    )
    warmup: Annotated[int, option("Steps over which the learning rate rises.", panel=OPTIMIZER, metavar="N", ge=0)] = (
        100
    )
    decay_fraction: Annotated[
        float,
        option(
            "The last share of the steps, over which the learning rate falls to 0.",
            panel=OPTIMIZER,
            metavar="SHARE",
            ge=0,
            le=1,
        ),
    ] = 0.3
    weight_decay: Annotated[
        float, option("The weight decay of AdamW.", panel=OPTIMIZER, metavar="W", ge=0, allow_inf_nan=False)
    ] = 0.1
    clip: Annotated[
        float, option("The largest norm of a gradient.", panel=OPTIMIZER, metavar="NORM", gt=0, allow_inf_nan=False)
    ] = 1.0
    held_out: Annotated[
        Any, option("A table that is never trained on.", panel=HELD_OUT, metavar="FILE", command_type=str)
    ] = None
    verifier: Annotated[
        Any,
        option(
            "The verifier that judges the answers to the held-out prompts.",
            panel=HELD_OUT,
            metavar="NAME",
            command_type=str,
        ),
    ] = None
    patience: Annotated[
        int | None,
        option("Stop after this many evaluations without a lower held-out loss.", panel=HELD_OUT, metavar="N", ge=1),
    ] = None
    target_accuracy: Annotated[
        float | None,
        option(
            "Stop when this share of the held-out answers passes the verifier.",
            panel=HELD_OUT,
            metavar="SHARE",
            gt=0,
            le=1,
        ),
    ] = None
    eval_every: Annotated[
        int, option("Steps between two evaluations on the held-out table.", panel=HELD_OUT, metavar="N", ge=1)
    ] = 100
    checkpoint_every: Annotated[
        int, option("Steps between two checkpoints; the result does not depend on it.", panel=LENGTH, metavar="N", ge=1)
    ] = 200
    seed: Annotated[int, option("The seed of weights and batches.", panel=LENGTH, metavar="N", ge=0)] = 0

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
