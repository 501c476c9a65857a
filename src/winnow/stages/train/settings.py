"""How to train: plain settings with their rules."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass

from winnow.data.errors import UsageError, shown


@dataclass(frozen=True)
class Settings:
    """AdamW with a rise, a flat part and a fall of the learning rate.

    Steps or epochs, not both; the default is 10 epochs. With `patience` training ends once that many looks at the
    held-out table, one every `look_every` steps, brought nothing new, and the best weights stay; with `enough` once
    that share of the greedy held-out answers passes the verifier.
    """

    steps: int | None = None
    epochs: float | None = None
    batch: int = 128
    lr: float = 4e-3
    warmup: int = 100
    fall: float = 0.3
    """The last share of the steps, over which the learning rate falls to 0."""
    weight_decay: float = 0.1
    clip: float = 1.0
    patience: int | None = None
    enough: float | None = None
    look_every: int = 100
    keep_every: int = 200
    """Steps between two checkpoints; no part of what comes out."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps is not None and self.epochs is not None:
            raise UsageError("epochs", "and steps are both given", "Give one of them")
        for name in ("steps", "batch", "patience", "look_every", "keep_every"):
            if (value := getattr(self, name)) is not None:
                _whole(name, value, 1)
        _whole("warmup", self.warmup, 0)
        _whole("seed", self.seed, 0)
        for name in ("epochs", "lr", "clip"):
            if (value := getattr(self, name)) is not None and not (_number(value) and value > 0):
                raise UsageError(name, f"is {shown(value)}, but must be a number above 0", "Change it")
        if not (_number(self.fall) and 0 <= self.fall <= 1):
            raise UsageError("fall", f"is {shown(self.fall)}, but must be a share between 0 and 1", "Change it")
        if self.enough is not None and not (_number(self.enough) and 0 < self.enough <= 1):
            raise UsageError("enough", f"is {shown(self.enough)}, but must be a share above 0", "Change it")
        if not (_number(self.weight_decay) and self.weight_decay >= 0):
            raise UsageError("weight_decay", f"is {shown(self.weight_decay)}, but must be 0 or more", "Change it")

    def steps_for(self, rows: int) -> int:
        """How many steps these settings take over so many rows."""
        if self.steps is not None:
            return self.steps
        return math.ceil((10 if self.epochs is None else self.epochs) * rows / self.batch)

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 0."""
        rise = min(1.0, (step + 1) / (self.warmup + 1))
        falling = self.fall * steps
        return self.lr * rise * (min(1.0, (steps - step) / falling) if falling else 1.0)


def _whole(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UsageError(name, f"is {shown(value)}, but must be a whole number of at least {least}", "Change it")


def _number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
