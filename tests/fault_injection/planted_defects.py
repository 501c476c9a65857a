"""Defects to be found: a shard and its receipt committed as they must not be, each in one way.

Named to a process as "faults.planted:NAME", so that the faults of the harness fall on them as on any act.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest.mock import patch

from fault_injection.workloads import write_one_shard
from winnow.errors import EnvironmentFault
from winnow.storage import atomic_files, shard_receipt
from winnow.storage.receipts import WorkSpec


def write_receipt_first() -> None:
    """The receipt takes its name before the shard that it names."""
    write_receipt = shard_receipt.write_shard_receipt

    def write_receipt_early(target: Path, work: WorkSpec, made: shard_receipt.ShardResult) -> None:
        shard = target / made.shard.name
        content = shard.read_bytes()
        shard.unlink()
        write_receipt(target, work, made)
        atomic_files.write_bytes(shard, content)

    with patch.object(shard_receipt, "write_done", write_receipt_early):
        write_one_shard()


def write_in_place() -> None:
    """What is written has its name from the first byte on."""

    @contextmanager
    def write_directly(target: Path) -> Iterator[Path]:
        with atomic_files.translate_os_errors(target):
            yield target
            atomic_files.fsync_path(target)

    with patch.object(shard_receipt, "written", write_directly):
        write_one_shard()


def ignore_full_disk() -> None:
    """A full disk is passed over in silence."""
    with suppress(EnvironmentFault):
        write_one_shard()


def raise_os_error() -> None:
    """A full disk ends as it comes from the system."""
    with patch.object(atomic_files, "fault", lambda path, error: error):
        write_one_shard()


def lose_a_row() -> None:
    """Begun again over what a killed one left, it leaves out a row."""
    write_one_shard(1999 if any(Path("out").iterdir()) else 2000)


def refuse_leftovers() -> None:
    """Begun again over what a killed one left, it gives up."""
    if list(Path("out").glob(".*.partial")):
        raise EnvironmentFault("out", "is not empty", "Remove it")
    write_one_shard()


def skip_file_fsync() -> None:
    """Files take their names before their bytes were forced to disk."""
    force = atomic_files.fsync_path
    with patch.object(atomic_files, "force", lambda path: force(path) if path.is_dir() else None):
        write_one_shard()


def skip_folder_fsync() -> None:
    """Names are given and not forced to disk."""
    force = atomic_files.fsync_path
    with patch.object(atomic_files, "force", lambda path: None if path.is_dir() else force(path)):
        write_one_shard()
