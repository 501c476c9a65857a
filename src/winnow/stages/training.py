"""winnow.train: the Python door to the stage train, which loads torch only when it is walked through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from winnow.data.errors import UsageError, nearest
from winnow.stages.front import table as opened
from winnow.verifiers.named import verifier as named_verifier
from winnow.verifiers.verdicts import Verifier

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from winnow.models.tiny import Shape
    from winnow.stages.train import Trained


class Training(TypedDict, total=False):
    """How to train (see `stages.train.Settings`), and how to read the table."""

    steps: int
    epochs: float
    batch: int
    lr: float
    warmup: int
    fall: float
    weight_decay: float
    clip: float
    patience: int
    enough: float
    look_every: int
    keep_every: int
    seed: int
    prompt: str
    prompt_text: str
    text: str
    messages: str


def train(
    given: object,
    *,
    model: Shape | str | Path | None = None,
    out: str | Path | None = None,
    held_out: object | None = None,
    verifier: str | Callable[..., object] | Verifier | None = None,
    **training: Unpack[Training],
) -> Trained:
    """Fit a small model to the rows of a table: from scratch with a shape, or from the folder of a trained model.

    With `out` it is kept there, goes on where it was stopped and is found done the next time. On `held_out` its loss is
    told and, with a verifier, the share of its greedy answers that pass.
    """
    from winnow.models.tiny import Shape
    from winnow.stages.train import Request, Settings, told
    from winnow.stages.train import train as run_train

    known = {field.name for field in fields(Settings)}
    options: dict[str, Any] = dict(training)
    reading = {name: options.pop(name) for name in list(options) if name not in known}
    for name in reading:
        if name not in Training.__annotations__:
            raise UsageError(name, "is not an option here", nearest(name, Training.__annotations__))
    request = Request(
        model if isinstance(model, Shape) else Shape() if model is None else Path(model),
        Settings(**options),
        None if out is None else Path(out),
        None if held_out is None else opened(held_out, **reading),
        None if verifier is None else named_verifier(verifier),
    )
    return run_train(opened(given, **reading), request, told())
