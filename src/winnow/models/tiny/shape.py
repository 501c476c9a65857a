"""The size of a small model, as plain settings."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from winnow.data.errors import UsageError, nearest, shown

Kind = Literal["encoder-decoder", "decoder"]
Pieces = Literal["characters", "words", "prose"]
KINDS, PIECES = ("encoder-decoder", "decoder"), ("characters", "words", "prose")


@dataclass(frozen=True)
class Shape:
    """What is built. `context` is the most positions of a prompt and its completion, or of each side of an
    encoder-decoder; a decoder has no encoder layers."""

    kind: Kind = "encoder-decoder"
    pieces: Pieces = "words"
    width: int = 64
    heads: int = 4
    encoder_layers: int = 2
    decoder_layers: int = 1
    context: int = 256
    spread: float | None = None
    """The standard deviation of the first weights; 1 / sqrt(width) unless given. A small one learns rules later and
    memorizes less."""

    def __post_init__(self) -> None:
        for name, known in (("kind", KINDS), ("pieces", PIECES)):
            if (value := getattr(self, name)) not in known:
                raise UsageError(name, f"{shown(value)} is not known", nearest(str(value), known))
        for name in ("width", "heads", "decoder_layers", "context"):
            _whole(name, getattr(self, name), 1)
        _whole("encoder_layers", self.encoder_layers, 0 if self.kind == "decoder" else 1)
        if self.spread is not None and not 0 < self.spread <= 1:
            raise UsageError(
                "spread", f"is {shown(self.spread)}, but must be a number above 0 and up to 1", "Change it"
            )
        if self.width % self.heads:
            raise UsageError("width", f"is {self.width}, which {self.heads} heads do not divide", "Choose a multiple")


def shape_from(settings: dict[str, Any]) -> Shape:
    """A shape from its settings, an unknown one refused by name."""
    known = [field.name for field in fields(Shape)]
    for name in settings:
        if name not in known:
            raise UsageError(name, "is not a setting of a shape", nearest(name, known))
    return Shape(**settings)


def _whole(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UsageError(name, f"is {shown(value)}, but must be a whole number of at least {least}", "Change it")
