"""A trained model as a finished result: its files, and the receipt that names them, written last.

Promises: a folder without a receipt was never finished; a file that is not as its receipt says is refused before it is
read. The receipt's identity is that of the work: rows, settings, seed and where training started.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from winnow.errors import UsageError, format_value
from winnow.models.tiny.model import CONFIG_FILE, WEIGHTS_FILE, TinyModel
from winnow.stages.train import checkpoint
from winnow.storage.atomic_files import translate_os_errors, write_bytes
from winnow.storage.file_bytes import file_sha256
from winnow.storage.receipts import RECEIPT_NAME, Receipt, RowCounts, Shard, WorkSpec
from winnow.storage.store import open_store

MODEL_KIND, HISTORY_FILE, EVALUATION_FILE = "model", "history.json", "evaluation.json"
MODEL_FILES = (WEIGHTS_FILE, CONFIG_FILE, HISTORY_FILE, EVALUATION_FILE)


def find_finished_model(folder: Path, work: WorkSpec) -> Receipt | None:
    """The receipt, if this very work stands finished here; other work, and what is not ours, is refused."""
    if not (folder / RECEIPT_NAME).is_file():
        _refuse_other_files(folder)
        return None
    receipt = read_model_receipt(folder)
    if receipt.work.identity() != work.identity():
        problem = f"{format_value(str(folder))} is a finished result of other work"
        raise UsageError("--out", problem, "Name another folder, or remove that one")
    return receipt


def read_model_receipt(folder: Path) -> Receipt:
    """The receipt of a trained model, every file as it says."""
    receipt = open_store(folder).receipt
    if receipt.kind != MODEL_KIND:
        raise UsageError(str(folder), f"is a store of {receipt.kind} and no model", "Name a folder that training wrote")
    return receipt


def finish_model(
    folder: Path, work: WorkSpec, model: TinyModel, reports: dict[str, Any], rows: tuple[int, int]
) -> None:
    """The files, then the receipt, then the checkpoint goes: rows are those that came, and those that weigh nothing."""
    model.save(folder)
    for name in (HISTORY_FILE, EVALUATION_FILE):
        write_bytes(folder / name, (json.dumps(reports[name], indent=1) + "\n").encode())
    count, weightless = rows
    # The rows that were learned from are, so to say, in the weights.
    rows_in_file = {WEIGHTS_FILE: count - weightless}
    shards = [
        Shard(name, rows_in_file.get(name, 0), (folder / name).stat().st_size, file_sha256(folder / name))
        for name in MODEL_FILES
    ]
    books = RowCounts(count, count - weightless, weightless, 0, {"weight 0": weightless} if weightless else {})
    Receipt(MODEL_KIND, work, books, shards).write(folder / RECEIPT_NAME)
    with translate_os_errors(folder):
        (folder / checkpoint.CHECKPOINT_NAME).unlink(missing_ok=True)


def read_report(folder: Path, name: str) -> Any:
    """One of the JSON files."""
    return json.loads((folder / name).read_bytes())


def _refuse_other_files(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError("--out", f"{format_value(str(folder))} is a file", "Name a folder")
    known_names = {*MODEL_FILES, "log.jsonl"}
    found = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    if unknown_names := [name for name in found if name not in known_names and not name.startswith(".")]:
        problem = f"{format_value(str(folder))} holds other files ({format_value(min(unknown_names))})"
        raise UsageError("--out", problem, "Name a folder that does not exist yet")
