"""The status of a run, read from its folder without changing it, and the check of its stores."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from winnow.errors import BrokenPromise, UsageError, format_value
from winnow.pipeline.recipe import run_store_names
from winnow.pipeline.run_folder import LOCK, RECIPE, is_running
from winnow.storage.locations.location import Location
from winnow.storage.receipts import RECEIPT_NAME, read_receipt
from winnow.storage.store import Store, is_store, open_store

STORES = run_store_names()


@dataclass(frozen=True)
class StoreStatus:
    """One store of a run."""

    name: str
    finished: bool
    shards: int
    done: int
    rows: int | None

    def summary(self) -> str:
        """The status in one line."""
        if self.finished:
            return f"{self.name}: finished, {self.rows:,} rows in {self.shards:,} shards"
        return f"{self.name}: {self.done:,} of {self.shards or '?'} shards done"


def read_status(out: Path) -> dict[str, Any]:
    """Which results are finished, how far the others are, and whether a run is active."""
    if not (out / LOCK).is_file():
        raise UsageError(
            "RUN", f"{format_value(str(out))} is not the folder of a run", "Name the folder that the recipe calls out"
        )
    stores = [store_status for name in STORES if (store_status := _store_status(out, name)) is not None]
    decision = _card_decision(out)
    return {
        "out": str(out),
        "running": is_running(out),
        "recipe": str(out / RECIPE),
        "stores": [vars(store) for store in stores],
        "decision": decision,
        "words": [store.summary() for store in stores],
    }


def _store_status(out: Path, name: str) -> StoreStatus | None:
    folder = out / name
    if not folder.is_dir():
        return None
    if is_store(folder):
        receipt = read_receipt(folder / RECEIPT_NAME)
        return StoreStatus(name, True, len(receipt.shards), len(receipt.shards), receipt.books.keep)
    expected_shards = len(read_receipt(out / "candidates" / RECEIPT_NAME).shards) if is_store(out / "candidates") else 0
    done = sum(1 for path in folder.glob(".*.receipt.json"))
    return StoreStatus(name, False, expected_shards if name in ("edits", "verdicts") else 0, done, None)


def _card_decision(out: Path) -> str | None:
    try:
        card = json.loads((out / "card.json").read_bytes())["card"]
    except (OSError, ValueError, KeyError):
        return None
    found = card.get("decision") if isinstance(card, dict) else None
    return found if isinstance(found, str) else None


def check_stores(path: Location) -> list[dict[str, Any]]:
    """Check every byte of a store, or of every store of a run, against its receipt.

    Raises:
        BrokenPromise: At the first difference.
    """
    folders = [path] if is_store(path) else [path / name for name in STORES if is_store(path / name)]
    if not folders:
        raise UsageError(str(path), "holds no finished store", "Name a store, or the folder of a run")
    return [_check_store(open_store(folder)) for folder in folders]


def _check_store(store: Store) -> dict[str, Any]:
    receipt = store.receipt
    if sum(shard.rows for shard in receipt.shards) < receipt.books.keep:
        raise BrokenPromise(str(store.path), "has fewer rows than its receipt says", "Make the store again")
    size = sum(shard.bytes for shard in receipt.shards)
    return {"store": str(store.path), "kind": receipt.kind, "shards": len(receipt.shards), "bytes": size}
