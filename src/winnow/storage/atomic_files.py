"""Files that appear whole or not at all, and the lock of a file.

A file is written under a temporary name, forced to disk and renamed, and the folder's entry is forced to disk too, so
a crash leaves the old file or the new one. Durability relies on a file system that honors fsync. An object in a cloud
store is written to a local file first and uploaded whole.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from winnow.errors import EnvironmentFault, WinnowError
from winnow.storage.locations.location import Location

_held_locks: set[int] = set()


@contextmanager
def atomic_write(target: Location) -> Iterator[Path]:
    """Yield a local path to write; it becomes the target when the block succeeds and is removed otherwise.

    Raises:
        EnvironmentFault: The operating system refused to write the file.
    """
    if not isinstance(target, Path):
        with target.stage_upload() as partial:
            yield partial
        return
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with translate_os_errors(target):
            yield partial
            fsync_path(partial)
            os.replace(partial, target)
            fsync_path(target.parent)
    finally:
        # A failure to remove the partial file would hide the first error.
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_bytes(target: Location, content: bytes) -> None:
    """Write a small file atomically."""
    with atomic_write(target) as partial:
        partial.write_bytes(content)


def make_folder(path: Location) -> None:
    """Create a folder and its parents, and force their entries to disk; in a cloud store, require the bucket."""
    if not isinstance(path, Path):
        path.require_bucket()
        return
    with translate_os_errors(path):
        if not path.parent.exists():
            make_folder(path.parent)
        path.mkdir(exist_ok=True)
        fsync_path(path.parent)


@contextmanager
def lock_file(path: Path, busy_error: WinnowError | None = None) -> Iterator[int]:
    """Hold the exclusive lock of a file, which is created if needed, and yield its descriptor.

    The kernel releases the lock when the process ends. A forked child does not inherit it.

    Args:
        path: The lock file.
        busy_error: What to raise when another process holds the lock; None waits for it.

    Raises:
        EnvironmentFault: The file cannot be opened or locked.
    """
    with translate_os_errors(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    _held_locks.add(descriptor)
    try:
        with translate_os_errors(path):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy_error else 0))
            except BlockingIOError as error:
                if busy_error is None:
                    raise
                raise busy_error from error
        yield descriptor
    finally:
        # After a fork the child has closed the descriptor, and its number may belong to another file.
        if descriptor in _held_locks:
            _held_locks.remove(descriptor)
            os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock of this file."""
    with suppress(OSError), path.open("rb+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _close_locks_after_fork() -> None:
    while _held_locks:
        os.close(_held_locks.pop())


# Registered on import, because a fork may happen anywhere and a child that held a lock would outlive its parent's.
os.register_at_fork(after_in_child=_close_locks_after_fork)


@contextmanager
def translate_os_errors(path: Location, action: str = "written") -> Iterator[None]:
    """Turn an OSError of this block into an EnvironmentFault that names the path; `action` is "written" or "read"."""
    try:
        yield
    except OSError as error:
        raise to_environment_fault(path, error, action) from error


def remove_abandoned_partials(target: Location) -> None:
    """Remove the partial files of this target that were left by processes which no longer run."""
    if not isinstance(target, Path):
        return
    with translate_os_errors(target):
        for partial in target.parent.glob(f".{glob.escape(target.name)}.*.partial"):
            process_id = partial.name.removesuffix(".partial").rpartition(".")[2]
            if process_id.isdecimal() and not _is_process_alive(int(process_id)):
                partial.unlink(missing_ok=True)


def remove_folder(path: Location) -> None:
    """Remove a folder with everything in it."""
    with translate_os_errors(path):
        if isinstance(path, Path):
            shutil.rmtree(path)
            fsync_path(path.parent)
            return
        for file in path.list_files(recursive=False):
            file.unlink()


def _is_process_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def fsync_path(path: Path) -> None:
    """Force a file or a folder to disk."""
    file_descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file_descriptor)
    finally:
        os.close(file_descriptor)


def to_environment_fault(path: Location, error: OSError, action: str = "written") -> EnvironmentFault:
    """Say what the operating system refused to do with a path; `action` is "written" or "read"."""
    reason = os.strerror(error.errno) if error.errno else error
    is_disk_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    next_step = (
        "Free some space or name another --out" if is_disk_full else "Check the path, its permissions and the disk"
    )
    return EnvironmentFault(str(path), f"could not be {action} ({reason})", next_step)
