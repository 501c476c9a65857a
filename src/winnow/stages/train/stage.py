"""Training: fits a small model to the rows of a table, from scratch or from a trained model.

The same call again finds its finished result, or continues from the last checkpoint to the same bytes on the same
machine. Rows are weighted by `winnow_weight` where the table has it, and a row that cannot be learned is refused. The
held-out table is never trained on; it can only stop the training.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from winnow.errors import UsageError, format_value
from winnow.models.tiny import ModelConfig, TinyModel
from winnow.models.tiny.config import model_config_from
from winnow.models.tiny.model import WEIGHTS_FILE
from winnow.models.tiny.vocabulary import UNKNOWN, build_vocabulary
from winnow.stages.results import TextReport
from winnow.stages.table_config import TableConfig, open_input
from winnow.stages.train import checkpoint, model_store
from winnow.stages.train.config import TrainConfig
from winnow.stages.train.evaluation import evaluate_model
from winnow.stages.train.examples import TrainingExamples, hash_rows, read_examples
from winnow.stages.train.progress import StepReport
from winnow.stages.train.trainer import Trainer, mean_loss
from winnow.stages.verify.stage import verifier_config
from winnow.storage.atomic_files import make_folder, remove_abandoned_partials, translate_os_errors
from winnow.storage.file_bytes import file_sha256
from winnow.storage.receipts import RECEIPT_NAME, WorkSpec
from winnow.tables.open_table import source_receipt
from winnow.tables.table import Table
from winnow.verifiers.registry import make_verifier
from winnow.verifiers.verdicts import Verifier

VERSION = 1
StepCallback = Callable[[StepReport], None]


@dataclass(frozen=True)
class TrainRequest:
    """A training: the model to start from, the options, and the opened held-out table and verifier."""

    model: ModelConfig | Path
    """The shape of a new model, or the folder of a trained one."""
    config: TrainConfig
    out: Path | None = None
    held_out: Table | None = None
    verifier: Verifier | None = None


@dataclass(frozen=True, repr=False)
class TrainResult(TextReport):
    """A trained model, the history of its loss, and its evaluation on the held-out table."""

    model: TinyModel
    history: list[dict[str, float]]
    evaluation: dict[str, Any]
    summary: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of the command."""
        return {**self.summary, "history": self.history, "evaluation": self.evaluation}

    def describe(self) -> str:
        """The result as text for a person."""
        summary = self.summary
        line = f"trained {summary['parameters']:,} parameters on {summary['rows']:,} rows of {summary['table']}"
        last = self.history[-1]
        parts = [f"step {last['step']:,}", f"loss {last['loss']:.4f}"]
        if (loss := self.evaluation.get("loss")) is not None:
            left_out, loss_rows = self.evaluation["loss_left_out"], self.evaluation["loss_rows"]
            left_out_note = (
                f" ({left_out:,} of {left_out + loss_rows:,} rows left out: the model has no tokens for them)"
                if left_out
                else ""
            )
            parts.append(f"held-out loss {loss:.4f}{left_out_note}")
        if "accuracy" in self.evaluation:
            parts.append(f"{self.evaluation['accuracy']:.1%} of {self.evaluation['n']:,} held-out answers right")
        return f"{line}\n  {', '.join(parts)}"


def make_request(config: TrainConfig, out: Path | None = None, base_folder: Path = Path()) -> TrainRequest:
    """Open what the options name: the base, the held-out table and the verifier.

    Args:
        config: The options.
        out: The folder of the trained model; None trains in memory.
        base_folder: Where relative paths of the options start.
    """
    model = config.shape if isinstance(config.shape, ModelConfig) else model_config_from(dict(config.shape or {}))
    held_out = config.held_out
    if isinstance(held_out, str):
        held_out = str(base_folder / held_out)
    return TrainRequest(
        model if config.base is None else base_folder / config.base,
        config,
        out,
        None if held_out is None else open_input(held_out, TableConfig()),
        None if config.verifier is None else make_verifier(config.verifier),
    )


def train(table: Table, request: TrainRequest, on_step: StepCallback | None = None) -> TrainResult:
    """Train a model on the table, continue its training, or find it finished."""
    training_rows = read_examples(table)
    held_out_rows = read_held_out(request)
    folder = request.out
    if folder is None:
        trainer = _make_trainer(request, training_rows, held_out_rows)
        trainer.run(lambda: None, on_step or (lambda _: None))
        return _build_result(table, request, trainer, training_rows)
    work = build_work(table, request, training_rows)
    if model_store.find_finished_model(folder, work) is not None:
        return _load_result(table, folder, training_rows)
    make_folder(folder)
    for name in (checkpoint.CHECKPOINT_NAME, *model_store.MODEL_FILES, RECEIPT_NAME):
        remove_abandoned_partials(folder / name)
    trainer = _make_trainer(request, training_rows, held_out_rows)
    checkpoint.resume(folder, work.identity(), trainer)
    start, first_step = time.perf_counter(), trainer.state.step
    trainer.run(lambda: checkpoint.save_checkpoint(folder, work.identity(), trainer), on_step or (lambda _: None))
    result = _build_result(table, request, trainer, training_rows)
    reports = {model_store.HISTORY_FILE: result.history, model_store.EVALUATION_FILE: result.evaluation}
    model_store.finish_model(
        folder, work, result.model, reports, (len(training_rows), training_rows.weights.count(0.0))
    )
    _append_log(folder, first_step, trainer.state.step, time.perf_counter() - start)
    return result


def _make_trainer(
    request: TrainRequest, training_rows: TrainingExamples, held_out_rows: TrainingExamples | None
) -> Trainer:
    trainer = Trainer(initial_model(request, training_rows), training_rows, request.config, held_out_rows)
    table, verifier = request.held_out, request.verifier
    if request.config.target_accuracy is not None:
        if table is None or verifier is None:
            problem = "needs a held-out table and a verifier for its answers"
            raise UsageError("--target-accuracy", problem, "Give --held-out and --verifier")
        trainer.measure_accuracy = lambda: float(evaluate_model(trainer.model, table, verifier)["accuracy"])
    return trainer


def read_held_out(request: TrainRequest) -> TrainingExamples | None:
    """The held-out rows whose loss can be measured: those of a table with completions."""
    held_out = request.held_out
    if held_out is None or not held_out.has_role("text"):
        if request.config.patience is not None:
            problem = "needs a held-out table with completions"
            raise UsageError("--patience", problem, "Give --held-out")
        return None
    return read_examples(held_out)


def initial_model(request: TrainRequest, training_rows: TrainingExamples) -> TinyModel:
    """The model before its first step."""
    if isinstance(request.model, ModelConfig):
        vocabulary = build_vocabulary(request.model, training_rows.prompts, training_rows.texts)
        max_new_tokens = 1 + max(len(vocabulary.split(text)) for text in training_rows.texts)
        return TinyModel(request.model, vocabulary, max_new_tokens, request.config.seed)
    model = TinyModel.load(request.model)
    for text in training_rows.texts:
        if UNKNOWN in model.vocabulary.encode(text):
            problem = f"the completion {format_value(text)} has a token that the model in {request.model} does not know"
            raise UsageError("--base", problem, "Train from scratch, or leave such rows out")
    model.max_new_tokens = max(
        model.max_new_tokens, 1 + max(len(model.vocabulary.split(text)) for text in training_rows.texts)
    )
    return model


def build_work(table: Table, request: TrainRequest, training_rows: TrainingExamples) -> WorkSpec:
    """The identity of a training."""
    verifier = request.verifier
    config = {
        "model": _base_identity(request.model),
        "settings": request.config.result_settings(),
        "rows": training_rows.sha256(),
        "held_out": None if request.held_out is None else hash_rows(request.held_out),
        "verifier": None if verifier is None else verifier_config([verifier]),
    }
    return WorkSpec("train", VERSION, config, source_receipt(table, request.out or Path()))


def _base_identity(model: ModelConfig | Path) -> dict[str, Any]:
    if isinstance(model, ModelConfig):
        return {"shape": asdict(model)}
    if (model / RECEIPT_NAME).is_file():
        return {"base": model_store.read_model_receipt(model).work.identity()}
    if not (model / WEIGHTS_FILE).is_file():
        raise UsageError(
            "--base", f"{format_value(str(model))} is not the folder of a model", "Name a folder that training wrote"
        )
    return {"base": file_sha256(model / WEIGHTS_FILE)}


def _build_result(
    table: Table, request: TrainRequest, trainer: Trainer, training_rows: TrainingExamples
) -> TrainResult:
    evaluation: dict[str, Any] = {}
    if trainer.held_out is not None:
        evaluation["loss"] = mean_loss(trainer.model, trainer.held_out)
        evaluation |= {"loss_rows": len(trainer.held_out), "loss_left_out": trainer.unwritable_rows}
    if request.held_out is not None and request.verifier is not None:
        evaluation |= evaluate_model(trainer.model, request.held_out, request.verifier)
    out = None if request.out is None else str(request.out)
    summary = {**_build_summary(table, trainer.model, training_rows), "out": out, "already_done": False}
    return TrainResult(trainer.model, trainer.state.history, evaluation, summary)


def _load_result(table: Table, folder: Path, training_rows: TrainingExamples) -> TrainResult:
    model = TinyModel.load(folder)
    summary = {**_build_summary(table, model, training_rows), "out": str(folder), "already_done": True}
    return TrainResult(
        model,
        model_store.read_report(folder, model_store.HISTORY_FILE),
        model_store.read_report(folder, model_store.EVALUATION_FILE),
        summary,
    )


def _build_summary(table: Table, model: TinyModel, training_rows: TrainingExamples) -> dict[str, Any]:
    return {"table": table.name, "rows": len(training_rows), "parameters": model.parameter_count()}


def _append_log(folder: Path, first: int, last: int, seconds: float) -> None:
    """Append the time the training took to the log, which is not part of the result."""
    line = {"stage": "train", "from_step": first, "to_step": last, "seconds": round(seconds, 3)}
    with translate_os_errors(folder), (folder / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
