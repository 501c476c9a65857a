"""A background thread that hashes a file and forces it to disk while another thread appends to it."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

BLOCK_BYTES = 1 << 20
FSYNC_BYTES = 1 << 25
"""How many new bytes are read before they are forced to disk."""


class BackgroundHasher:
    """Hashes a growing file by reading back what was written; `sha256` is complete when the block has ended.

    Every byte must be written before the block ends.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._growth = threading.Semaphore(0)
        self._is_finished = False
        self._sha256 = hashlib.sha256()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._hash_until_finished, name=f"hash {path.name}", daemon=True)

    def __enter__(self) -> BackgroundHasher:
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._is_finished = True
        self._growth.release()
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error

    def notify_growth(self) -> None:
        """Tell the thread that there may be new bytes."""
        self._growth.release()

    def sha256(self) -> str:
        """Return the sha256 of all bytes hashed so far, in hexadecimal."""
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
        while block := os.read(file_descriptor, BLOCK_BYTES):
            self._sha256.update(block)
            unsynced_bytes += len(block)
            if unsynced_bytes >= FSYNC_BYTES:
                os.fsync(file_descriptor)
                unsynced_bytes = 0
        return unsynced_bytes
