"""Rows as tensors: prompts to read, and sequences to write with the places that are asked for.

A row is encoded once. In a batch rows are padded to the longest; who makes batches puts rows of like length together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from winnow.data.errors import UsageError, shown
from winnow.models.tiny.network import Network
from winnow.models.tiny.shape import Shape
from winnow.models.tiny.vocabulary import BEGIN, END, NOTHING, Vocabulary

Tokens = list[int]
Positions = list[tuple[int, ...]]


@dataclass(frozen=True)
class Encoded:
    """A prompt, read by an encoder position by position or standing before what is written; and what is written."""

    read: Positions
    before: Tokens
    written: Tokens

    @property
    def lengths(self) -> tuple[int, int]:
        """Rows of the same lengths need no padding."""
        return len(self.read), len(self.before) + len(self.written)


def encoded(shape: Shape, vocabulary: Vocabulary, prompt: str, text: str | None = None) -> Encoded:
    """A row; without a text it ends where writing begins. Too long a row is refused."""
    read = vocabulary.summed(prompt) if shape.kind == "encoder-decoder" else []
    before = [BEGIN] if shape.kind == "encoder-decoder" else [*vocabulary.plain(prompt), BEGIN]
    row = Encoded(read, before, [] if text is None else [*vocabulary.plain(text), END])
    # What is written last is read by nobody, so a row with its text may be one longer.
    longest = max(len(read), len(before) + len(row.written) - (text is not None))
    if longest > shape.context:
        problem = f"has {longest} positions, and the model has {shape.context}"
        raise UsageError(
            "context", f"the row of the prompt {shown(prompt)} {problem}", "Give the shape a larger context"
        )
    if shape.kind == "encoder-decoder" and not read:
        raise UsageError("prompt", "is empty, and an encoder needs something to read", "Leave that row out")
    return row


def inputs_of(rows: Sequence[Encoded], device: torch.device) -> Tensor:
    """What is read: (rows, positions, parts)."""
    positions = max(len(row.read) for row in rows)
    parts = max(len(part) for row in rows for part in row.read)
    filled = torch.zeros(len(rows), positions, parts, dtype=torch.long)
    if parts == 1 and all(len(row.read) == positions for row in rows):
        return torch.tensor([row.read for row in rows], dtype=torch.long, device=device)
    for place, row in enumerate(rows):
        filled[place, : len(row.read)] = torch.tensor(
            [(*one, *[NOTHING] * (parts - len(one))) for one in row.read], dtype=torch.long
        )
    return filled.to(device)


def sequences_of(rows: Sequence[Encoded], device: torch.device) -> tuple[Tensor, Tensor]:
    """What stands at each place, and what is to be written next there (NOTHING where nobody asks)."""
    whole = [row.before + row.written for row in rows]
    longest = max(map(len, whole))
    asked = [[NOTHING] * len(row.before) + row.written for row in rows]
    sequence = torch.tensor([one + [NOTHING] * (longest - len(one)) for one in whole], dtype=torch.long, device=device)
    wanted = torch.tensor([one + [NOTHING] * (longest - len(one)) for one in asked], dtype=torch.long, device=device)
    return sequence[:, :-1], wanted[:, 1:]


def scored(network: Network, rows: Sequence[Encoded], device: torch.device) -> tuple[Tensor, Tensor]:
    """The logits at every place where something is written, row after row, and what is written there."""
    sequence, wanted = sequences_of(rows, device)
    memory, mask = network.read(inputs_of(rows, device)) if rows[0].read else (None, None)
    first = min(len(row.before) for row in rows) - 1
    hidden, wanted = network.hidden(sequence, first, memory, mask), wanted[:, first:]
    there = wanted != NOTHING
    if bool(there.all()):
        return network.logits(hidden.flatten(0, 1)), wanted.flatten()
    return network.logits(hidden[there]), wanted[there]
