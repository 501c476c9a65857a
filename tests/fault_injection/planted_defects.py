"""Planted defects: each function commits a shard and its receipt in one wrong way.

The processes of the fault injection find them as "tests.fault_injection.planted_defects:NAME".
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
    """Rename the receipt to its final name before the shard that it names."""
    write_receipt = shard_receipt.write_shard_receipt

    def write_receipt_early(target: Path, work: WorkSpec, result: shard_receipt.ShardResult) -> None:
        shard = target / result.shard.name
        content = shard.read_bytes()
        shard.unlink()
        write_receipt(target, work, result)
        atomic_files.write_bytes(shard, content)

    with patch.object(shard_receipt, "write_shard_receipt", write_receipt_early):
        write_one_shard()


def write_in_place() -> None:
    """Write files under their final name from the first byte on."""

    @contextmanager
    def write_directly(target: Path) -> Iterator[Path]:
        with atomic_files.translate_os_errors(target):
            yield target
            atomic_files.fsync_path(target)

    with patch.object(shard_receipt, "atomic_write", write_directly):
        write_one_shard()


def ignore_full_disk() -> None:
    """Ignore that the disk is full."""
    with suppress(EnvironmentFault):
        write_one_shard()


def raise_os_error() -> None:
    """Let the error of a full disk through as the system raises it."""
    with patch.object(atomic_files, "to_environment_fault", lambda path, error, action: error):
        write_one_shard()


def lose_a_row() -> None:
    """Leave out a row when files of a killed process are there."""
    write_one_shard(1999 if any(Path("out").iterdir()) else 2000)


def refuse_leftovers() -> None:
    """Refuse to start when files of a killed process are there."""
    if list(Path("out").glob(".*.partial")):
        raise EnvironmentFault("out", "is not empty", "Remove it")
    write_one_shard()


def skip_file_fsync() -> None:
    """Rename files without fsync of their bytes."""
    fsync = atomic_files.fsync_path
    with patch.object(atomic_files, "fsync_path", lambda path: fsync(path) if path.is_dir() else None):
        write_one_shard()


def skip_folder_fsync() -> None:
    """Rename files without fsync of their folder."""
    fsync = atomic_files.fsync_path
    with patch.object(atomic_files, "fsync_path", lambda path: None if path.is_dir() else fsync(path)):
        write_one_shard()
