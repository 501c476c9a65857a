"""A file followed while it is written: hashed and forced to disk behind the writer, which waits for neither.

For files that only grow. What is hashed is what was read back from the file, up to its last byte.
"""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path
from types import TracebackType

BLOCK_BYTES = 1 << 20
FSYNC_BYTES = 1 << 25
"""Bytes after which what is there is forced to disk."""


class BackgroundHasher:
    """Follows one file from its first byte; the sha256 is known when the block ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._growth = threading.Semaphore(0)
        self._is_finished = False
        self._sha256 = hashlib.sha256()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._hash_until_finished, name=f"trail of {path.name}", daemon=True)

    def __enter__(self) -> BackgroundHasher:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Every byte must be written by now."""
        self._is_finished = True
        self._growth.release()
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error

    def notify_growth(self) -> None:
        """Say that there may be more to read."""
        self._growth.release()

    def sha256(self) -> str:
        """Of the whole file, once the block has ended."""
        return self._sha256.hexdigest()

    def _hash_until_finished(self) -> None:
        try:
            self._growth.acquire()
            with self._path.open("rb", buffering=0) as file:
                unsynced_bytes = self._hash_new_bytes(file.fileno(), 0)
                while not self._is_finished:
                    self._growth.acquire()
                    unsynced_bytes = self._hash_new_bytes(file.fileno(), unsynced_bytes)
                self._hash_new_bytes(file.fileno(), 0)
        except OSError as error:
            self._error = error

    def _hash_new_bytes(self, file_descriptor: int, unsynced_bytes: int) -> int:
        """Hash what is there to read; returns how many bytes are still to be forced."""
        while block := os.read(file_descriptor, BLOCK_BYTES):
            self._sha256.update(block)
            unsynced_bytes += len(block)
            if unsynced_bytes >= FSYNC_BYTES:
                os.fsync(file_descriptor)
                unsynced_bytes = 0
        return unsynced_bytes
