"""The configuration of a small model. It is read without torch, which `winnow.models.tiny` needs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from winnow.errors import UsageError, format_value, suggest_name

ModelKind = Literal["encoder-decoder", "decoder"]
TokenizerKind = Literal["characters", "words", "prose"]


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
        for name, kinds in (("kind", ModelKind), ("tokenizer", TokenizerKind)):
            if (value := getattr(self, name)) not in (known := get_args(kinds)):
                raise UsageError(name, f"is {format_value(value)}, which is not known", suggest_name(str(value), known))
        for name in ("width", "heads", "decoder_layers", "context", "encoder_layers"):
            value, minimum = getattr(self, name), int((name, self.kind) != ("encoder_layers", "decoder"))
            if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
                problem = f"is {format_value(value)}, but must be a whole number of at least {minimum}"
                raise UsageError(name, problem, f"Set {minimum} or more")
        if self.init_std is not None and not 0 < self.init_std <= 1:
            problem = f"is {format_value(self.init_std)}, but must be above 0 and at most 1"
            raise UsageError("init_std", problem, "Set a number in this range")
        if self.width % self.heads:
            problem = f"is {self.width}, which is not a multiple of {self.heads} heads"
            raise UsageError("width", problem, "Set a multiple")


def model_config_from(settings: dict[str, Any]) -> ModelConfig:
    """Make a configuration from settings; an unknown setting is refused."""
    known = [field.name for field in fields(ModelConfig)]
    for name in settings:
        if name not in known:
            raise UsageError(name, "is not a setting of a model", suggest_name(name, known))
    return ModelConfig(**settings)
