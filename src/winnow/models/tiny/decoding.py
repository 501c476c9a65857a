"""Writing one token after the other for many prompts at once, each with one or several continuations.

What all continuations of a prompt share, its keys and values or the encoder's, is kept once and never copied; each
continuation keeps only its own. Prompts of a group have the same length, so nothing is padded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from winnow.models.tiny.batches import EncodedRow, build_encoder_input
from winnow.models.tiny.network import Attention, Network, TransformerBlock

if TYPE_CHECKING:
    from collections.abc import Sequence

KeyValues = tuple[Tensor, Tensor]


class DecodingSession:
    """A group of prompts being completed. `logits` are those of the next token: (prompts, continuations, tokens)."""

    def __init__(self, network: Network, rows: Sequence[EncodedRow], max_new_tokens: int) -> None:
        device = network.tokens.weight.device
        self._network, self._longest = network, max_new_tokens
        self._blocks = [cast(TransformerBlock, block) for block in network.decoder]
        prefix = torch.tensor([row.prefix for row in rows], device=device)
        self._own_length = 0
        if rows[0].encoder_input:
            memory, _ = network.encode(build_encoder_input(rows, device))
            self._shared_cache = [_prepare_keys(_cross_attention(block).memory(memory)) for block in self._blocks]
            self._position, self._capacity = 0, max_new_tokens + 1
            self._own_cache = [self._empty_cache(block, len(rows)) for block in self._blocks]
            self.logits = self._decode_step(prefix)
        else:
            self._position, self._capacity = prefix.shape[1], max_new_tokens
            self.logits = self._prefill(prefix)
            self._own_cache = [self._empty_cache(block, len(rows)) for block in self._blocks]

    def _empty_cache(self, block: TransformerBlock, rows: int) -> KeyValues:
        weight = block.up.weight
        shape = (rows, block.attention.heads, self._capacity, block.attention.size)
        return torch.empty(shape, dtype=weight.dtype, device=weight.device), torch.empty(
            shape, dtype=weight.dtype, device=weight.device
        )

    def _prefill(self, prefix: Tensor) -> Tensor:
        """The prompt in one go; its keys and values stay."""
        network = self._network
        x = network.tokens(prefix) + network.places.weight[: prefix.shape[1]]
        self._shared_cache = []
        for block in self._blocks:
            self._shared_cache.append(_prepare_keys(block.attention.memory(block.first(x))))
            is_last = block is self._blocks[-1]
            x = block.forward_tail(x, prefix.shape[1] - 1) if is_last else block(x, True)
        return network.logits(network.norm(x))

    def expand_prompts(self, n: int) -> None:
        """Each prompt goes on n ways."""
        self._own_cache = [(k.repeat_interleave(n, 0), v.repeat_interleave(n, 0)) for k, v in self._own_cache]

    def append_tokens(self, tokens: Tensor) -> None:
        """The token that each continuation takes: (prompts, continuations)."""
        self.logits = self._decode_step(tokens)

    def reorder_beams(self, beams: Tensor) -> None:
        """Continuation i of a prompt becomes a copy of its continuation beams[i]."""
        prompts, n = beams.shape
        flat = (beams + n * torch.arange(prompts, device=beams.device)[:, None]).flatten()
        for pair in self._own_cache:
            for cache in pair:
                cache[:, :, : self._own_length] = cache[flat, :, : self._own_length]

    def keep_prompts(self, prompts: Tensor, n: int) -> None:
        """Go on with these prompts alone."""
        rows = (prompts[:, None] * n + torch.arange(n, device=prompts.device)).flatten()
        self._shared_cache = [(k[prompts], v[prompts]) for k, v in self._shared_cache]
        self._own_cache = [(k[rows], v[rows]) for k, v in self._own_cache]

    def _decode_step(self, tokens: Tensor) -> Tensor:
        network, (prompts, n) = self._network, tokens.shape
        x = network.tokens(tokens.flatten()) + network.places.weight[self._position]
        self._position += 1
        self._own_length += 1
        for block, shared, own in zip(self._blocks, self._shared_cache, self._own_cache, strict=True):
            attention = block.attention
            queries, keys, values = attention.into(block.first(x)).view(prompts * n, 3, attention.heads, -1).unbind(1)
            for cache, new in zip(own, (keys, values), strict=True):
                cache[:, :, self._own_length - 1] = new
            own_so_far = (own[0][:, :, : self._own_length], own[1][:, :, : self._own_length])
            if block.across is None:
                x = x + attention.out(_attend_both(queries, shared, own_so_far, n))
            else:
                x = x + attention.out(_attend_own(queries, own_so_far))
                across = block.across
                queries_across = across.queries(_cross_norm(block)(x)[:, None])
                x = x + across.out(_attend_shared(queries_across[:, :, 0], shared, n))
            x = x + block.feed_forward(x)
        logits: Tensor = network.logits(network.norm(x)).view(prompts, n, -1)
        return logits


def _cross_attention(block: TransformerBlock) -> Attention:
    assert block.across is not None
    return block.across


def _cross_norm(block: TransformerBlock) -> torch.nn.LayerNorm:
    assert block.second is not None
    return block.second


def _prepare_keys(memory: Sequence[Tensor]) -> KeyValues:
    """Keys ready to be multiplied with, and values."""
    keys, values = memory
    return keys.transpose(2, 3).contiguous(), values.contiguous()


def _group_queries(queries: Tensor, n: int) -> Tensor:
    """(prompts * n, heads, size) as (prompts, heads, n, size): the n ways of a prompt are rows of one product."""
    rows, heads, size = queries.shape
    scale: float = size**-0.5
    return queries.view(rows // n, n, heads, size).transpose(1, 2) * scale


def _merge_heads(mixed: Tensor) -> Tensor:
    """(prompts, heads, n, size) as (prompts * n, width)."""
    prompts, _, n, _ = mixed.shape
    return mixed.transpose(1, 2).reshape(prompts * n, -1)


def _attend_shared(queries: Tensor, shared: KeyValues, n: int) -> Tensor:
    keys, values = shared
    mixed: Tensor = (_group_queries(queries, n) @ keys).softmax(-1) @ values
    return _merge_heads(mixed)


def _attend_own(queries: Tensor, own: KeyValues) -> Tensor:
    keys, values = own
    weights = (keys @ (queries * queries.shape[-1] ** -0.5)[..., None]).softmax(2)
    mixed: Tensor = weights.transpose(2, 3) @ values
    return mixed.flatten(1)


def _attend_both(queries: Tensor, shared: KeyValues, own: KeyValues, n: int) -> Tensor:
    """One softmax over the prompt's places and the continuation's own."""
    grouped = _group_queries(queries, n)
    prompt_scores = grouped @ shared[0]
    prompts, heads, _, prompt_length = prompt_scores.shape
    own_scores = own[0] @ (queries * queries.shape[-1] ** -0.5)[..., None]
    own_grouped = own_scores.view(prompts, n, heads, -1).transpose(1, 2)
    weights = torch.cat((prompt_scores, own_grouped), -1).softmax(-1)
    mixed = _merge_heads(weights[..., :prompt_length] @ shared[1])
    rest = weights[..., prompt_length:].transpose(1, 2).reshape(prompts * n, heads, 1, -1)
    return mixed + (rest @ own[1]).flatten(1)
