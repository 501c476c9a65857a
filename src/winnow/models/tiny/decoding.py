"""Token-by-token decoding of many prompts at once, each with one or several continuations.

Keys and values of a prompt, or of the encoder, are stored once and shared by its continuations. Prompts of a group have
the same length, so nothing is padded.
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
    """A group of prompts being completed; `logits` of the next token are (prompts, continuations, tokens)."""

    def __init__(self, network: Network, rows: Sequence[EncodedRow], max_new_tokens: int) -> None:
        device = network.tokens.weight.device
        self._network = network
        self._blocks = [cast(TransformerBlock, block) for block in network.decoder]
        prefix = torch.tensor([row.prefix for row in rows], device=device)
        self._own_length = 0
        has_encoder = bool(rows[0].encoder_input)
        capacity = max_new_tokens + has_encoder
        self._own_cache = [_empty_cache(block, len(rows), capacity) for block in self._blocks]
        if has_encoder:
            memory, _ = network.encode(build_encoder_input(rows, device))
            self._shared_cache = [_prepare_keys(_cross_attention(block).memory(memory)) for block in self._blocks]
            self._position = 0
            self.logits = self._decode_step(prefix)
        else:
            self._position = prefix.shape[1]
            self.logits = self._prefill(prefix)

    def _prefill(self, prefix: Tensor) -> Tensor:
        """Run the prompts in one pass and cache their keys and values."""
        network = self._network
        x = network.tokens(prefix) + network.places.weight[: prefix.shape[1]]
        self._shared_cache = []
        for block in self._blocks:
            self._shared_cache.append(_prepare_keys(block.attention.memory(block.first(x))))
            is_last = block is self._blocks[-1]
            x = block.forward_tail(x, prefix.shape[1] - 1) if is_last else block(x, True)
        return network.logits(network.norm(x))

    def expand_prompts(self, n: int) -> None:
        """Start n continuations of each prompt."""
        self._own_cache = [(k.repeat_interleave(n, 0), v.repeat_interleave(n, 0)) for k, v in self._own_cache]

    def append_tokens(self, tokens: Tensor) -> None:
        """Append one token to each continuation: (prompts, continuations)."""
        self.logits = self._decode_step(tokens)

    def reorder_beams(self, beams: Tensor) -> None:
        """Replace continuation i of a prompt by a copy of its continuation beams[i]."""
        prompts, n = beams.shape
        flat = (beams + n * torch.arange(prompts, device=beams.device)[:, None]).flatten()
        for pair in self._own_cache:
            for cache in pair:
                cache[:, :, : self._own_length] = cache[flat, :, : self._own_length]

    def keep_prompts(self, prompts: Tensor, n: int) -> None:
        """Drop all prompts but these."""
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


def _empty_cache(block: TransformerBlock, rows: int, capacity: int) -> KeyValues:
    shape = (rows, block.attention.heads, capacity, block.attention.size)
    return block.up.weight.new_empty(shape), block.up.weight.new_empty(shape)


def _cross_attention(block: TransformerBlock) -> Attention:
    assert block.across is not None
    return block.across


def _cross_norm(block: TransformerBlock) -> torch.nn.LayerNorm:
    assert block.second is not None
    return block.second


def _prepare_keys(memory: Sequence[Tensor]) -> KeyValues:
    """Transpose the keys for the product with the queries."""
    keys, values = memory
    return keys.transpose(2, 3).contiguous(), values.contiguous()


def _group_queries(queries: Tensor, n: int) -> Tensor:
    """(prompts * n, heads, size) as (prompts, heads, n, size), so that continuations are rows of one product."""
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
    """Attend to the positions of the prompt and of the continuation in one softmax."""
    grouped = _group_queries(queries, n)
    prompt_scores = grouped @ shared[0]
    prompts, heads, _, prompt_length = prompt_scores.shape
    own_scores = own[0] @ (queries * queries.shape[-1] ** -0.5)[..., None]
    own_grouped = own_scores.view(prompts, n, heads, -1).transpose(1, 2)
    weights = torch.cat((prompt_scores, own_grouped), -1).softmax(-1)
    mixed = _merge_heads(weights[..., :prompt_length] @ shared[1])
    rest = weights[..., prompt_length:].transpose(1, 2).reshape(prompts * n, heads, 1, -1)
    return mixed + (rest @ own[1]).flatten(1)
