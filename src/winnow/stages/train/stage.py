"""train: fits a small model to the rows of a table, from scratch or from a trained model.

The same call again finds its finished result, or continues from the last checkpoint to the same bytes on the same
machine. Rows are weighted by `winnow_weight` if the table has it, and a row that cannot be learned is refused. The
held-out table is never trained on; it can only stop the training.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from winnow.errors import UsageError, format_value
from winnow.models.tiny import ModelConfig, TinyModel
from winnow.models.tiny.model import WEIGHTS_FILE
from winnow.models.tiny.vocabulary import UNKNOWN, build_vocabulary
from winnow.models.tiny_config import model_config_from
from winnow.stages.progress import ProgressLine
from winnow.stages.results import TextReport
from winnow.stages.table_config import TableConfig, open_input
from winnow.stages.train import training_folder
from winnow.stages.train.config import TrainConfig
from winnow.stages.train.examples import TrainingExamples, hash_rows, read_examples
from winnow.stages.train.trainer import StepReport, Trainer, mean_loss
from winnow.stages.verify.stage import ChunkColumns, count_verdicts, verifier_config
from winnow.storage.atomic_files import make_folder, remove_abandoned_partials, translate_os_errors
from winnow.storage.file_bytes import file_sha256
from winnow.storage.receipts import RECEIPT_NAME, RowCounts, WorkSpec
from winnow.storage.store import find_finished_receipt
from winnow.tables.open_table import source_receipt
from winnow.tables.table import Table
from winnow.verifiers.registry import make_verifier
from winnow.verifiers.verdicts import Batch, Verdict, Verifier

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
        """Describe the result for a person."""
        summary, evaluation, last = self.summary, self.evaluation, self.history[-1]
        parts = [f"step {last['step']:,}", f"loss {last['loss']:.4f}"]
        if "loss" in evaluation:
            left_out, rows = evaluation["loss_left_out"], evaluation["loss_left_out"] + evaluation["loss_rows"]
            note = f" ({left_out:,} of {rows:,} rows left out: the model has no tokens for them)" if left_out else ""
            parts.append(f"held-out loss {evaluation['loss']:.4f}{note}")
        if "accuracy" in evaluation:
            parts.append(f"{evaluation['accuracy']:.1%} of {evaluation['n']:,} held-out answers right")
        line = f"trained {summary['parameters']:,} parameters on {summary['rows']:,} rows of {summary['table']}"
        return f"{line}\n  {', '.join(parts)}"


def make_progress_printer() -> StepCallback:
    """A function that prints the step, the loss and the speed of a training, on a terminal only."""
    line = ProgressLine(plain=False)

    def print_progress(report: StepReport) -> None:
        rate = f"{report.tokens_per_second:,.0f} tokens/s"
        line.update(lambda _: f"train: step {report.step:,} of {report.steps:,}, loss {report.loss:.4f}, {rate}")
        if report.step == report.steps:
            line.close()

    return print_progress


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
    training_rows, folder = read_examples(table), request.out
    held_out_rows, report_step = _read_held_out(request), on_step or (lambda _: None)
    if folder is None:
        trainer = _make_trainer(request, training_rows, held_out_rows)
        trainer.run(lambda: None, report_step)
        return _build_result(table, request, trainer, training_rows)
    work = build_work(table, request, training_rows)
    if find_finished_receipt(folder, work) is not None:
        model, names = TinyModel.load(folder), (training_folder.HISTORY_FILE, training_folder.EVALUATION_FILE)
        history, evaluation = (json.loads((folder / name).read_bytes()) for name in names)
        summary = _build_summary(table, model, training_rows, folder, already_done=True)
        return TrainResult(model, history, evaluation, summary)
    training_folder.refuse_other_files(folder)
    make_folder(folder)
    for name in (training_folder.CHECKPOINT_NAME, *training_folder.MODEL_FILES, RECEIPT_NAME):
        remove_abandoned_partials(folder / name)
    trainer, identity = _make_trainer(request, training_rows, held_out_rows), work.identity()
    training_folder.resume(folder, identity, trainer)
    start, first_step = time.perf_counter(), trainer.state.step
    trainer.run(lambda: training_folder.save_checkpoint(folder, identity, trainer), report_step)
    result = _build_result(table, request, trainer, training_rows)
    reports = {training_folder.HISTORY_FILE: result.history, training_folder.EVALUATION_FILE: result.evaluation}
    count, weightless = len(training_rows), training_rows.weights.count(0.0)
    dropped = {"weight 0": weightless} if weightless else {}
    rows = RowCounts(count, count - weightless, weightless, 0, dropped)
    training_folder.finish_model(folder, work, result.model, reports, rows)
    _append_log(folder, first_step, trainer.state.step, time.perf_counter() - start)
    return result


def _make_trainer(
    request: TrainRequest, training_rows: TrainingExamples, held_out_rows: TrainingExamples | None
) -> Trainer:
    model, table, verifier = _initial_model(request, training_rows), request.held_out, request.verifier
    if request.config.target_accuracy is None:
        return Trainer(model, training_rows, request.config, held_out_rows)
    if table is None or verifier is None:
        problem = "needs a held-out table and a verifier for its answers"
        raise UsageError("--target-accuracy", problem, "Give --held-out and --verifier")

    def measure_accuracy() -> float:
        return float(evaluate_model(model, table, verifier)["accuracy"])

    return Trainer(model, training_rows, request.config, held_out_rows, measure_accuracy)


def _read_held_out(request: TrainRequest) -> TrainingExamples | None:
    """The held-out rows on which the loss is evaluated, if the table has completions."""
    held_out = request.held_out
    if held_out is None or not held_out.has_role("text"):
        if request.config.patience is not None:
            problem = "needs a held-out table with completions"
            raise UsageError("--patience", problem, "Give --held-out")
        return None
    return read_examples(held_out)


def _initial_model(request: TrainRequest, training_rows: TrainingExamples) -> TinyModel:
    """The model before its first step."""
    texts = training_rows.texts
    if isinstance(request.model, ModelConfig):
        vocabulary = build_vocabulary(request.model, training_rows.prompts, texts)
        max_new_tokens = 1 + max(len(vocabulary.split(text)) for text in texts)
        return TinyModel(request.model, vocabulary, max_new_tokens, request.config.seed)
    model = TinyModel.load(request.model)
    for text in texts:
        if UNKNOWN in model.vocabulary.encode(text):
            problem = f"the completion {format_value(text)} has a token that the model in {request.model} does not know"
            raise UsageError("--base", problem, "Train from scratch, or leave such rows out")
    model.max_new_tokens = max(model.max_new_tokens, 1 + max(len(model.vocabulary.split(text)) for text in texts))
    return model


def evaluate_model(model: TinyModel, held_out: Table, verifier: Verifier) -> dict[str, Any]:
    """Measure the share of greedy answers to held-out prompts that a verifier passes.

    The reference is the column of that role, or else the held-out completion. An answer that the verifier could not
    decide counts as wrong and as `undecided`, so that a crash cannot raise the accuracy.
    """
    counts: Counter[str] = Counter()
    rows, reference = 0, "reference" if held_out.has_role("reference") else "text"
    roles = list(dict.fromkeys(["prompt_text", *([reference] if verifier.needs_reference else [])]))
    for chunk, parts in held_out.read_roles(roles, None):
        prompts = parts["prompt_text"]
        answers = [completions[0].text for completions in model.complete(prompts.to_pylist())]
        batch = Batch(pa.array(answers, pa.string()), prompts, parts.get(reference), ChunkColumns(chunk))
        counts.update(count_verdicts(verifier.judge(batch)))
        rows += len(chunk)
    if not rows:
        raise UsageError(held_out.name, "has no rows to answer", "Name another held-out table")
    right, undecided = counts[Verdict.PASS], rows - counts[Verdict.PASS] - counts[Verdict.FAIL]
    accuracy = right / rows
    return {"verifier": verifier.name, "n": rows, "right": right, "accuracy": accuracy, "undecided": undecided}


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
        return {"base": training_folder.read_model_receipt(model).work.identity()}
    if not (model / WEIGHTS_FILE).is_file():
        problem = f"{format_value(str(model))} is not the folder of a model"
        raise UsageError("--base", problem, "Name a folder that training wrote")
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
    summary = _build_summary(table, trainer.model, training_rows, request.out, already_done=False)
    return TrainResult(trainer.model, trainer.state.history, evaluation, summary)


def _build_summary(
    table: Table, model: TinyModel, training_rows: TrainingExamples, out: Path | None, *, already_done: bool
) -> dict[str, Any]:
    return {
        "table": table.name,
        "rows": len(training_rows),
        "parameters": model.parameter_count(),
        "out": None if out is None else str(out),
        "already_done": already_done,
    }


def _append_log(folder: Path, first: int, last: int, seconds: float) -> None:
    """Append the duration of the training to the log, which is not part of the result."""
    line = {"stage": "train", "from_step": first, "to_step": last, "seconds": round(seconds, 3)}
    with translate_os_errors(folder), (folder / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
