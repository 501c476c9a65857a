"""A trained model as a finished result: its files, and the receipt that names them, written last.

Promises: a folder without a receipt was never finished; a file that is not as its receipt says is refused before it is
read. The receipt's identity is that of the work: rows, settings, seed and where training started.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from winnow.data.errors import UsageError, shown
from winnow.data.readers.files import sha256_of
from winnow.data.stores.atomic import refused, write_bytes
from winnow.data.stores.receipts import NAME, Books, Receipt, Shard, Work
from winnow.data.stores.store import open_store
from winnow.models.tiny.tiny import CONFIG, WEIGHTS, Tiny
from winnow.stages.train import checkpoint

KIND, HISTORY, EVALUATION = "model", "history.json", "evaluation.json"
FILES = (WEIGHTS, CONFIG, HISTORY, EVALUATION)


def finished(folder: Path, work: Work) -> Receipt | None:
    """The receipt, if this very work stands finished here; other work, and what is not ours, is refused."""
    if not (folder / NAME).is_file():
        _refuse_strangers(folder)
        return None
    receipt = checked(folder)
    if receipt.work.identity() != work.identity():
        problem = f"{shown(str(folder))} is a finished result of other work"
        raise UsageError("--out", problem, "Name another folder, or remove that one")
    return receipt


def checked(folder: Path) -> Receipt:
    """The receipt of a trained model, every file as it says."""
    receipt = open_store(folder).receipt
    if receipt.kind != KIND:
        raise UsageError(str(folder), f"is a store of {receipt.kind} and no model", "Name a folder that training wrote")
    return receipt


def finish(folder: Path, work: Work, model: Tiny, said: dict[str, Any], rows: tuple[int, int]) -> None:
    """The files, then the receipt, then the checkpoint goes: rows are those that came, and those that weigh nothing."""
    model.save(folder)
    for name in (HISTORY, EVALUATION):
        write_bytes(folder / name, (json.dumps(said[name], indent=1) + "\n").encode())
    count, weightless = rows
    # The rows that were learned from are, so to say, in the weights.
    held = {WEIGHTS: count - weightless}
    shards = [
        Shard(name, held.get(name, 0), (folder / name).stat().st_size, sha256_of(folder / name)) for name in FILES
    ]
    books = Books(count, count - weightless, weightless, 0, {"weight 0": weightless} if weightless else {})
    Receipt(KIND, work, books, shards).write(folder / NAME)
    with refused(folder):
        (folder / checkpoint.NAME).unlink(missing_ok=True)


def read(folder: Path, name: str) -> Any:
    """One of the JSON files."""
    return json.loads((folder / name).read_bytes())


def _refuse_strangers(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError("--out", f"{shown(str(folder))} is a file", "Name a folder")
    ours = {*FILES, "log.jsonl"}
    found = [one.name for one in folder.iterdir()] if folder.is_dir() else []
    if strange := [name for name in found if name not in ours and not name.startswith(".")]:
        problem = f"{shown(str(folder))} holds other files ({shown(min(strange))})"
        raise UsageError("--out", problem, "Name a folder that does not exist yet")
