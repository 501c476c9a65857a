"""Decoding methods and completions, the same for every model; no library is loaded here.

Log-probabilities are those of the model itself, in nats, before temperature and top-k.
"""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Literal

from winnow.errors import UsageError, format_value

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True)
class Completion:
    """A generated text, the log-probability of each of its tokens (the end token too), and why it ended."""

    text: str
    logprobs: tuple[float, ...]
    finish: FinishReason

    @property
    def logprob(self) -> float:
        """The mean log-probability of a token; 0 without tokens."""
        return sum(self.logprobs) / len(self.logprobs) if self.logprobs else 0.0


@dataclass(frozen=True)
class Greedy:
    """Take the most likely token at each step."""


@dataclass(frozen=True)
class Sampling:
    """Draw n completions of each prompt, from all tokens or the `top_k` most likely, at a temperature."""

    n: int = 1
    temperature: float = 1.0
    top_k: int | None = None

    def __post_init__(self) -> None:
        _check_at_least_one("n", self.n)
        if self.top_k is not None:
            _check_at_least_one("top_k", self.top_k)
        if not self.temperature > 0:
            problem = f"is {format_value(self.temperature)}, but must be above 0"
            raise UsageError("temperature", problem, "For 0 use Greedy()")


@dataclass(frozen=True)
class Beams:
    """Search with `width` beams, and return the best n by log-probability / length ** length_penalty."""

    width: int
    n: int = 1
    length_penalty: float = 1.0

    def __post_init__(self) -> None:
        _check_at_least_one("width", self.width)
        _check_at_least_one("n", self.n)
        if self.n > self.width:
            problem = f"is {self.n}, but {self.width} beams return at most {self.width} texts"
            raise UsageError("n", problem, "Raise width")


DecodingMethod = Greedy | Sampling | Beams


def _check_at_least_one(name: str, value: object) -> None:
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise UsageError(name, f"is {format_value(value)}, but must be a whole number of at least 1", "Set 1 or more")
