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

from winnow.data.errors import BrokenPromise, UsageError
from winnow.data.journal.entry import RESTORE, Entry, check_name, entry_of
from winnow.data.journal.file import acknowledged, check_complete, connected, force_log, recognize, told

LAST = 64
"""Entries that opening checks, and that are held at once while all are read: as many as a group has at most."""
FOUND = "SELECT * FROM entries WHERE kind = ? AND key = ?"
NEXT = f"SELECT * FROM entries NOT INDEXED WHERE seq > ? AND ifnull(kind = ?, 1) ORDER BY seq LIMIT {LAST}"


class Readable(ABC):
    """The reads of a journal. One object serves all threads of the process that opened it."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._opened = ExitStack()
        self._reading: sqlite3.Connection | None = None
        self._pid = 0

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def get(self, kind: str, key: str) -> Entry | None:
        """The entry under this kind and key."""
        check_name(kind, key)
        rows = self._ask(FOUND, kind, key)
        return entry_of(self.path, rows[0]) if rows else None

    def entries(self, kind: str | None = None) -> Iterator[Entry]:
        """Those of a kind, or all, in the order they were kept."""
        seq = 0
        while rows := self._ask(NEXT, seq, kind):
            yield from (entry_of(self.path, row) for row in rows)
            seq = rows[-1][0]

    def keys(self, kind: str) -> set[str]:
        """The keys of a kind; the documents are not read."""
        rows = self._ask("SELECT key FROM entries WHERE kind = ?", kind)
        return {key.decode(errors="replace") for (key,) in rows}

    def count(self, kind: str) -> int:
        """How many entries of a kind there are."""
        return int(self._ask("SELECT count(*) FROM entries WHERE kind = ?", kind)[0][0])

    def check(self) -> int:
        """Read every entry and the whole file; returns how many entries there are, or names what is damaged."""
        known, count = acknowledged(self.path), 0
        for entry in self.entries():
            count += 1
            if entry.seq != count:
                raise BrokenPromise(f"{self.path}, entry {count}", "is missing", RESTORE)
        check_complete(self.path, count, known)
        found = self._ask("PRAGMA integrity_check(1)")
        if found != [(b"ok",)]:
            words = " ".join(found[0][0].decode(errors="replace").split())
            raise BrokenPromise(str(self.path), f"is damaged ({words})", RESTORE)
        return count

    def _here(self) -> sqlite3.Connection:
        if self._reading is None:
            raise UsageError(str(self.path), "the journal is not open", "Use it inside its 'with' block")
        if self._pid != os.getpid():
            raise UsageError(str(self.path), "the journal was opened before this process forked", "Open it here again")
        return self._reading

    def _ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        # Before the lock too: in a forked child nobody may be left to give it back.
        self._here()
        with self._lock, told(self.path):
            return self._here().execute(query, values).fetchall()

    def _start_reading(self) -> None:
        with ExitStack() as opened:
            known = acknowledged(self.path)
            reading = opened.enter_context(connected(self.path, "ro"))
            recognize(self.path, reading)
            force_log(self.path)
            with told(self.path):
                rows = reading.execute(f"SELECT * FROM entries ORDER BY seq DESC LIMIT {LAST}").fetchall()
            last = [entry_of(self.path, row).seq for row in rows]
            check_complete(self.path, last[0] if last else 0, known)
            self._opened, self._reading, self._pid = opened.pop_all(), reading, os.getpid()

    def _stop_reading(self) -> None:
        with self._lock:
            self._reading = None
            self._opened.close()


class JournalReader(Readable):
    """A journal that is read and never written."""

    def __enter__(self) -> Self:
        if not self.path.exists():
            raise UsageError(str(self.path), "there is no journal", "Check the path")
        self._start_reading()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pid == os.getpid():
            self._stop_reading()
