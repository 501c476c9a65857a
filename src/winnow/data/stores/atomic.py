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

from winnow.data.errors import EnvironmentFault
from winnow.data.places.place import Place


@contextmanager
def written(target: Place) -> Iterator[Path]:
    """A path to write; on success it becomes the target, otherwise nothing is left of it."""
    if not isinstance(target, Path):
        with target.staged() as partial:
            yield partial
        return
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        yield partial
        force(partial)
        os.replace(partial, target)
        force(target.parent)
    except OSError as error:
        raise fault(target, error) from error
    finally:
        # What could not be made cannot be removed either, and the first fault is the one to tell.
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_bytes(target: Place, content: bytes) -> None:
    """A small file, atomically."""
    with written(target) as partial:
        partial.write_bytes(content)


def make_folder(path: Place) -> None:
    """A folder and its parents, the entries forced to disk."""
    if not isinstance(path, Path):
        path.refuse_without_bucket()
        return
    with refused(path):
        if not path.parent.exists():
            make_folder(path.parent)
        path.mkdir(exist_ok=True)
        force(path.parent)


@contextmanager
def refused(path: Place) -> Iterator[None]:
    """Where the machine may refuse: what it says is told with the path."""
    try:
        yield
    except OSError as error:
        raise fault(path, error) from error


def clear_abandoned(target: Place) -> None:
    """Take away what processes that are no more were writing beside the target."""
    if not isinstance(target, Path):
        return
    with refused(target):
        for partial in target.parent.glob(f".{glob.escape(target.name)}.*.partial"):
            writer = partial.name.removesuffix(".partial").rpartition(".")[2]
            if writer.isdecimal() and not _is_alive(int(writer)):
                partial.unlink(missing_ok=True)


def remove_folder(path: Place) -> None:
    """A folder and what is in it, gone for good."""
    with refused(path):
        if isinstance(path, Path):
            shutil.rmtree(path)
            force(path.parent)
            return
        for file in path.files(recursive=False):
            file.unlink()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def force(path: Path) -> None:
    """fsync a file or a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fault(path: Place, error: OSError) -> EnvironmentFault:
    """What the machine refused, with the path."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    step = "Free some space or name another --out" if full else "Check the path, its permissions and the disk"
    return EnvironmentFault(str(path), f"could not be written ({error.strerror or error})", step)
