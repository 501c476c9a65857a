"""A file followed while it is written: hashed and forced to disk behind the writer, which waits for neither.

For files that only grow. What is hashed is what was read back from the file, up to its last byte.
"""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path
from types import TracebackType

BLOCK = 1 << 20
FORCED = 1 << 25
"""Bytes after which what is there is forced to disk."""


class Trail:
    """Follows one file from its first byte; the sha256 is known when the block ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._news = threading.Semaphore(0)
        self._ended = False
        self._sha256 = hashlib.sha256()
        self._fault: OSError | None = None
        self._thread = threading.Thread(target=self._follow, name=f"trail of {path.name}", daemon=True)

    def __enter__(self) -> Trail:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Every byte must be written by now."""
        self._ended = True
        self._news.release()
        self._thread.join()
        if self._fault is not None and error is None:
            raise self._fault

    def grown(self) -> None:
        """Say that there may be more to read."""
        self._news.release()

    def sha256(self) -> str:
        """Of the whole file, once the block has ended."""
        return self._sha256.hexdigest()

    def _follow(self) -> None:
        try:
            self._news.acquire()
            with self._path.open("rb", buffering=0) as file:
                unforced = self._read(file.fileno(), 0)
                while not self._ended:
                    self._news.acquire()
                    unforced = self._read(file.fileno(), unforced)
                self._read(file.fileno(), 0)
        except OSError as error:
            self._fault = error

    def _read(self, handle: int, unforced: int) -> int:
        """Hash what is there to read; returns how many bytes are still to be forced."""
        while block := os.read(handle, BLOCK):
            self._sha256.update(block)
            unforced += len(block)
            if unforced >= FORCED:
                os.fsync(handle)
                unforced = 0
        return unforced
