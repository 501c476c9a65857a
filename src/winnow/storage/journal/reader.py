"""Reading a journal, also while another process writes it: `with JournalReader(path) as journal`.

Only entries that are durable are seen, each checked against its seal as it is read. Opening checks the last group and
that no acknowledged entry is gone; `check` reads everything. It changes nothing.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
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
"""Entries that opening checks, and that are held at once while all are read: as many as a group has at most."""
SELECT_ENTRY = "SELECT * FROM entries WHERE kind = ? AND key = ?"
SELECT_NEXT_ENTRIES = (
    f"SELECT * FROM entries NOT INDEXED WHERE seq > ? AND ifnull(kind = ?, 1) ORDER BY seq LIMIT {CHECKED_ENTRIES}"
)


class JournalBase(ABC):
    """The reads of a journal. One object serves all threads of the process that opened it."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._resources = ExitStack()
        self._read_connection: sqlite3.Connection | None = None
        self._pid = 0

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def get(self, kind: str, key: str) -> JournalEntry | None:
        """The entry under this kind and key."""
        check_name(kind, key)
        rows = self._fetch_all(SELECT_ENTRY, kind, key)
        return entry_from_row(self.path, rows[0]) if rows else None

    def entries(self, kind: str | None = None) -> Iterator[JournalEntry]:
        """Those of a kind, or all, in the order they were kept."""
        seq = 0
        while rows := self._fetch_all(SELECT_NEXT_ENTRIES, seq, kind):
            yield from (entry_from_row(self.path, row) for row in rows)
            seq = rows[-1][0]

    def keys(self, kind: str) -> set[str]:
        """The keys of a kind; the documents are not read."""
        rows = self._fetch_all("SELECT key FROM entries WHERE kind = ?", kind)
        return {key.decode(errors="replace") for (key,) in rows}

    def count(self, kind: str) -> int:
        """How many entries of a kind there are."""
        return int(self._fetch_all("SELECT count(*) FROM entries WHERE kind = ?", kind)[0][0])

    def check(self) -> int:
        """Read every entry and the whole file; returns how many entries there are, or names what is damaged."""
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
        # Before the lock too: in a forked child nobody may be left to give it back.
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


class JournalReader(JournalBase):
    """A journal that is read and never written."""

    def __enter__(self) -> Self:
        if not self.path.exists():
            raise UsageError(str(self.path), "there is no journal", "Check the path")
        self._open_for_reading()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pid == os.getpid():
            self._close_reading()
