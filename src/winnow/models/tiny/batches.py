"""Rows as tensors: encoded prompts and target sequences, padded to the longest row of a batch.

Callers should batch rows of similar lengths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from winnow.errors import UsageError, format_value
from winnow.models.tiny.config import ModelConfig
from winnow.models.tiny.network import Network
from winnow.models.tiny.vocabulary import BEGIN, END, PADDING, Vocabulary

TokenIds = list[int]
InputPositions = list[tuple[int, ...]]


@dataclass(frozen=True)
class EncodedRow:
    """A prompt, as input of the encoder or as prefix of the decoder, and the target tokens."""

    encoder_input: InputPositions
    prefix: TokenIds
    target: TokenIds

    @property
    def lengths(self) -> tuple[int, int]:
        """The lengths of both inputs; rows of equal lengths need no padding."""
        return len(self.encoder_input), len(self.prefix) + len(self.target)


def encode_row(model_config: ModelConfig, vocabulary: Vocabulary, prompt: str, text: str | None = None) -> EncodedRow:
    """Encode a prompt and its text; without a text the target is empty. A row longer than the context is refused."""
    encoder_input = vocabulary.encode_positions(prompt) if model_config.kind == "encoder-decoder" else []
    prefix = [BEGIN] if model_config.kind == "encoder-decoder" else [*vocabulary.encode(prompt), BEGIN]
    row = EncodedRow(encoder_input, prefix, [] if text is None else [*vocabulary.encode(text), END])
    # The last token of the target is never an input, so a row with its text may be one longer.
    positions = max(len(encoder_input), len(prefix) + len(row.target) - (text is not None))
    if positions > model_config.context:
        row_size = f"the row of the prompt {format_value(prompt)} has {positions} positions"
        problem = f"{row_size}, and the model has {model_config.context}"
        raise UsageError("context", problem, "Configure the model with a larger context")
    if model_config.kind == "encoder-decoder" and not encoder_input:
        raise UsageError("prompt", "is empty, but an encoder needs at least one token", "Leave this row out")
    return row


def build_encoder_input(rows: Sequence[EncodedRow], device: torch.device) -> Tensor:
    """Build the input of the encoder: (rows, positions, parts)."""
    positions = max(len(row.encoder_input) for row in rows)
    parts = max(len(part) for row in rows for part in row.encoder_input)
    filled = torch.zeros(len(rows), positions, parts, dtype=torch.long)
    if parts == 1 and all(len(row.encoder_input) == positions for row in rows):
        return torch.tensor([row.encoder_input for row in rows], dtype=torch.long, device=device)
    for index, row in enumerate(rows):
        filled[index, : len(row.encoder_input)] = torch.tensor(
            [(*position, *[PADDING] * (parts - len(position))) for position in row.encoder_input], dtype=torch.long
        )
    return filled.to(device)


def build_sequences(rows: Sequence[EncodedRow], device: torch.device) -> tuple[Tensor, Tensor]:
    """Build the input of the decoder, and the token to predict at each position (PADDING where there is none)."""
    longest = max(len(row.prefix) + len(row.target) for row in rows)

    def pad(sequences: list[TokenIds]) -> Tensor:
        padded = [tokens + [PADDING] * (longest - len(tokens)) for tokens in sequences]
        return torch.tensor(padded, dtype=torch.long, device=device)

    sequence = pad([row.prefix + row.target for row in rows])
    target = pad([[PADDING] * len(row.prefix) + row.target for row in rows])
    return sequence[:, :-1], target[:, 1:]


def compute_target_logits(network: Network, rows: Sequence[EncodedRow], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the logits at every target position, row after row, and the target tokens."""
    sequence, target = build_sequences(rows, device)
    memory, mask = network.encode(build_encoder_input(rows, device)) if rows[0].encoder_input else (None, None)
    first = min(len(row.prefix) for row in rows) - 1
    hidden, target = network.hidden_states(sequence, first, memory, mask), target[:, first:]
    is_target = target != PADDING
    if bool(is_target.all()):
        return network.logits(hidden.flatten(0, 1)), target.flatten()
    return network.logits(hidden[is_target]), target[is_target]
