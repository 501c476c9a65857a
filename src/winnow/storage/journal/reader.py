"""Reading a journal, also while another process writes it: `with JournalReader(path) as journal`.

Readers see durable entries only, and check the seal of each. Opening a journal checks its last entries and that no
acknowledged entry is missing; `check` reads everything. Nothing is changed.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from winnow.errors import BrokenPromise, UsageError
from winnow.storage.journal.entry import RESTORE_STEP, JournalEntry, check_name, entry_from_row
from winnow.storage.journal.sqlite_file import (
    check_complete,
    check_is_journal,
    fsync_log,
    open_connection,
    read_acknowledged_count,
    translate_errors,
)

CHECKED_ENTRIES = 64
"""How many entries opening a journal checks, and how many are read at once: the size of the largest group."""
SELECT_ENTRY = "SELECT * FROM entries WHERE kind = ? AND key = ?"
SELECT_NEXT_ENTRIES = (
    f"SELECT * FROM entries NOT INDEXED WHERE seq > ? AND ifnull(kind = ?, 1) ORDER BY seq LIMIT {CHECKED_ENTRIES}"
)


class JournalReader:
    """A journal opened for reading. All threads of the process that opened it may use it."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._resources = ExitStack()
        self._read_connection: sqlite3.Connection | None = None
        self._pid = 0

    def __enter__(self) -> Self:
        if not self.path.exists():
            raise UsageError(str(self.path), "is not a file", "Check the path")
        self._open_for_reading()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._pid == os.getpid():
            self._close_reading()

    def get(self, kind: str, key: str) -> JournalEntry | None:
        """Return the entry of this kind and key, or None."""
        check_name(kind, key)
        rows = self._fetch_all(SELECT_ENTRY, kind, key)
        return entry_from_row(self.path, rows[0]) if rows else None

    def entries(self, kind: str | None = None) -> Iterator[JournalEntry]:
        """Yield the entries of a kind, or all entries, in the order they were written."""
        seq = 0
        while rows := self._fetch_all(SELECT_NEXT_ENTRIES, seq, kind):
            yield from (entry_from_row(self.path, row) for row in rows)
            seq = rows[-1][0]

    def keys(self, kind: str) -> set[str]:
        """Return the keys of a kind without reading the documents."""
        rows = self._fetch_all("SELECT key FROM entries WHERE kind = ?", kind)
        return {key.decode(errors="replace") for (key,) in rows}

    def count(self, kind: str) -> int:
        """Return the number of entries of a kind."""
        return int(self._fetch_all("SELECT count(*) FROM entries WHERE kind = ?", kind)[0][0])

    def check(self) -> int:
        """Read every entry and the whole file, and return the number of entries.

        Raises:
            BrokenPromise: An entry is missing or damaged, or the database is.
        """
        acknowledged_count, count = read_acknowledged_count(self.path), 0
        for entry in self.entries():
            count += 1
            if entry.seq != count:
                raise BrokenPromise(f"{self.path}, entry {count}", "is missing", RESTORE_STEP)
        check_complete(self.path, count, acknowledged_count)
        integrity = self._fetch_all("PRAGMA integrity_check(1)")
        if integrity != [(b"ok",)]:
            message = " ".join(integrity[0][0].decode(errors="replace").split())
            raise BrokenPromise(str(self.path), f"is damaged ({message})", RESTORE_STEP)
        return count

    def _require_connection(self) -> sqlite3.Connection:
        if self._read_connection is None:
            raise UsageError(str(self.path), "the journal is not open", "Use it inside its 'with' block")
        if self._pid != os.getpid():
            raise UsageError(str(self.path), "the journal was opened before this process forked", "Open it here again")
        return self._read_connection

    def _fetch_all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        # Checked before the lock is taken, because in a forked child the lock may never be released.
        self._require_connection()
        with self._lock, translate_errors(self.path):
            return self._require_connection().execute(query, values).fetchall()

    def _open_for_reading(self) -> None:
        with ExitStack() as resources:
            acknowledged_count = read_acknowledged_count(self.path)
            connection = resources.enter_context(open_connection(self.path, "ro"))
            check_is_journal(self.path, connection)
            fsync_log(self.path)
            with translate_errors(self.path):
                rows = connection.execute(f"SELECT * FROM entries ORDER BY seq DESC LIMIT {CHECKED_ENTRIES}").fetchall()
            last_numbers = [entry_from_row(self.path, row).seq for row in rows]
            check_complete(self.path, last_numbers[0] if last_numbers else 0, acknowledged_count)
            self._resources, self._read_connection, self._pid = resources.pop_all(), connection, os.getpid()

    def _close_reading(self) -> None:
        with self._lock:
            self._read_connection = None
            self._resources.close()
