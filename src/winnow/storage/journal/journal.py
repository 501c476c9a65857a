"""Writing and reading a journal: `with Journal(path) as journal: journal.append(kind, key, value).result()`.

An append is acknowledged only after its entry was forced to disk, and an acknowledged entry is there after any crash,
exactly once. A key keeps its first document. Entries are never changed or removed. One process writes. Any number of
processes may read with `JournalReader` at the same time, and see durable entries only. This relies on a local file
system that honors fsync.
"""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from winnow.errors import BrokenPromise, EnvironmentFault, UsageError, WinnowError
from winnow.storage.atomic_files import fsync_path, lock_file
from winnow.storage.journal.files import (
    RESTORE_STEP,
    JournalEntry,
    check_complete,
    check_is_journal,
    check_name,
    create_journal,
    encode_document,
    entry_from_row,
    open_connection,
    read_acknowledged_count,
    sibling_path,
    translate_errors,
    write_acknowledged_count,
)

GROUP_ROWS = 64
GROUP_SECONDS = 0.2
"""A group is written when it has GROUP_ROWS entries, or GROUP_SECONDS after its first entry was appended."""
IDLE_POLL_SECONDS = 1.0
MAX_PENDING = 1024
"""Entries waiting to be written; above this number `append` waits."""
INSERT_ENTRY = (
    "INSERT INTO entries VALUES (?, CAST(? AS TEXT), CAST(? AS TEXT), ?, ?) ON CONFLICT (kind, key) DO NOTHING"
)
CHECKED_ENTRIES = GROUP_ROWS
"""How many entries opening a journal checks, and how many are read at once."""
SELECT_ENTRY = "SELECT * FROM entries WHERE kind = ? AND key = ?"
SELECT_NEXT_ENTRIES = (
    f"SELECT * FROM entries NOT INDEXED WHERE seq > ? AND ifnull(kind = ?, 1) ORDER BY seq LIMIT {CHECKED_ENTRIES}"
)


class JournalReader:
    """A journal opened for reading. All threads of the process that opened it may use it.

    Opening a journal checks its last entries and that no acknowledged entry is missing; every entry is checked against
    its seal when it is read; `check` reads everything. Nothing is changed.
    """

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
            # A power loss must not undo entries of a killed writer that were read.
            with translate_errors(self.path), suppress(FileNotFoundError):
                fsync_path(sibling_path(self.path, "-wal"))
            with translate_errors(self.path):
                rows = connection.execute(f"SELECT * FROM entries ORDER BY seq DESC LIMIT {CHECKED_ENTRIES}").fetchall()
            last_numbers = [entry_from_row(self.path, row).seq for row in rows]
            check_complete(self.path, last_numbers[0] if last_numbers else 0, acknowledged_count)
            self._resources, self._read_connection, self._pid = resources.pop_all(), connection, os.getpid()

    def _close_reading(self) -> None:
        with self._lock:
            self._read_connection = None
            self._resources.close()


@dataclass(frozen=True)
class AppendResult:
    """The entry of a key; `is_new` is False if the key had an entry before, which was left unchanged."""

    entry: JournalEntry
    is_new: bool


@dataclass(frozen=True)
class _PendingEntry:
    kind: str
    key: str
    document: bytes
    future: Future[AppendResult]
    queued_at: float


class Journal(JournalReader):
    """A journal opened for writing and reading, and created if there is none.

    The block ends when every entry is durable, or raises the error. After the first error nothing more is written.
    """

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        # SimpleQueue is the only queue that stays consistent when Ctrl-C interrupts it.
        self._queue: queue.SimpleQueue[_PendingEntry | None] = queue.SimpleQueue()
        self._seq = 0
        self._fault: WinnowError | None = None
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._thread is not None:
            raise UsageError(
                str(self.path), "this journal was opened before", "Create another Journal of the same path"
            )
        if self.path.exists():
            with open_connection(self.path, "ro") as read_connection:
                check_is_journal(self.path, read_connection)
        with ExitStack() as resources:
            busy_error = UsageError(
                str(self.path), "is being written by another run", "Wait until it ends, or only read"
            )
            lock = resources.enter_context(lock_file(sibling_path(self.path, ".lock"), busy_error))
            if not self.path.exists():
                create_journal(self.path)
            write_connection = resources.enter_context(open_connection(self.path, "rw"))
            self._open_for_reading()
            resources.callback(self._close_reading)
            self._seq = int(self._fetch_all("SELECT ifnull(max(seq), 0) FROM entries")[0][0])
            write_acknowledged_count(self.path, lock, self._seq)
            # Not a daemon thread, so appended entries are still written when Ctrl-C interrupts the closing.
            # The thread owns the resources, so a forked child, which lacks the thread, does not release them.
            arguments = (resources.pop_all(), write_connection, lock)
            self._thread = threading.Thread(target=self._run_writer, args=arguments, name=f"journal {self.path.name}")
            self._thread.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._thread is None or self._pid != os.getpid():
            return
        self._queue.put(None)
        interrupt = None
        while self._thread.is_alive():
            try:
                self._thread.join()
            except KeyboardInterrupt as again:  # appended entries are written first
                interrupt = again
        if interrupt is not None:
            raise interrupt
        if self._fault is not None and error is None:
            raise self._fault

    def append(self, kind: str, key: str, value: object) -> Future[AppendResult]:
        """Append an entry, from any thread; blocks only while MAX_PENDING entries are waiting.

        Returns:
            A future that resolves when the entry is durable, and cannot be canceled.

        Raises:
            UsageError: The kind, key or value is not allowed, or the journal is not open.
            EnvironmentFault: An earlier entry could not be written.
        """
        check_name(kind, key)
        document = encode_document(kind, key, value)
        if self._fault is not None:
            raise self._fault
        self._require_connection()
        while self._queue.qsize() >= MAX_PENDING and not self._is_closed:
            time.sleep(0.001)
        future: Future[AppendResult] = Future()
        future.set_running_or_notify_cancel()
        self._queue.put(_PendingEntry(kind, key, document, future, time.monotonic()))
        # The writer refuses what was queued when it ended; an entry queued after that is refused here.
        if self._is_closed:
            self._refuse_pending()
        return future

    def _run_writer(self, resources: ExitStack, connection: sqlite3.Connection, lock: int) -> None:
        try:
            with resources:
                for group in self._iterate_groups():
                    self._commit_group(group, connection, lock)
        finally:
            self._is_closed = True
            self._refuse_pending()

    def _commit_group(self, group: list[_PendingEntry], connection: sqlite3.Connection, lock: int) -> None:
        """Write a group and resolve each of its futures, also after an error."""
        try:
            if self._fault is None:
                with translate_errors(self.path):
                    results = self._insert_group(group, connection)
                self._seq += sum(result.is_new for result in results)
                write_acknowledged_count(self.path, lock, self._seq)
                for pending, result in zip(group, results, strict=True):
                    pending.future.set_result(result)
        except WinnowError as error:
            self._fault = error
        finally:
            for pending in group:
                if not pending.future.done():
                    # Without a known fault this is an unexpected error, which the thread reports before it ends.
                    stopped = EnvironmentFault(str(self.path), "could not be written: the writer stopped", "Run again")
                    self._fault = self._fault or stopped
                    pending.future.set_exception(self._fault)

    def _iterate_groups(self) -> Iterator[list[_PendingEntry]]:
        """Yield groups of appended entries until the journal closes."""
        is_open = True
        while is_open:
            group: list[_PendingEntry] = []
            while is_open and len(group) < GROUP_ROWS:
                seconds_left = (
                    max(0.0, group[0].queued_at + GROUP_SECONDS - time.monotonic()) if group else IDLE_POLL_SECONDS
                )
                try:
                    pending = self._queue.get(timeout=seconds_left)
                except queue.Empty:
                    # A program that ends without closing the journal does not wait and loses no entry.
                    is_open = threading.main_thread().is_alive()
                    break
                if pending is None:
                    is_open = False
                else:
                    group.append(pending)
            if group:
                yield group

    def _insert_group(self, group: list[_PendingEntry], connection: sqlite3.Connection) -> list[AppendResult]:
        """Write a group in one transaction, which is on disk when this returns; an error undoes all of it."""
        results = []
        seq = self._seq
        connection.execute("BEGIN IMMEDIATE")
        for pending in group:
            entry = JournalEntry(seq + 1, pending.kind, pending.key, pending.document)
            is_new = connection.execute(INSERT_ENTRY, entry.to_row()).rowcount == 1
            if is_new:
                seq += 1
            else:
                row = connection.execute(SELECT_ENTRY, (pending.kind, pending.key)).fetchone()
                entry = entry_from_row(self.path, row)
            results.append(AppendResult(entry, is_new))
        connection.execute("COMMIT")
        return results

    def _refuse_pending(self) -> None:
        problem = "the journal was closed before this entry was written"
        closed_error = UsageError(str(self.path), problem, "Append it again")
        with suppress(queue.Empty):
            while True:
                if (pending := self._queue.get_nowait()) is not None:
                    pending.future.set_exception(self._fault or closed_error)
