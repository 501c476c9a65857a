"""The folder of a run: its lock, the resolved recipe, its log, and which results in it are finished.

A finished result of other work is never overwritten: it is moved to `superseded/`.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from winnow.errors import UsageError, format_value
from winnow.storage.atomic_files import fsync_path, lock_file, make_folder, translate_os_errors, write_bytes
from winnow.storage.receipts import WorkSpec
from winnow.storage.shard_receipt import remove_other_shards, remove_shard_receipts
from winnow.storage.store import find_finished_receipt, is_store

RECIPE, FACTS, LOG, LOCK, CARD = "recipe.yaml", "run.json", "log.jsonl", ".lock", "card.json"
PACKAGES = ("winnow-data", "duckdb", "numpy", "pyarrow", "scipy")


@contextmanager
def lock_run_folder(out: Path) -> Iterator[None]:
    """Lock the folder for one run. The lock ends with the process that holds it, however that process ends."""
    if out.exists() and not out.is_dir():
        raise UsageError("out", f"{format_value(str(out))} is a file", "Name a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / LOCK).is_file():
        raise UsageError("out", f"{format_value(str(out))} holds other files", "Name a folder that does not exist yet")
    make_folder(out)
    problem = f"another run is using {format_value(str(out))}"
    with lock_file(out / LOCK, UsageError("out", problem, "Wait for it to end, or name another folder")):
        yield


def write_run_facts(out: Path, recipe: str, seed: int) -> None:
    """Write the resolved recipe, the versions of packages and the seed into the folder."""
    facts = {"seed": seed, "python": platform.python_version(), "packages": {n: _package_version(n) for n in PACKAGES}}
    for name, content in ((RECIPE, recipe), (FACTS, json.dumps(facts, indent=1, sort_keys=True) + "\n")):
        if not (out / name).is_file() or (out / name).read_text() != content:
            write_bytes(out / name, content.encode())


def _package_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def remove_partial_files(out: Path) -> None:
    """Remove the partial files of killed runs; nothing else has such names."""
    for partial in out.rglob(".*.partial"):
        with translate_os_errors(partial):
            partial.unlink(missing_ok=True)


def is_finished(target: Path, work: WorkSpec, shards: Sequence[str] = ()) -> bool:
    """Whether the folder holds the finished result of this work; a finished result of other work is moved aside.

    Args:
        target: The folder of the result.
        work: The work of which it should be the result.
        shards: The names of the shards, if the result was written shard by shard.
    """
    if not is_store(target):
        return False
    try:
        find_finished_receipt(target, work)
    except UsageError:
        move_aside(target)
        return False
    # A run that was killed right after it wrote the receipt left the receipts of the shards.
    remove_shard_receipts(target, shards)
    return True


def prepare_shard_folder(target: Path, shards: Sequence[str]) -> None:
    """Create the folder of a result, and remove shards that unfinished work with other names left in it."""
    make_folder(target)
    remove_other_shards(target, shards)


def move_aside(target: Path) -> None:
    """Move an outdated result to `superseded/`, under the next free number."""
    superseded = target.parent / "superseded"
    make_folder(superseded)
    numbers = [path.name.removeprefix(f"{target.name}.") for path in superseded.iterdir()]
    free = 1 + max((int(number) for number in numbers if number.isdecimal()), default=0)
    with translate_os_errors(target):
        os.replace(target, superseded / f"{target.name}.{free}")
        fsync_path(superseded)
        fsync_path(target.parent)


def append_log(out: Path, stage: str, seconds: float) -> None:
    """Append the time a step took to the log. Times and hosts are not part of any result."""
    at = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    line = {"at": at, "host": socket.gethostname(), "stage": stage, "seconds": round(seconds, 3)}
    with translate_os_errors(out / LOG), (out / LOG).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
