"""Public functions that open tables, make verifiers and act on rows: verify, select, edit and train."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from winnow.api.keywords import PathLike, public, to_location
from winnow.stages.edit.config import EditConfig
from winnow.stages.select.config import SelectConfig
from winnow.stages.table_config import TableConfig, open_input
from winnow.stages.train.config import TrainConfig
from winnow.stages.verify.config import VerifyConfig
from winnow.tables.table import Table
from winnow.verifiers.registry import make_verifier
from winnow.verifiers.verdicts import Verifier

if TYPE_CHECKING:
    from winnow.models.tiny import ModelConfig
    from winnow.stages.edit.stage import EditedRows
    from winnow.stages.select.report import Selected
    from winnow.stages.train.stage import TrainResult
    from winnow.stages.verify.stage import Verified


@public(TableConfig)
def table(
    source: object,
    *,
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
) -> Table:
    """Open rows as a table whose columns have roles.

    Args:
        source: A path, a glob, a store, a list of dictionaries, a data frame, or a result of winnow.
    """
    return open_input(source, TableConfig.pick(locals()))


def verifier(spec: str | Callable[..., object] | Verifier, **options: object) -> Verifier:
    """Make a verifier.

    Args:
        spec: A name such as 'exact' or 'number', a function as 'module:function', or a function.
        **options: The options of that verifier, for example marker='A:'.
    """
    return make_verifier(spec, options)


@public(TableConfig, VerifyConfig)
def verify(
    source: object,
    *verifiers: str | Callable[..., object] | Verifier,
    out: PathLike | None = None,
    settings: Sequence[str] = (),
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
) -> Verified:
    """Judge every candidate with one or more verifiers: pass, fail, abstain or error.

    Args:
        source: A path, a glob, a store, a list of dictionaries, a data frame, or a result of winnow.
        out: A file (.jsonl, .csv, .parquet) or a folder for a store; without it the rows stay in memory.

    Returns:
        The candidates with the columns NAME.verdict, NAME.score and NAME.reason of each verifier.
    """
    keywords = locals()
    from winnow.stages.verify.stage import open_verifiers
    from winnow.stages.verify.stage import verify as run_verify

    with open_verifiers(VerifyConfig.pick(keywords)) as opened:
        return run_verify(open_input(source, TableConfig.pick(keywords)), opened, to_location(out))


@public(TableConfig, SelectConfig)
def select(
    source: object,
    *,
    out: PathLike | None = None,
    passed: bool | None = None,
    threshold: float | None = None,
    best_of: int | Literal["all"] | None = None,
    keep: int = 1,
    top_share: float | None = None,
    distinct: bool = False,
    max_rows: int | None = None,
    exclude: object = None,
    exclude_by: Literal["text", "ngram13"] = "text",
    mix_real: object = None,
    real_share: float | None = None,
    control: bool | PathLike = False,
    lower_is_better: bool = False,
    seed: int = 0,
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
) -> Selected:
    """Choose the rows to train on, by rules that apply in a fixed order.

    Args:
        source: A path, a glob, a store, a list of dictionaries, a data frame, or a result of winnow.
        out: A file (.jsonl, .csv, .parquet) or a folder for a store; without it the rows stay in memory.

    Returns:
        The chosen rows with `winnow_rule` and `winnow_weight`. `control` holds the control if one was asked for, and
        `summary["shift"]` says how the selection changes lengths and answers per prompt.
    """
    keywords = locals()
    from winnow.stages.select.stage import select as run_select

    return run_select(open_input(source, TableConfig.pick(keywords)), SelectConfig.pick(keywords), to_location(out))


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
    keywords = locals()
    from winnow.stages.edit.shard_map import EditMap
    from winnow.stages.edit.stage import edit as run_edit
    from winnow.stages.edit.stage import local_output

    if isinstance(source, Sequence) and not isinstance(source, str) and all(isinstance(item, str) for item in source):
        source = [{"text": item} for item in source]
    table = open_input(source, TableConfig.pick(keywords))
    return run_edit(table, EditMap(str(model), EditConfig.pick(keywords)), local_output(out))


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
    keywords = locals()
    from winnow.stages.train.stage import make_progress_printer, make_request
    from winnow.stages.train.stage import train as run_train

    request = make_request(TrainConfig.pick(keywords), None if out is None else Path(out))
    return run_train(open_input(source, TableConfig.pick(keywords)), request, make_progress_printer())
