"""Greedy writing and sampling.

Every continuation has random numbers of its own, one for each token, so neither the batch nor the order of prompts
changes what is drawn, and asking for more of a prompt gives the same ones first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from winnow.data.streams import stream
from winnow.models.tiny.decoding import Writing
from winnow.models.tiny.vocabulary import END, FIRST_WRITTEN
from winnow.models.writing import Sampling

MOST_DONE = 0.25
"""The share of finished prompts from which on a group goes on without them."""
Choose = Callable[[Tensor, Tensor, int], Tensor]
"""From logits, the numbers of the prompts they belong to and the place: the index of each token."""


@dataclass(frozen=True)
class Written:
    """Tokens and their log-probabilities; ended, or as many as were allowed."""

    tokens: list[int]
    logprobs: list[float]

    @property
    def ended(self) -> bool:
        return bool(self.tokens) and self.tokens[-1] == END


def likeliest(logits: Tensor, prompts: Tensor, place: int) -> Tensor:
    """Greedy."""
    return logits.argmax(-1)


def drawn_by(how: Sampling, numbers: npt.NDArray[np.float64], device: torch.device) -> Choose:
    """Sampling, with a number in [0, 1) for each prompt, continuation and place."""
    chances = torch.from_numpy(numbers).to(device)

    def choose(logits: Tensor, prompts: Tensor, place: int) -> Tensor:
        scaled = logits.double() / how.temperature
        if how.top_k is not None and how.top_k < scaled.shape[-1]:
            least = scaled.topk(how.top_k, -1).values[..., -1:]
            scaled = scaled.masked_fill(scaled < least, -torch.inf)
        below = scaled.softmax(-1).cumsum(-1)
        asked = chances[prompts, :, place][..., None] * below[..., -1:]
        return (below <= asked).sum(-1).clamp(max=below.shape[-1] - 1)

    return choose


def numbers_for(seed: int, keys: list[str], how: Sampling, longest: int) -> npt.NDArray[np.float64]:
    """The random numbers of these prompts."""
    return np.stack([stream(seed, "completion", key).random((how.n, longest)) for key in keys])


def write_out(writing: Writing, choose: Choose, n: int, longest: int) -> list[list[Written]]:
    """n continuations of each prompt of the group."""
    device, prompts = writing.logits.device, writing.logits.shape[0]
    alive = torch.arange(prompts, device=device)
    tokens = torch.full((prompts, n, longest), END, device=device)
    logprobs = torch.zeros(prompts, n, longest, device=device)
    ended = torch.zeros(prompts, n, dtype=torch.bool, device=device)
    writing.spread(n)
    for place in range(longest):
        logits = writing.logits.float().expand(-1, n, -1)
        chosen = choose(logits, alive, place)
        tokens[alive, :, place] = chosen + FIRST_WRITTEN
        logprobs[alive, :, place] = logits.log_softmax(-1).gather(-1, chosen[..., None])[..., 0]
        ended = ended | (chosen + FIRST_WRITTEN == END)
        going = ~ended.all(1)
        if place + 1 == longest or not bool(going.any()):
            break
        if float(going.float().mean()) <= 1 - MOST_DONE:
            kept = going.nonzero()[:, 0]
            writing.keep(kept, n)
            alive, ended, chosen = alive[kept], ended[kept], chosen[kept]
        writing.write(chosen + FIRST_WRITTEN)
    return [
        [cut(*one) for one in zip(*both, strict=True)] for both in zip(tokens.tolist(), logprobs.tolist(), strict=True)
    ]


def cut(tokens: list[int], logprobs: list[float]) -> Written:
    """Up to the end."""
    length = tokens.index(END) + 1 if END in tokens else len(tokens)
    return Written(tokens[:length], logprobs[:length])
