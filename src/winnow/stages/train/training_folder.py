"""The folder of a training: a checkpoint while it runs, then the trained model with a receipt that is written last.

A training that continues from a checkpoint gives the same bytes, on the same machine, as one that was never stopped. A
folder with a checkpoint of other work is refused, and a damaged file is refused before it is used.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from winnow.errors import BrokenPromise, UsageError, format_value
from winnow.models.tiny.model import CONFIG_FILE, WEIGHTS_FILE, TinyModel
from winnow.stages.train.trainer import Trainer, TrainerState
from winnow.storage.atomic_files import translate_os_errors, write_bytes
from winnow.storage.file_bytes import file_sha256
from winnow.storage.receipts import RECEIPT_NAME, Receipt, RowCounts, Shard, WorkSpec
from winnow.storage.store import open_store

MODEL_KIND, HISTORY_FILE, EVALUATION_FILE = "model", "history.json", "evaluation.json"
MODEL_FILES = (WEIGHTS_FILE, CONFIG_FILE, HISTORY_FILE, EVALUATION_FILE)
CHECKPOINT_NAME = ".checkpoint.safetensors"
MOMENT_NAMES = ("exp_avg", "exp_avg_sq")


def refuse_other_files(folder: Path) -> None:
    """Refuse a folder that holds files which training did not write."""
    if folder.exists() and not folder.is_dir():
        raise UsageError("--out", f"{format_value(str(folder))} is a file", "Name a folder")
    known_names = {*MODEL_FILES, RECEIPT_NAME, "log.jsonl"}
    found = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    if unknown_names := [name for name in found if name not in known_names and not name.startswith(".")]:
        problem = f"{format_value(str(folder))} holds other files ({format_value(min(unknown_names))})"
        raise UsageError("--out", problem, "Name a folder that does not exist yet")


def read_model_receipt(folder: Path) -> Receipt:
    """The receipt of a trained model, whose files are checked against it."""
    receipt = open_store(folder).receipt
    if receipt.kind != MODEL_KIND:
        raise UsageError(str(folder), f"is a store of {receipt.kind} and no model", "Name a folder that training wrote")
    return receipt


def finish_model(folder: Path, work: WorkSpec, model: TinyModel, reports: dict[str, Any], rows: RowCounts) -> None:
    """Write the model, the reports by file name and the receipt, then remove the checkpoint."""
    model.save(folder)
    for name, report in reports.items():
        write_bytes(folder / name, (json.dumps(report, indent=1) + "\n").encode())
    # A receipt counts rows by file, and the rows that were learned are counted for the weights.
    rows_in_file = {WEIGHTS_FILE: rows.keep}
    shards = [
        Shard(name, rows_in_file.get(name, 0), (folder / name).stat().st_size, file_sha256(folder / name))
        for name in MODEL_FILES
    ]
    Receipt(MODEL_KIND, work, rows, shards).write(folder / RECEIPT_NAME)
    with translate_os_errors(folder):
        (folder / CHECKPOINT_NAME).unlink(missing_ok=True)


def save_checkpoint(folder: Path, identity: str, trainer: Trainer) -> None:
    """Write weights, moments and state of a training to one safetensors file, whole or not at all."""
    network, state = trainer.model.network, trainer.optimizer.state
    tensors = {f"weight.{name}": tensor for name, tensor in network.state_dict().items()}
    for name, weight in network.named_parameters():
        tensors |= {f"{moment}.{name}": state[weight][moment] for moment in MOMENT_NAMES}
    tensors |= {f"best.{name}": tensor for name, tensor in (trainer.best_weights or {}).items()}
    metadata = {"identity": identity, "position": json.dumps(asdict(trainer.state))}
    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # `save_file` would write to a temporary file of its own, which a killed training would leave behind.
    write_bytes(folder / CHECKPOINT_NAME, save(on_cpu, metadata))


def resume(folder: Path, identity: str, trainer: Trainer) -> None:
    """Continue from the checkpoint in the folder, if there is one."""
    path = folder / CHECKPOINT_NAME
    if not path.is_file():
        return
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            if metadata["identity"] != identity:
                problem = f"{format_value(str(folder))} holds a training of other rows or settings that is not finished"
                raise UsageError("--out", problem, "Name another folder, or remove that one")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dictionary
            _restore_trainer(trainer, tensors, TrainerState(**json.loads(metadata["position"])))
    except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        problem = f"is not as training wrote it ({type(error).__name__}: {format_value(str(error))})"
        raise BrokenPromise(str(path), problem, "Remove it and train again") from error


def read_identity(folder: Path) -> str | None:
    """The identity of the training whose checkpoint is in the folder; None without a readable checkpoint."""
    try:
        with safe_open(folder / CHECKPOINT_NAME, "pt") as file:
            return str(file.metadata()["identity"])
    except (OSError, SafetensorError, KeyError, TypeError):
        return None


def _restore_trainer(trainer: Trainer, tensors: dict[str, torch.Tensor], state: TrainerState) -> None:
    network = trainer.model.network
    network.load_state_dict(_tensors_under("weight.", tensors))
    for name, weight in network.named_parameters():
        trainer.optimizer.state[weight] = {
            "step": torch.tensor(float(state.step), device=weight.device),
            **{moment: tensors[f"{moment}.{name}"].to(weight.device) for moment in MOMENT_NAMES},
        }
    trainer.best_weights = _tensors_under("best.", tensors) or None
    trainer.state = state


def _tensors_under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
