"""A journal being written: `with Journal(path) as journal: journal.append(kind, key, value).wait()`.

Promises: a ticket is answered only after the group that holds its entry was forced to disk; an entry that was
acknowledged is there after any crash, once; a key keeps its first document, and whoever comes second is told;
one process writes, any number read; the block ends when all that was handed over is durable, or with the fault.
After the first fault of the machine nothing more is written: a disk that failed once cannot be asked what it kept.
It never changes or removes an entry, does not know what it keeps (secrets are the caller's matter), and rests on
a local file system that honors fsync.
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
from types import TracebackType
from typing import Self

from winnow.errors import EnvironmentFault, UsageError, WinnowError
from winnow.storage.journal.entry import JournalEntry, check_name, encode_document, entry_from_row
from winnow.storage.journal.reader import SELECT_ENTRY, JournalBase
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
"""A group closes when it holds so many entries, or so long after its first was handed over."""
IDLE_POLL_SECONDS = 1.0
MAX_PENDING = 1024
"""Entries handed over and not yet written; above that `append` holds its caller back."""
INSERT_ENTRY = (
    "INSERT INTO entries VALUES (?, CAST(? AS TEXT), CAST(? AS TEXT), ?, ?) ON CONFLICT (kind, key) DO NOTHING"
)


@dataclass(frozen=True)
class AppendResult:
    """The entry that stands under the key; `first` is False when it stood there before, and was left as it was."""

    entry: JournalEntry
    is_new: bool


class Ticket(Future[AppendResult]):
    """Answered once the entry is durable; cannot be canceled. `asyncio.wrap_future` takes it."""

    def wait(self, seconds: float | None = None) -> AppendResult:
        """What stands in the journal now; raises the fault if it could not be written."""
        return self.result(seconds)


@dataclass(frozen=True)
class _PendingEntry:
    kind: str
    key: str
    document: bytes
    ticket: Ticket
    queued_at: float


class Journal(JournalBase):
    """A journal to write and to read, made where there is none. Reads see what is durable."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        # Of all queues only this one survives Ctrl-C at any moment.
        self._queue: queue.SimpleQueue[_PendingEntry | None] = queue.SimpleQueue()
        self._seq = 0
        self._fault: WinnowError | None = None
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._thread is not None:
            raise UsageError(str(self.path), "this journal was opened before", "Make another Journal of the same path")
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
            # No daemon: what was handed over is still written when an impatient person interrupts the closing.
            # What is held is the thread's, so a forked child, which has no such thread, gives none of it back.
            thread_arguments = (resources.pop_all(), write_connection, lock)
            self._thread = threading.Thread(
                target=self._run_writer, args=thread_arguments, name=f"journal {self.path.name}"
            )
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is None or self._pid != os.getpid():
            return
        self._queue.put(None)
        self._thread.join()
        if self._fault is not None and error is None:
            raise self._fault

    def append(self, kind: str, key: str, value: object) -> Ticket:
        """Hand over an entry, from any thread; it waits only while too many others do."""
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
        # The writer refuses what it left after it said that it ended; later comers are refused by whoever put them.
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
        """Every ticket of a group is answered, whatever happens to it."""
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
                # Out of memory, say; that error itself is told by the thread, which ends with it.
                stopped = EnvironmentFault(str(self.path), "could not be written: the writer stopped", "Run again")
                self._fault = self._fault or stopped
                self._refuse(unanswered, self._fault)

    def _iterate_groups(self) -> Iterator[list[_PendingEntry]]:
        """What was handed over, until the journal closes."""
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
                    # A program that ends without closing is not kept waiting, and loses nothing.
                    is_open = threading.main_thread().is_alive()
                    break
                if pending is None:
                    is_open = False
                else:
                    group.append(pending)
            if group:
                yield group

    def _insert_group(self, group: list[_PendingEntry], connection: sqlite3.Connection) -> list[AppendResult]:
        """A group in one transaction, on disk when this returns; what goes wrong undoes all of it."""
        results = []
        seq = self._seq
        connection.execute("BEGIN IMMEDIATE")
        for pending in group:
            entry = JournalEntry(seq + 1, pending.kind, pending.key, pending.document)
            is_new = connection.execute(INSERT_ENTRY, entry.to_row()).rowcount == 1
            if is_new:
                seq += 1
            else:
                entry = entry_from_row(
                    self.path, connection.execute(SELECT_ENTRY, (pending.kind, pending.key)).fetchone()
                )
            results.append(AppendResult(entry, is_new))
        connection.execute("COMMIT")
        return results

    def _refuse_pending(self) -> None:
        closed_error = UsageError(
            str(self.path), "the journal was closed before this entry was kept", "Append it again"
        )
        with suppress(queue.Empty):
            while True:
                pending = self._queue.get_nowait()
                self._refuse([pending] if pending else [], self._fault or closed_error)

    def _refuse(self, group: list[_PendingEntry], reason: WinnowError) -> None:
        for pending in group:
            pending.ticket.set_exception(reason)
