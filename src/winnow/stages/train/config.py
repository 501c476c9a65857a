"""How to train: plain settings with their rules."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass

from winnow.errors import UsageError, format_value


@dataclass(frozen=True)
class TrainConfig:
    """AdamW with a rise, a flat part and a fall of the learning rate.

    Steps or epochs, not both; the default is 10 epochs. With `patience` training ends once that many looks at the
    held-out table, one every `eval_every` steps, brought nothing new, and the best weights stay; with `target_accuracy` once
    that share of the greedy held-out answers passes the verifier.
    """

    steps: int | None = None
    epochs: float | None = None
    batch: int = 128
    lr: float = 4e-3
    warmup: int = 100
    decay_fraction: float = 0.3
    """The last share of the steps, over which the learning rate falls to 0."""
    weight_decay: float = 0.1
    clip: float = 1.0
    patience: int | None = None
    target_accuracy: float | None = None
    eval_every: int = 100
    checkpoint_every: int = 200
    """Steps between two checkpoints; no part of what comes out."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps is not None and self.epochs is not None:
            raise UsageError("epochs", "and steps are both given", "Give one of them")
        for name in ("steps", "batch", "patience", "eval_every", "checkpoint_every"):
            if (value := getattr(self, name)) is not None:
                _check_whole_number(name, value, 1)
        _check_whole_number("warmup", self.warmup, 0)
        _check_whole_number("seed", self.seed, 0)
        for name in ("epochs", "lr", "clip"):
            if (value := getattr(self, name)) is not None and not (_is_finite_number(value) and value > 0):
                raise UsageError(name, f"is {format_value(value)}, but must be a number above 0", "Change it")
        if not (_is_finite_number(self.decay_fraction) and 0 <= self.decay_fraction <= 1):
            raise UsageError(
                "decay_fraction",
                f"is {format_value(self.decay_fraction)}, but must be a share between 0 and 1",
                "Change it",
            )
        if self.target_accuracy is not None and not (
            _is_finite_number(self.target_accuracy) and 0 < self.target_accuracy <= 1
        ):
            raise UsageError(
                "target_accuracy", f"is {format_value(self.target_accuracy)}, but must be a share above 0", "Change it"
            )
        if not (_is_finite_number(self.weight_decay) and self.weight_decay >= 0):
            raise UsageError(
                "weight_decay", f"is {format_value(self.weight_decay)}, but must be 0 or more", "Change it"
            )

    def total_steps(self, rows: int) -> int:
        """How many steps these settings take over so many rows."""
        if self.steps is not None:
            return self.steps
        return math.ceil((10 if self.epochs is None else self.epochs) * rows / self.batch)

    def learning_rate(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 0."""
        warmup_factor = min(1.0, (step + 1) / (self.warmup + 1))
        decay_steps = self.decay_fraction * steps
        return self.lr * warmup_factor * (min(1.0, (steps - step) / decay_steps) if decay_steps else 1.0)


def _check_whole_number(name: str, value: object, minimum: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        raise UsageError(
            name, f"is {format_value(value)}, but must be a whole number of at least {minimum}", "Change it"
        )


def _is_finite_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
