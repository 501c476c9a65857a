"""Rows as tensors: prompts to read, and sequences to write with the places that are asked for.

A row is encoded once. In a batch rows are padded to the longest; who makes batches puts rows of like length together.
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
    """A prompt, read by an encoder position by position or standing before what is written; and what is written."""

    encoder_input: InputPositions
    prefix: TokenIds
    target: TokenIds

    @property
    def lengths(self) -> tuple[int, int]:
        """Rows of the same lengths need no padding."""
        return len(self.encoder_input), len(self.prefix) + len(self.target)


def encode_row(model_config: ModelConfig, vocabulary: Vocabulary, prompt: str, text: str | None = None) -> EncodedRow:
    """A row; without a text it ends where writing begins. Too long a row is refused."""
    encoder_input = vocabulary.encode_positions(prompt) if model_config.kind == "encoder-decoder" else []
    prefix = [BEGIN] if model_config.kind == "encoder-decoder" else [*vocabulary.encode(prompt), BEGIN]
    row = EncodedRow(encoder_input, prefix, [] if text is None else [*vocabulary.encode(text), END])
    # What is written last is read by nobody, so a row with its text may be one longer.
    longest = max(len(encoder_input), len(prefix) + len(row.target) - (text is not None))
    if longest > model_config.context:
        problem = f"has {longest} positions, and the model has {model_config.context}"
        raise UsageError(
            "context", f"the row of the prompt {format_value(prompt)} {problem}", "Give the shape a larger context"
        )
    if model_config.kind == "encoder-decoder" and not encoder_input:
        raise UsageError("prompt", "is empty, and an encoder needs something to read", "Leave that row out")
    return row


def build_encoder_input(rows: Sequence[EncodedRow], device: torch.device) -> Tensor:
    """What is read: (rows, positions, parts)."""
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
    """What stands at each place, and what is to be written next there (NOTHING where nobody asks)."""
    sequences = [row.prefix + row.target for row in rows]
    longest = max(map(len, sequences))
    targets = [[PADDING] * len(row.prefix) + row.target for row in rows]
    sequence = torch.tensor(
        [tokens + [PADDING] * (longest - len(tokens)) for tokens in sequences], dtype=torch.long, device=device
    )
    target = torch.tensor(
        [tokens + [PADDING] * (longest - len(tokens)) for tokens in targets], dtype=torch.long, device=device
    )
    return sequence[:, :-1], target[:, 1:]


def compute_target_logits(network: Network, rows: Sequence[EncodedRow], device: torch.device) -> tuple[Tensor, Tensor]:
    """The logits at every place where something is written, row after row, and what is written there."""
    sequence, target = build_sequences(rows, device)
    memory, mask = network.encode(build_encoder_input(rows, device)) if rows[0].encoder_input else (None, None)
    first = min(len(row.prefix) for row in rows) - 1
    hidden, target = network.hidden_states(sequence, first, memory, mask), target[:, first:]
    is_target = target != PADDING
    if bool(is_target.all()):
        return network.logits(hidden.flatten(0, 1)), target.flatten()
    return network.logits(hidden[is_target]), target[is_target]
