"""Greedy decoding and sampling.

Each continuation has random numbers of its own, one per token, so the samples do not depend on the batch or the order
of prompts, and the first samples stay the same when more are requested.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from winnow.models.completion import Sampling
from winnow.models.tiny.decoding import DecodingSession
from winnow.models.tiny.vocabulary import END, FIRST_OUTPUT
from winnow.statistics.row_random import row_generator

COMPACTION_SHARE = 0.25
"""Finished prompts are dropped from a group once they are this share of it."""
TokenChooser = Callable[[Tensor, Tensor, int], Tensor]
"""Chooses token indices from logits, the numbers of their prompts, and the position."""


@dataclass(frozen=True)
class GeneratedTokens:
    """The tokens of a completion and their log-probabilities."""

    tokens: list[int]
    logprobs: list[float]

    @property
    def has_ended(self) -> bool:
        return bool(self.tokens) and self.tokens[-1] == END


def choose_likeliest(logits: Tensor, prompts: Tensor, position: int) -> Tensor:
    """Choose the most likely token."""
    return logits.argmax(-1)


def make_sampler(method: Sampling, uniforms: npt.NDArray[np.float64], device: torch.device) -> TokenChooser:
    """Make a sampler from a random number in [0, 1) for each prompt, continuation and position."""
    chances = torch.from_numpy(uniforms).to(device)

    def choose(logits: Tensor, prompts: Tensor, position: int) -> Tensor:
        scaled = logits.double() / method.temperature
        if method.top_k is not None and method.top_k < scaled.shape[-1]:
            least = scaled.topk(method.top_k, -1).values[..., -1:]
            scaled = scaled.masked_fill(scaled < least, -torch.inf)
        cumulative = scaled.softmax(-1).cumsum(-1)
        targets = chances[prompts, :, position][..., None] * cumulative[..., -1:]
        return (cumulative <= targets).sum(-1).clamp(max=cumulative.shape[-1] - 1)

    return choose


def random_numbers(seed: int, keys: list[str], method: Sampling, max_new_tokens: int) -> npt.NDArray[np.float64]:
    """Draw the random numbers of the prompts with these keys."""
    return np.stack([row_generator(seed, "completion", key).random((method.n, max_new_tokens)) for key in keys])


def generate_tokens(
    session: DecodingSession, choose: TokenChooser, n: int, max_new_tokens: int
) -> list[list[GeneratedTokens]]:
    """Generate n continuations of each prompt of a group."""
    device, prompts = session.logits.device, session.logits.shape[0]
    active = torch.arange(prompts, device=device)
    tokens = torch.full((prompts, n, max_new_tokens), END, device=device)
    logprobs = torch.zeros(prompts, n, max_new_tokens, device=device)
    ended = torch.zeros(prompts, n, dtype=torch.bool, device=device)
    session.expand_prompts(n)
    for position in range(max_new_tokens):
        logits = session.logits.float().expand(-1, n, -1)
        chosen = choose(logits, active, position)
        tokens[active, :, position] = chosen + FIRST_OUTPUT
        logprobs[active, :, position] = logits.log_softmax(-1).gather(-1, chosen[..., None])[..., 0]
        ended = ended | (chosen + FIRST_OUTPUT == END)
        is_active = ~ended.all(1)
        if position + 1 == max_new_tokens or not bool(is_active.any()):
            break
        if float(is_active.float().mean()) <= 1 - COMPACTION_SHARE:
            remaining = is_active.nonzero()[:, 0]
            session.keep_prompts(remaining, n)
            active, ended, chosen = active[remaining], ended[remaining], chosen[remaining]
        session.append_tokens(chosen + FIRST_OUTPUT)
    return [
        [trim_at_end(*continuation) for continuation in zip(*prompt_results, strict=True)]
        for prompt_results in zip(tokens.tolist(), logprobs.tolist(), strict=True)
    ]


def trim_at_end(tokens: list[int], logprobs: list[float]) -> GeneratedTokens:
    """Cut a completion after its end token."""
    length = tokens.index(END) + 1 if END in tokens else len(tokens)
    return GeneratedTokens(tokens[:length], logprobs[:length])
