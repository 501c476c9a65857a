"""Runs of recipes, the status of a run read from its folder, and the check of its stores.

A run executes the steps of a recipe in their order. Every result is a store whose identity names the work, so the same
command again does not compute finished results anew and continues a stopped run.
"""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter
from typing import Any

from winnow.errors import BrokenPromise, UsageError, format_value
from winnow.pipeline.recipe import Recipe, run_store_names
from winnow.pipeline.run_context import ProgressReporter, RunContext
from winnow.pipeline.run_folder import (
    CARD,
    LOCK,
    RECIPE,
    append_log,
    lock_run_folder,
    remove_partial_files,
    write_run_facts,
)
from winnow.storage.atomic_files import is_locked
from winnow.storage.locations.location import Location, require_local
from winnow.storage.receipts import RECEIPT_NAME, read_receipt
from winnow.storage.store import is_store, open_store

STORES = run_store_names()


def execute_recipe(recipe: Recipe, base: Path, observer: ProgressReporter | None = None) -> dict[str, Any]:
    """Do what is not finished yet, and return the report of every step.

    Args:
        recipe: The recipe.
        base: The folder of the recipe, to which its paths are relative.
        observer: Receives the progress; by default only slow stages are reported, on stderr.
    """
    context = _make_context(recipe, base, observer)
    with lock_run_folder(context.out):
        remove_partial_files(context.out)
        write_run_facts(context.out, recipe.to_yaml(), recipe.seed)
        with context.workers:
            for step in recipe.steps():
                start = perf_counter()
                step.execute(context)
                append_log(context.out, step.step_name, perf_counter() - start)
    return {"out": str(context.out), "stages": context.step_results}


def plan_recipe(recipe: Recipe, base: Path) -> dict[str, Any]:
    """Check what can be checked without writing, and describe what would be done."""
    table, context = recipe.data.table(base), _make_context(recipe, base)
    lines = [line for step in recipe.steps() for line in step.plan(table, context)]
    return {"out": str(context.out), "recipe": recipe.model_dump(mode="json"), "words": lines}


def _make_context(recipe: Recipe, base: Path, observer: ProgressReporter | None = None) -> RunContext:
    out = base / require_local(recipe.out, "out", "a run works in a local folder, which it locks")
    return RunContext(base, out, recipe.seed, recipe.engine, observer or ProgressReporter())


def read_status(out: Path) -> dict[str, Any]:
    """Return which results are finished, how many shards of the others are done, and whether a run is active."""
    if not (out / LOCK).is_file():
        raise UsageError(
            "RUN", f"{format_value(str(out))} is not the folder of a run", "Name the folder that the recipe calls out"
        )
    stores = [_store_status(out, name) for name in STORES if (out / name).is_dir()]
    return {
        "out": str(out),
        "running": is_locked(out / LOCK),
        "recipe": str(out / RECIPE),
        "stores": stores,
        "decision": _card_decision(out),
        "words": [_describe_store(**store) for store in stores],
    }


def _store_status(out: Path, name: str) -> dict[str, Any]:
    """Return the status of a store; `rows` is None while it is unfinished, and `shards` is 0 if it is unknown."""
    folder, candidates = out / name, out / "candidates"
    if is_store(folder):
        receipt = read_receipt(folder / RECEIPT_NAME)
        shards = done = len(receipt.shards)
        return {"name": name, "finished": True, "shards": shards, "done": done, "rows": receipt.books.keep}
    has_one_shard_for_each = name in ("edits", "verdicts") and is_store(candidates)
    shards = len(read_receipt(candidates / RECEIPT_NAME).shards) if has_one_shard_for_each else 0
    done = sum(1 for path in folder.glob(".*.receipt.json"))
    return {"name": name, "finished": False, "shards": shards, "done": done, "rows": None}


def _describe_store(name: str, finished: bool, shards: int, done: int, rows: int) -> str:
    if finished:
        return f"{name}: finished, {rows:,} rows in {shards:,} shards"
    return f"{name}: {done:,} of {shards or '?'} shards done"


def _card_decision(out: Path) -> str | None:
    try:
        card = json.loads((out / CARD).read_bytes())["card"]
    except (OSError, ValueError, KeyError):
        return None
    decision = card.get("decision") if isinstance(card, dict) else None
    return decision if isinstance(decision, str) else None


def check_stores(path: Location) -> list[dict[str, Any]]:
    """Check every byte of a store, or of every store of a run, against its receipt.

    Raises:
        BrokenPromise: At the first difference.
    """
    folders = [path] if is_store(path) else [path / name for name in STORES if is_store(path / name)]
    if not folders:
        raise UsageError(str(path), "holds no finished store", "Name a store, or the folder of a run")
    return [_check_store(folder) for folder in folders]


def _check_store(folder: Location) -> dict[str, Any]:
    store = open_store(folder)
    receipt = store.receipt
    if store.row_count() < receipt.books.keep:
        raise BrokenPromise(str(folder), "has fewer rows than its receipt says", "Make the store again")
    size = sum(shard.bytes for shard in receipt.shards)
    return {"store": str(folder), "kind": receipt.kind, "shards": len(receipt.shards), "bytes": size}
