"""Public functions that work with models: edit and train."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from winnow.api.keywords import PathLike, public
from winnow.stages.edit.config import EditConfig
from winnow.stages.table_config import TableConfig, open_input
from winnow.stages.train.config import TrainConfig
from winnow.verifiers.verdicts import Verifier

if TYPE_CHECKING:
    from winnow.models.tiny import ModelConfig
    from winnow.stages.edit.stage import EditedRows
    from winnow.stages.train.stage import TrainResult


@public(TableConfig, EditConfig)
def edit(
    source: object,
    model: PathLike,
    *,
    out: PathLike | None = None,
    id: str | None = None,
    prompt: str | None = None,
    prompt_text: str | None = None,
    text: str | None = None,
    messages: str | None = None,
    reference: str | None = None,
    score: str | None = None,
    verdict: str | None = None,
    label: str | None = None,
    round: str | None = None,
    candidates: str | None = None,
    labels: object = None,
    verdicts: object = None,
    bad_rows: str | None = None,
    threshold: float = 0.99,
    down: float | None = None,
    down_by: Literal["resample", "delete"] = "resample",
    protect: str | Sequence[str] = ("code", "numbers", "names", "urls", "chat"),
    protect_regex: str | Sequence[str] = (),
    rounds: int = 1,
    top_k: int | None = None,
    top_p: float | None = None,
    rejection: bool = False,
    beta: float | None = None,
    like: Literal["paper", "code"] = "paper",
    seed: int = 0,
    logprobs: str | None = None,
    window: int | None = None,
    overlap: int | None = None,
    device: str | None = None,
    batch: int = 16,
    threads: int = 1,
    read_again: int = 10,
) -> EditedRows:
    """Edit texts token by token: tokens that the model is certain of are drawn again, all else stays.

    Args:
        source: A path, a store, texts, a list of dictionaries or a data frame.
        model: A model folder with config.json, *.safetensors and tokenizer.json; nothing is downloaded.
        out: Where to write, on this machine; in memory without it.
    """
    given = locals()
    from winnow.stages.edit.shard_map import EditMap
    from winnow.stages.edit.stage import edit as run_edit
    from winnow.stages.edit.stage import local_output

    texts = isinstance(source, Sequence) and bool(source) and all(isinstance(item, str) for item in source)
    rows = [{"text": item} for item in source] if texts and not isinstance(source, str) else source  # type: ignore[attr-defined]
    table = open_input(rows, TableConfig.pick(given))
    return run_edit(table, EditMap(str(model), EditConfig.pick(given)), local_output(out))


@public(TableConfig, TrainConfig)
def train(
    source: object,
    *,
    out: str | Path | None = None,
    id: str | None = None,
    prompt: str | None = None,
    prompt_text: str | None = None,
    text: str | None = None,
    messages: str | None = None,
    reference: str | None = None,
    score: str | None = None,
    verdict: str | None = None,
    label: str | None = None,
    round: str | None = None,
    candidates: str | None = None,
    labels: object = None,
    verdicts: object = None,
    bad_rows: str | None = None,
    base: str | Path | None = None,
    shape: ModelConfig | Mapping[str, object] | None = None,
    steps: int | None = None,
    epochs: float | None = None,
    batch: int = 128,
    lr: float = 4e-3,
    warmup: int = 100,
    decay_fraction: float = 0.3,
    weight_decay: float = 0.1,
    clip: float = 1.0,
    held_out: object = None,
    verifier: str | Callable[..., object] | Verifier | None = None,
    patience: int | None = None,
    target_accuracy: float | None = None,
    eval_every: int = 100,
    checkpoint_every: int = 200,
    seed: int = 0,
) -> TrainResult:
    """Train a small student on a table, from scratch or from a trained model.

    Args:
        source: A path, a store, a list of dictionaries or a data frame.
        out: The folder of the trained model, where a stopped training continues; in memory without it.
    """
    given = locals()
    from winnow.stages.train.progress import make_progress_printer
    from winnow.stages.train.stage import make_request
    from winnow.stages.train.stage import train as run_train

    request = make_request(TrainConfig.pick(given), None if out is None else Path(out))
    return run_train(open_input(source, TableConfig.pick(given)), request, make_progress_printer())
