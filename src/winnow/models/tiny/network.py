"""The network: pre-norm blocks, learned positions, and one embedding table for input and output.

The decoder computes what GPT-2 computes and the encoder-decoder what Blenderbot computes with the same weights; tests
compare both. There is no dropout, so training draws no random numbers. Only output tokens have logits: token t has the
index t - FIRST_OUTPUT.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from winnow.models.tiny.vocabulary import FIRST_OUTPUT, PADDING, EncodedRow
from winnow.models.tiny_config import ModelConfig

HIDDEN_FACTOR = 4
"""The width of the feed-forward layer, as a multiple of the width of the model."""


class Attention(nn.Module):
    """Multi-head attention over the same or another sequence."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.into = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, causal: bool, mask: Tensor | None = None) -> Tensor:
        """Attend to the sequence itself."""
        queries, keys, values = self._split(self.into(x), 3)
        return self._mix(queries, keys, values, mask, causal)

    def attend_tail(self, x: Tensor, first: int) -> Tensor:
        """Attend causally to the sequence itself, from the position `first` on."""
        positions = torch.arange(x.shape[1], device=x.device)
        return self.attend_across(x[:, first:], x, positions <= positions[first:, None])

    def attend_across(self, x: Tensor, memory: Tensor, mask: Tensor | None) -> Tensor:
        """Attend to another sequence."""
        keys, values = self.memory(memory)
        return self._mix(self.queries(x), keys, values, mask)

    def queries(self, x: Tensor) -> Tensor:
        """Project to queries only."""
        width = x.shape[-1]
        return self._split(functional.linear(x, self.into.weight[:width], self.into.bias[:width]), 1)[0]

    def memory(self, x: Tensor) -> Sequence[Tensor]:
        """Project to keys and values only."""
        width = x.shape[-1]
        return self._split(functional.linear(x, self.into.weight[width:], self.into.bias[width:]), 2)

    def _split(self, x: Tensor, parts: int) -> Sequence[Tensor]:
        """Split into parts of (rows, heads, positions, size)."""
        rows, positions, _ = x.shape
        return x.view(rows, positions, parts, self.heads, self.size).permute(2, 0, 3, 1, 4).unbind(0)

    def _mix(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, causal: bool = False) -> Tensor:
        """Mix the values by the attention weights, concatenate the heads and apply the output layer."""
        mixed = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, is_causal=causal)
        rows, _, positions, _ = mixed.shape
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(rows, positions, -1))
        return out


class TransformerBlock(nn.Module):
    """Self-attention, cross-attention where there is an encoder, and a feed-forward layer."""

    def __init__(self, width: int, heads: int, has_across: bool) -> None:
        super().__init__()
        self.has_across = has_across
        self.first, self.attention = nn.LayerNorm(width), Attention(width, heads)
        if has_across:
            self.second, self.across = nn.LayerNorm(width), Attention(width, heads)
        self.third = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, HIDDEN_FACTOR * width), nn.Linear(HIDDEN_FACTOR * width, width)

    def forward(self, x: Tensor, causal: bool, mask: Tensor | None = None, memory: Tensor | None = None) -> Tensor:
        """Run the block; the mask is that of the memory where there is one, else of the sequence itself."""
        x = x + self.attention(self.first(x), causal, None if self.has_across else mask)
        return self._after_attention(x, mask, memory)

    def forward_tail(self, x: Tensor, first: int, mask: Tensor | None = None, memory: Tensor | None = None) -> Tensor:
        """Run the block causally for the positions from `first` on, which is all that is needed of the last block."""
        if not first:
            return self(x, True, mask, memory)  # type: ignore[no-any-return]
        return self._after_attention(x[:, first:] + self.attention.attend_tail(self.first(x), first), mask, memory)

    def _after_attention(self, x: Tensor, mask: Tensor | None, memory: Tensor | None) -> Tensor:
        if memory is not None:
            x = x + self.across.attend_across(self.second(x), memory, mask)
        return x + self.feed_forward(x)

    def feed_forward(self, x: Tensor) -> Tensor:
        """Apply the feed-forward layer."""
        inner: Tensor = self.down(functional.gelu(self.up(self.third(x)), approximate="tanh"))
        return inner


class Network(nn.Module):
    """The transformer: embeddings, encoder and decoder."""

    def __init__(self, model_config: ModelConfig, tokens: int) -> None:
        super().__init__()
        self.model_config = model_config
        width, heads = model_config.width, model_config.heads
        self.tokens = nn.Embedding(tokens, width, padding_idx=PADDING)
        self.places = nn.Embedding(model_config.context, width)
        across = model_config.kind == "encoder-decoder"
        self.decoder = nn.ModuleList(TransformerBlock(width, heads, across) for _ in range(model_config.decoder_layers))
        self.norm = nn.LayerNorm(width)
        if across:
            self.read_places = nn.Embedding(model_config.context, width)
            self.encoder = nn.ModuleList(
                TransformerBlock(width, heads, False) for _ in range(model_config.encoder_layers)
            )
            self.read_norm = nn.LayerNorm(width)

    @property
    def device(self) -> torch.device:
        """The device that holds the weights."""
        return self.tokens.weight.device

    def initialize_weights(self, generator: torch.Generator) -> None:
        """Initialize the weights, with the standard deviation `init_std` or 1 / sqrt(width).

        With the 0.02 of GPT-2, a model of width 64 learns several times more slowly.
        """
        default_std = self.model_config.init_std or self.model_config.width**-0.5
        residual_std = default_std / math.sqrt(2 * self.model_config.decoder_layers)
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if name.endswith("bias"):
                    weight.zero_()
                elif weight.dim() == 1:
                    weight.fill_(1.0)
                else:
                    std = residual_std if name.endswith(("out.weight", "down.weight")) else default_std
                    weight.normal_(0.0, std, generator=generator)
            self.tokens.weight[PADDING].zero_()

    def encode(self, rows: Sequence[EncodedRow]) -> tuple[Tensor, Tensor | None]:
        """Encode the prompts of rows; the mask of present positions is None where nothing is padded."""
        inputs = _encoder_inputs(rows, self.device)
        x = self.tokens(inputs).sum(2) if inputs.shape[2] > 1 else self.tokens(inputs[:, :, 0])
        x = x + self.read_places.weight[: inputs.shape[1]]
        is_present = inputs[:, :, 0] != PADDING
        mask = None if bool(is_present.all()) else is_present[:, None, None, :]
        for block in self.encoder:
            x = block(x, False, mask)
        return self.read_norm(x), mask

    def hidden_states(self, sequence: Tensor, first: int, memory: Tensor | None, mask: Tensor | None) -> Tensor:
        """Return the last hidden states from the position `first` on of sequences that are padded on the right."""
        x = self.tokens(sequence) + self.places.weight[: sequence.shape[1]]
        *before, last = self.decoder
        for block in before:
            x = block(x, True, mask, memory)
        assert isinstance(last, TransformerBlock)
        normed: Tensor = self.norm(last.forward_tail(x, first, mask, memory))
        return normed

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits of the output tokens."""
        return functional.linear(hidden, self.tokens.weight[FIRST_OUTPUT:])


def compute_target_logits(network: Network, rows: Sequence[EncodedRow]) -> tuple[Tensor, Tensor]:
    """Return the logits at every target position, row after row, and the target tokens.

    Rows are padded to the longest, so callers should pass rows of similar lengths.
    """
    longest = max(len(row.prefix) + len(row.target) for row in rows)

    def pad(sequences: list[list[int]]) -> Tensor:
        padded = [tokens + [PADDING] * (longest - len(tokens)) for tokens in sequences]
        return torch.tensor(padded, dtype=torch.long, device=network.device)

    first = min(len(row.prefix) for row in rows) - 1
    sequence = pad([row.prefix + row.target for row in rows])[:, :-1]
    target = pad([[PADDING] * len(row.prefix) + row.target for row in rows])[:, 1 + first :]
    memory, mask = network.encode(rows) if rows[0].encoder_input else (None, None)
    hidden = network.hidden_states(sequence, first, memory, mask)
    is_target = target != PADDING
    if bool(is_target.all()):
        return network.logits(hidden.flatten(0, 1)), target.flatten()
    return network.logits(hidden[is_target]), target[is_target]


def _encoder_inputs(rows: Sequence[EncodedRow], device: torch.device) -> Tensor:
    """Build the padded tokens of the encoder: (rows, positions, parts)."""
    inputs = [row.encoder_input for row in rows]
    longest = max(map(len, inputs))
    parts = max(len(position) for row in inputs for position in row)
    if parts > 1 or any(len(row) < longest for row in inputs):
        empty = (PADDING,) * parts
        inputs = [
            [*(position + empty[len(position) :] for position in row), *[empty] * (longest - len(row))]
            for row in inputs
        ]
    return torch.tensor(inputs, dtype=torch.long, device=device)
