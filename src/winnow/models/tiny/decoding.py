"""Writing one token after the other for many prompts at once, each with one or several continuations.

What all continuations of a prompt share, its keys and values or the encoder's, is kept once and never copied; each
continuation keeps only its own. Prompts of a group have the same length, so nothing is padded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from winnow.models.tiny.batches import Encoded, inputs_of
from winnow.models.tiny.network import Attention, Block, Network

if TYPE_CHECKING:
    from collections.abc import Sequence

Pair = tuple[Tensor, Tensor]


class Writing:
    """A group of prompts being completed. `logits` are those of the next token: (prompts, continuations, tokens)."""

    def __init__(self, network: Network, rows: Sequence[Encoded], longest: int) -> None:
        device = network.tokens.weight.device
        self._network, self._longest = network, longest
        self._blocks = [cast(Block, block) for block in network.decoder]
        before = torch.tensor([row.before for row in rows], device=device)
        self._written = 0
        if rows[0].read:
            memory, _ = network.read(inputs_of(rows, device))
            self._shared = [_keys_first(_across(block).memory(memory)) for block in self._blocks]
            self._place, self._room = 0, longest + 1
            self._own = [self._empty(block, len(rows)) for block in self._blocks]
            self.logits = self._step(before)
        else:
            self._place, self._room = before.shape[1], longest
            self.logits = self._prefilled(before)
            self._own = [self._empty(block, len(rows)) for block in self._blocks]

    def _empty(self, block: Block, rows: int) -> Pair:
        weight = block.up.weight
        shape = (rows, block.attention.heads, self._room, block.attention.size)
        return torch.empty(shape, dtype=weight.dtype, device=weight.device), torch.empty(
            shape, dtype=weight.dtype, device=weight.device
        )

    def _prefilled(self, before: Tensor) -> Tensor:
        """The prompt in one go; its keys and values stay."""
        network = self._network
        x = network.tokens(before) + network.places.weight[: before.shape[1]]
        self._shared = []
        for block in self._blocks:
            self._shared.append(_keys_first(block.attention.memory(block.first(x))))
            last = block is self._blocks[-1]
            x = block.ending(x, before.shape[1] - 1) if last else block(x, True)
        return network.logits(network.norm(x))

    def spread(self, n: int) -> None:
        """Each prompt goes on n ways."""
        self._own = [(k.repeat_interleave(n, 0), v.repeat_interleave(n, 0)) for k, v in self._own]

    def write(self, tokens: Tensor) -> None:
        """The token that each continuation takes: (prompts, continuations)."""
        self.logits = self._step(tokens)

    def follow(self, beams: Tensor) -> None:
        """Continuation i of a prompt becomes a copy of its continuation beams[i]."""
        prompts, n = beams.shape
        flat = (beams + n * torch.arange(prompts, device=beams.device)[:, None]).flatten()
        for pair in self._own:
            for cache in pair:
                cache[:, :, : self._written] = cache[flat, :, : self._written]

    def keep(self, prompts: Tensor, n: int) -> None:
        """Go on with these prompts alone."""
        rows = (prompts[:, None] * n + torch.arange(n, device=prompts.device)).flatten()
        self._shared = [(k[prompts], v[prompts]) for k, v in self._shared]
        self._own = [(k[rows], v[rows]) for k, v in self._own]

    def _step(self, tokens: Tensor) -> Tensor:
        network, (prompts, n) = self._network, tokens.shape
        x = network.tokens(tokens.flatten()) + network.places.weight[self._place]
        self._place += 1
        self._written += 1
        for block, shared, own in zip(self._blocks, self._shared, self._own, strict=True):
            attention = block.attention
            queries, keys, values = attention.into(block.first(x)).view(prompts * n, 3, attention.heads, -1).unbind(1)
            for cache, new in zip(own, (keys, values), strict=True):
                cache[:, :, self._written - 1] = new
            mine = (own[0][:, :, : self._written], own[1][:, :, : self._written])
            if block.across is None:
                x = x + attention.out(_over_both(queries, shared, mine, n))
            else:
                x = x + attention.out(_over_own(queries, mine))
                across = block.across
                asked = across.queries(_second(block)(x)[:, None])
                x = x + across.out(_over_shared(asked[:, :, 0], shared, n))
            x = x + block.middle(x)
        logits: Tensor = network.logits(network.norm(x)).view(prompts, n, -1)
        return logits


def _across(block: Block) -> Attention:
    assert block.across is not None
    return block.across


def _second(block: Block) -> torch.nn.LayerNorm:
    assert block.second is not None
    return block.second


def _keys_first(memory: Sequence[Tensor]) -> Pair:
    """Keys ready to be multiplied with, and values."""
    keys, values = memory
    return keys.transpose(2, 3).contiguous(), values.contiguous()


def _grouped(queries: Tensor, n: int) -> Tensor:
    """(prompts * n, heads, size) as (prompts, heads, n, size): the n ways of a prompt are rows of one product."""
    rows, heads, size = queries.shape
    scale: float = size**-0.5
    return queries.view(rows // n, n, heads, size).transpose(1, 2) * scale


def _flat(mixed: Tensor) -> Tensor:
    """(prompts, heads, n, size) as (prompts * n, width)."""
    prompts, _, n, _ = mixed.shape
    return mixed.transpose(1, 2).reshape(prompts * n, -1)


def _over_shared(queries: Tensor, shared: Pair, n: int) -> Tensor:
    keys, values = shared
    mixed: Tensor = (_grouped(queries, n) @ keys).softmax(-1) @ values
    return _flat(mixed)


def _over_own(queries: Tensor, own: Pair) -> Tensor:
    keys, values = own
    weights = (keys @ (queries * queries.shape[-1] ** -0.5)[..., None]).softmax(2)
    mixed: Tensor = weights.transpose(2, 3) @ values
    return mixed.flatten(1)


def _over_both(queries: Tensor, shared: Pair, own: Pair, n: int) -> Tensor:
    """One softmax over the prompt's places and the continuation's own."""
    grouped = _grouped(queries, n)
    of_prompt = grouped @ shared[0]
    prompts, heads, _, places = of_prompt.shape
    mine = own[0] @ (queries * queries.shape[-1] ** -0.5)[..., None]
    of_own = mine.view(prompts, n, heads, -1).transpose(1, 2)
    weights = torch.cat((of_prompt, of_own), -1).softmax(-1)
    mixed = _flat(weights[..., :places] @ shared[1])
    rest = weights[..., places:].transpose(1, 2).reshape(prompts * n, heads, 1, -1)
    return mixed + (rest @ own[1]).flatten(1)
