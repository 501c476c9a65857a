"""The configuration of a small model."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from winnow.errors import UsageError, format_value, suggest_name

ModelKind = Literal["encoder-decoder", "decoder"]
TokenizerKind = Literal["characters", "words", "prose"]
MODEL_KINDS, TOKENIZER_KINDS = ("encoder-decoder", "decoder"), ("characters", "words", "prose")


@dataclass(frozen=True)
class ModelConfig:
    """The architecture and size of a small model.

    Attributes:
        kind: An encoder-decoder, or a decoder, which has no encoder layers.
        tokenizer: How text is split; see `winnow.models.tiny.vocabulary`.
        context: The largest number of positions of a prompt and its completion, or of each side of an encoder-decoder.
        init_std: The standard deviation of the initial weights, by default 1 / sqrt(width). With a small one the model
            learns rules later and memorizes less.
    """

    kind: ModelKind = "encoder-decoder"
    tokenizer: TokenizerKind = "words"
    width: int = 64
    heads: int = 4
    encoder_layers: int = 2
    decoder_layers: int = 1
    context: int = 256
    init_std: float | None = None

    def __post_init__(self) -> None:
        for name, known in (("kind", MODEL_KINDS), ("tokenizer", TOKENIZER_KINDS)):
            if (value := getattr(self, name)) not in known:
                raise UsageError(name, f"is {format_value(value)}, which is not known", suggest_name(str(value), known))
        for name in ("width", "heads", "decoder_layers", "context"):
            _check_whole_number(name, getattr(self, name), 1)
        _check_whole_number("encoder_layers", self.encoder_layers, 0 if self.kind == "decoder" else 1)
        if self.init_std is not None and not 0 < self.init_std <= 1:
            problem = f"is {format_value(self.init_std)}, but must be above 0 and at most 1"
            raise UsageError("init_std", problem, "Set a number in this range")
        if self.width % self.heads:
            raise UsageError(
                "width", f"is {self.width}, which is not a multiple of {self.heads} heads", "Set a multiple"
            )


def model_config_from(settings: dict[str, Any]) -> ModelConfig:
    """Make a configuration from settings; an unknown setting is refused."""
    known = [field.name for field in fields(ModelConfig)]
    for name in settings:
        if name not in known:
            raise UsageError(name, "is not a setting of a model", suggest_name(name, known))
    return ModelConfig(**settings)


def _check_whole_number(name: str, value: object, minimum: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        problem = f"is {format_value(value)}, but must be a whole number of at least {minimum}"
        raise UsageError(name, problem, f"Set {minimum} or more")
