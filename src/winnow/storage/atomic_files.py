"""Files that are there whole or not at all.

`written` gives a path to write to beside the target; when the block ends well the bytes are forced to disk and
the file takes its name in one step, and the folder's entry is forced too. A crash leaves the old file or the new.
Durability rests on the file system honoring fsync. An object in the cloud is written here first and put whole, which
is one step too; there nothing is renamed, and there are no folders.
"""

from __future__ import annotations

import errno
import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from winnow.errors import EnvironmentFault
from winnow.storage.locations.location import Location


@contextmanager
def atomic_write(target: Location) -> Iterator[Path]:
    """A path to write; on success it becomes the target, otherwise nothing is left of it."""
    if not isinstance(target, Path):
        with target.stage_upload() as partial:
            yield partial
        return
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        yield partial
        fsync_path(partial)
        os.replace(partial, target)
        fsync_path(target.parent)
    except OSError as error:
        raise to_environment_fault(target, error) from error
    finally:
        # What could not be made cannot be removed either, and the first fault is the one to tell.
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_bytes(target: Location, content: bytes) -> None:
    """A small file, atomically."""
    with atomic_write(target) as partial:
        partial.write_bytes(content)


def make_folder(path: Location) -> None:
    """A folder and its parents, the entries forced to disk."""
    if not isinstance(path, Path):
        path.require_bucket()
        return
    with translate_os_errors(path):
        if not path.parent.exists():
            make_folder(path.parent)
        path.mkdir(exist_ok=True)
        fsync_path(path.parent)


@contextmanager
def translate_os_errors(path: Location) -> Iterator[None]:
    """Where the machine may refuse: what it says is told with the path."""
    try:
        yield
    except OSError as error:
        raise to_environment_fault(path, error) from error


def remove_abandoned_partials(target: Location) -> None:
    """Take away what processes that are no more were writing beside the target."""
    if not isinstance(target, Path):
        return
    with translate_os_errors(target):
        for partial in target.parent.glob(f".{glob.escape(target.name)}.*.partial"):
            process_id = partial.name.removesuffix(".partial").rpartition(".")[2]
            if process_id.isdecimal() and not _is_process_alive(int(process_id)):
                partial.unlink(missing_ok=True)


def remove_folder(path: Location) -> None:
    """A folder and what is in it, gone for good."""
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
    """fsync a file or a folder."""
    file_descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file_descriptor)
    finally:
        os.close(file_descriptor)


def to_environment_fault(path: Location, error: OSError) -> EnvironmentFault:
    """What the machine refused, with the path."""
    is_disk_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    next_step = (
        "Free some space or name another --out" if is_disk_full else "Check the path, its permissions and the disk"
    )
    return EnvironmentFault(str(path), f"could not be written ({error.strerror or error})", next_step)
