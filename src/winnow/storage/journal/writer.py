"""Writing a journal: `with Journal(path) as journal: journal.append(kind, key, value).wait()`.

A ticket is answered only after its entry was forced to disk, and an acknowledged entry is there after any crash,
exactly once. A key keeps its first document. One process writes and any number read. The block ends when every entry
is durable, or raises the error; after the first error nothing more is written. Entries are never changed or removed.
It relies on a local file system that honors fsync.
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
from typing import Self

from winnow.errors import EnvironmentFault, UsageError, WinnowError
from winnow.storage.journal.entry import JournalEntry, check_name, encode_document, entry_from_row
from winnow.storage.journal.reader import SELECT_ENTRY, JournalReader
from winnow.storage.journal.sqlite_file import (
    acquire_lock,
    check_is_journal,
    create_journal,
    open_connection,
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


@dataclass(frozen=True)
class AppendResult:
    """The entry of a key; `is_new` is False if the key had an entry before, which was left unchanged."""

    entry: JournalEntry
    is_new: bool


class Ticket(Future[AppendResult]):
    """A future that resolves once the entry is durable; it cannot be canceled. `asyncio.wrap_future` accepts it."""

    def wait(self, seconds: float | None = None) -> AppendResult:
        """Wait for the entry of the journal; raise the error if it could not be written."""
        return self.result(seconds)


@dataclass(frozen=True)
class _PendingEntry:
    kind: str
    key: str
    document: bytes
    ticket: Ticket
    queued_at: float


class Journal(JournalReader):
    """A journal opened for writing and reading, and created if there is none. Reads see durable entries only."""

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
            lock = resources.enter_context(acquire_lock(self.path))
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
        self._thread.join()
        if self._fault is not None and error is None:
            raise self._fault

    def append(self, kind: str, key: str, value: object) -> Ticket:
        """Append an entry, from any thread; blocks only while MAX_PENDING entries are waiting.

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
        ticket = Ticket()
        ticket.set_running_or_notify_cancel()
        self._queue.put(_PendingEntry(kind, key, document, ticket, time.monotonic()))
        # The writer refuses what was queued when it ended; an entry queued after that is refused here.
        if self._is_closed:
            self._refuse_pending()
        return ticket

    def _run_writer(self, resources: ExitStack, connection: sqlite3.Connection, lock: int) -> None:
        try:
            with resources:
                for group in self._iterate_groups():
                    self._commit_group(group, connection, lock)
        finally:
            self._is_closed = True
            self._refuse_pending()

    def _commit_group(self, group: list[_PendingEntry], connection: sqlite3.Connection, lock: int) -> None:
        """Write a group and answer each of its tickets, also after an error."""
        try:
            if self._fault is None:
                with translate_errors(self.path):
                    results = self._insert_group(group, connection)
                self._seq += sum(result.is_new for result in results)
                write_acknowledged_count(self.path, lock, self._seq)
                for pending, result in zip(group, results, strict=True):
                    pending.ticket.set_result(result)
        except WinnowError as error:
            self._fault = error
        finally:
            if unanswered := [pending for pending in group if not pending.ticket.done()]:
                # An unexpected error, such as too little memory; the thread reports it and ends.
                stopped = EnvironmentFault(str(self.path), "could not be written: the writer stopped", "Run again")
                self._fault = self._fault or stopped
                self._refuse(unanswered, self._fault)

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
                pending = self._queue.get_nowait()
                self._refuse([pending] if pending else [], self._fault or closed_error)

    def _refuse(self, group: list[_PendingEntry], reason: WinnowError) -> None:
        for pending in group:
            pending.ticket.set_exception(reason)
