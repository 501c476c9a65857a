"""A file in an object store, with the methods of `pathlib.Path` that winnow uses.

An object store has no folders, renames or half-written objects: a folder is a common prefix of keys, and an object is
uploaded whole. Objects are read in ranges that grow while reading goes on; nothing is cached.
"""

from __future__ import annotations

import io
import posixpath
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from winnow.errors import EnvironmentFault, UsageError
from winnow.storage.locations.filesystems import explain_remote_error, find_filesystem, translate_remote_errors

FIRST_RANGE = 1 << 16
LARGEST_RANGE = 1 << 22
GROWTH = 8


@dataclass(frozen=True)
class ObjectStat:
    """The size of an object, under the name that `os.stat_result` uses."""

    st_size: int


@dataclass(frozen=True, order=True)
class ObjectPath:
    """An object, written as `scheme://authority/key`."""

    scheme: str
    authority: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}" + (f"/{self.key}" if self.key else "")

    def __truediv__(self, name: str) -> ObjectPath:
        return self._with_key(posixpath.normpath(posixpath.join(self.key, name)))

    def _with_key(self, key: str) -> ObjectPath:
        if key == ".." or key.startswith("../"):
            raise UsageError(f"{self}", "has no parent above its bucket", "Check the path")
        return ObjectPath(self.scheme, self.authority, "" if key == "." else key)

    @property
    def name(self) -> str:
        """The key after its last slash."""
        return posixpath.basename(self.key)

    @property
    def suffix(self) -> str:
        """The suffix of the name, with its dot."""
        return PurePosixPath(self.name).suffix

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def parent(self) -> ObjectPath:
        """The location up to the last slash of the key."""
        return self._with_key(posixpath.dirname(self.key))

    def with_name(self, name: str) -> ObjectPath:
        """Return an object with the same parent."""
        return self.parent / name

    def resolve(self) -> ObjectPath:
        """Return this path, because object stores have no links."""
        return self

    def is_symlink(self) -> bool:
        """Return False, because object stores have no links."""
        return False

    def is_file(self) -> bool:
        """Whether there is an object of this key."""
        return bool(self._file_info().is_file)

    def is_dir(self) -> bool:
        """Whether there are keys below this one."""
        return str(self._file_info().type.name) == "Directory"

    def exists(self) -> bool:
        """Whether there is an object or a folder of this key."""
        return str(self._file_info().type.name) != "NotFound"

    def stat(self) -> ObjectStat:
        """Return the size of the object; UsageError if there is none."""
        info = self._file_info()
        if not info.is_file:
            raise self.missing_error()
        return ObjectStat(info.size)

    def missing_error(self) -> UsageError:
        """The error for a key or bucket that does not exist."""
        problem = "is in a bucket that does not exist" if self.key else "is a bucket that does not exist"
        return UsageError(str(self), "does not exist" if self._has_bucket() else problem, "Check the path")

    def require_bucket(self) -> None:
        """Raise UsageError if there is no bucket to write to, before any work is done."""
        if not self._has_bucket():
            raise self.missing_error()

    def _has_bucket(self) -> bool:
        # Looking up a bucket takes more permissions than using it.
        try:
            return self._with_key("").exists()
        except EnvironmentFault:
            return True

    def iterdir(self) -> Iterator[ObjectPath]:
        """Yield the objects and folders directly below."""
        yield from (path for path, _ in self._list_below(recursive=False))

    def list_files(self, recursive: bool) -> Iterator[ObjectPath]:
        """Yield the objects directly below, or at any depth."""
        yield from (path for path, is_file in self._list_below(recursive) if is_file)

    def open(self, mode: str = "rb") -> io.BufferedReader:
        """Open the object for reading; ranges are requested as they are read."""
        assert mode == "rb"
        return io.BufferedReader(ObjectReader(self), FIRST_RANGE)

    def read_bytes(self) -> bytes:
        """Return all bytes of the object."""
        with self.open() as file:
            return file.read()

    def open_random_access(self) -> Any:
        """Open the object as a random-access file for Arrow's readers."""
        with self._open_filesystem() as (system, path):
            return system.open_input_file(path)

    @contextmanager
    def stage_upload(self) -> Iterator[Path]:
        """Yield a local file to write, and upload it when the block succeeds."""
        from pyarrow.fs import copy_files

        self.require_bucket()
        with tempfile.TemporaryDirectory(prefix="winnow-") as folder:
            partial = Path(folder) / self.name
            try:
                yield partial
            except OSError as error:
                problem = f"could not be prepared in {tempfile.gettempdir()} ({error.strerror or error})"
                raise EnvironmentFault(str(self), problem, "Free some space, or set TMPDIR to a larger disk") from error
            size = partial.stat().st_size
            with self._open_filesystem() as (system, path):
                # Copied by Arrow in one call, because an interruption between writes would publish a truncated object.
                copy_files(str(partial), path, destination_filesystem=system, use_threads=False)
        if (stored_size := self.stat().st_size) != size:
            problem = f"arrived with {stored_size:,} of {size:,} bytes"
            raise EnvironmentFault(str(self), problem, "Run the same command again")

    def unlink(self, missing_ok: bool = False) -> None:
        """Delete the object from its store."""
        if missing_ok and not self.is_file():
            return
        with self._open_filesystem() as (system, path):
            system.delete_file(path)

    def _file_info(self) -> Any:
        with self._open_filesystem() as (system, path):
            return system.get_file_info(path)

    def _list_below(self, recursive: bool) -> Iterator[tuple[ObjectPath, bool]]:
        from pyarrow.fs import FileSelector

        with self._open_filesystem() as (system, path):
            entries = system.get_file_info(FileSelector(path, allow_not_found=True, recursive=recursive))
        if not entries:
            self.require_bucket()
        for info in entries:
            relative_key = posixpath.relpath(info.path, path)
            yield self / relative_key, bool(info.is_file)

    @contextmanager
    def _open_filesystem(self) -> Iterator[tuple[Any, str]]:
        """Yield the file system and this object's path in it, and translate errors of the block."""
        system, root = find_filesystem(self.scheme, self.authority)
        try:
            yield system, f"{root}/{self.key}" if self.key else root or "/"
        except FileNotFoundError:
            raise self.missing_error() from None
        except (OSError, pa.ArrowException) as error:
            raise explain_remote_error(str(self), error) from None  # its text may name hosts


class ObjectReader(io.RawIOBase):
    """A raw stream over an object that requests growing ranges while reading goes on."""

    def __init__(self, path: ObjectPath) -> None:
        self._path = path
        self._file = path.open_random_access()
        self._buffer = memoryview(b"")
        self._next_size = FIRST_RANGE

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return int(self._file.tell()) - len(self._buffer)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_CUR:
            offset, whence = self.tell() + offset, io.SEEK_SET
        self._buffer, self._next_size = memoryview(b""), FIRST_RANGE
        return int(self._file.seek(offset, whence))

    def readinto(self, buffer: Any) -> int:
        if not len(self._buffer):
            with translate_remote_errors(str(self._path)):
                self._buffer = memoryview(self._file.read(max(self._next_size, len(buffer))))
            self._next_size = min(self._next_size * GROWTH, LARGEST_RANGE)
        count = min(len(buffer), len(self._buffer))
        buffer[:count] = self._buffer[:count]
        self._buffer = self._buffer[count:]
        return count

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
