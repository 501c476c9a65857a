"""How a model is asked to write, and what it wrote. The same words for every model; no library is loaded here.

A log-probability is the model's own, in nats, before temperature or top-k: what was drawn from is not what is told.
"""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Literal

from winnow.errors import UsageError, format_value

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True)
class Completion:
    """What was written, how likely the model found each of its tokens (the end is one), and why it ended."""

    text: str
    logprobs: tuple[float, ...]
    finish: FinishReason

    @property
    def logprob(self) -> float:
        """The mean over its tokens; 0 for none."""
        return sum(self.logprobs) / len(self.logprobs) if self.logprobs else 0.0


@dataclass(frozen=True)
class Greedy:
    """The likeliest token, each time."""


@dataclass(frozen=True)
class Sampling:
    """n draws for each prompt, from all tokens or the top_k likeliest, at a temperature."""

    n: int = 1
    temperature: float = 1.0
    top_k: int | None = None

    def __post_init__(self) -> None:
        _check_at_least_one("n", self.n)
        if self.top_k is not None:
            _check_at_least_one("top_k", self.top_k)
        if not self.temperature > 0:
            raise UsageError(
                "temperature", f"is {format_value(self.temperature)}, but must be above 0", "For 0 use Greedy()"
            )


@dataclass(frozen=True)
class Beams:
    """Beam search of a width; the best n of what it finished, by log-probability over length ** length_penalty."""

    width: int
    n: int = 1
    length_penalty: float = 1.0

    def __post_init__(self) -> None:
        _check_at_least_one("width", self.width)
        _check_at_least_one("n", self.n)
        if self.n > self.width:
            raise UsageError("n", f"is {self.n}, but {self.width} beams end in at most as many", "Widen the search")


DecodingMethod = Greedy | Sampling | Beams


def _check_at_least_one(name: str, value: object) -> None:
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise UsageError(name, f"is {format_value(value)}, but must be a whole number of at least 1", "Give 1 or more")
