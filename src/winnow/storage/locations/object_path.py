"""A file in an object store, by its URI: what winnow asks of a local path, asked of the store.

There are no folders, no renames and no half-written objects there: a folder is what keys begin with, and an object is
put whole, in one step. It is read by ranges, first small ones and then large ones; nothing of it is kept here.
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
from winnow.storage.locations.filesystems import find_filesystem
from winnow.storage.locations.remote_errors import remote_error, translate_remote_errors

FIRST_RANGE = 1 << 16
LARGEST_RANGE = 1 << 22
GROWTH = 8


@dataclass(frozen=True)
class ObjectStat:
    """What is known of an object without reading it."""

    st_size: int


@dataclass(frozen=True, order=True)
class ObjectPath:
    """`scheme://authority/key`."""

    scheme: str
    authority: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}" + (f"/{self.key}" if self.key else "")

    def __truediv__(self, name: str) -> ObjectPath:
        return self._with_key(posixpath.normpath(posixpath.join(self.key, name)))

    def _with_key(self, key: str) -> ObjectPath:
        if key == ".." or key.startswith("../"):
            raise UsageError(f"{self}", "has no place above its bucket", "Check the path")
        return ObjectPath(self.scheme, self.authority, "" if key == "." else key)

    @property
    def name(self) -> str:
        """What follows the last slash."""
        return posixpath.basename(self.key)

    @property
    def suffix(self) -> str:
        """The last ending."""
        return PurePosixPath(self.name).suffix

    @property
    def stem(self) -> str:
        """The name without its last ending."""
        return PurePosixPath(self.name).stem

    @property
    def parent(self) -> ObjectPath:
        """What stands before the last slash."""
        return self._with_key(posixpath.dirname(self.key))

    def with_name(self, name: str) -> ObjectPath:
        """Another object beside this one."""
        return self.parent / name

    def resolve(self) -> ObjectPath:
        """Itself: there are no links."""
        return self

    def is_symlink(self) -> bool:
        """Never."""
        return False

    def is_file(self) -> bool:
        """Whether there is such an object."""
        return bool(self._file_info().is_file)

    def is_dir(self) -> bool:
        """Whether keys begin so."""
        return str(self._file_info().type.name) == "Directory"

    def exists(self) -> bool:
        """Whether there is either."""
        return str(self._file_info().type.name) != "NotFound"

    def stat(self) -> ObjectStat:
        """Its size."""
        info = self._file_info()
        if not info.is_file:
            raise self.missing_error()
        return ObjectStat(info.size)

    def missing_error(self) -> UsageError:
        """What to say where there is nothing of this name."""
        problem = "is in a bucket that does not exist" if self.key else "is a bucket that does not exist"
        return UsageError(str(self), "does not exist" if self._has_bucket() else problem, "Check the path")

    def require_bucket(self) -> None:
        """Say now, and not after the work, that there is no bucket to write to."""
        if not self._has_bucket():
            raise self.missing_error()

    def _has_bucket(self) -> bool:
        """Whether the bucket is there, as far as one may ask: to know of a bucket takes more rights than to use it."""
        try:
            return self._with_key("").exists()
        except EnvironmentFault:
            return True

    def iterdir(self) -> Iterator[ObjectPath]:
        """What stands directly below."""
        yield from (path for path, _ in self._list_below(recursive=False))

    def list_files(self, recursive: bool) -> Iterator[ObjectPath]:
        """Objects directly below, or below at any depth."""
        yield from (path for path, is_file in self._list_below(recursive) if is_file)

    def open(self, mode: str = "rb") -> io.BufferedReader:
        """Its bytes, asked for as they are read."""
        assert mode == "rb"
        return io.BufferedReader(ObjectReader(self), FIRST_RANGE)

    def read_bytes(self) -> bytes:
        """All of its bytes."""
        with self.open() as file:
            return file.read()

    def open_random_access(self) -> Any:
        """The open object as Arrow's readers take it."""
        with self._open_filesystem() as (system, path):
            return system.open_input_file(path)

    @contextmanager
    def stage_upload(self) -> Iterator[Path]:
        """A local file to write; when the block ends well it is put, whole."""
        self.require_bucket()
        with tempfile.TemporaryDirectory(prefix="winnow-") as folder:
            partial = Path(folder) / self.name
            try:
                yield partial
            except OSError as error:
                problem = f"could not be made ready in {tempfile.gettempdir()} ({error.strerror or error})"
                raise EnvironmentFault(str(self), problem, "Free some space, or set TMPDIR to a larger disk") from error
            self.upload(partial)

    def upload(self, file: Path) -> None:
        """The bytes of a local file as this object."""
        from pyarrow.fs import copy_files

        size = file.stat().st_size
        with self._open_filesystem() as (system, path):
            # Copied by Arrow in one call: an interruption in between would end the object early and make it visible.
            copy_files(str(file), path, destination_filesystem=system, use_threads=False)
        if (stored_size := self.stat().st_size) != size:
            problem = f"arrived with {stored_size:,} of {size:,} bytes"
            raise EnvironmentFault(str(self), problem, "Give the same command again")

    def unlink(self, missing_ok: bool = False) -> None:
        """Take the object away."""
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
        """The file system and this object's path there; what goes wrong in the block is told in words."""
        system, root = find_filesystem(self.scheme, self.authority)
        try:
            yield system, f"{root}/{self.key}" if self.key else root or "/"
        except FileNotFoundError:
            raise self.missing_error() from None
        except (OSError, pa.ArrowException) as error:
            raise remote_error(str(self), error) from None  # what it quotes may name hosts


class ObjectReader(io.RawIOBase):
    """The bytes of an object, by ranges that grow as long as reading goes on."""

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
