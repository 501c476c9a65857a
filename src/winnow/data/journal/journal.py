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

from winnow.data.errors import EnvironmentFault, UsageError, WinnowError
from winnow.data.journal.entry import Entry, check_name, document_of, entry_of
from winnow.data.journal.file import connected, locked, make, recognize, told, witness
from winnow.data.journal.reader import FOUND, Readable

GROUP_ROWS = 64
GROUP_SECONDS = 0.2
"""A group closes when it holds so many entries, or so long after its first was handed over."""
PULSE_SECONDS = 1.0
MOST_WAITING = 1024
"""Entries handed over and not yet written; above that `append` holds its caller back."""
INSERT = "INSERT INTO entries VALUES (?, CAST(? AS TEXT), CAST(? AS TEXT), ?, ?) ON CONFLICT (kind, key) DO NOTHING"


@dataclass(frozen=True)
class Appended:
    """The entry that stands under the key; `first` is False when it stood there before, and was left as it was."""

    entry: Entry
    first: bool


class Ticket(Future[Appended]):
    """Answered once the entry is durable; cannot be canceled. `asyncio.wrap_future` takes it."""

    def wait(self, seconds: float | None = None) -> Appended:
        """What stands in the journal now; raises the fault if it could not be written."""
        return self.result(seconds)


@dataclass(frozen=True)
class _Handed:
    kind: str
    key: str
    document: bytes
    ticket: Ticket
    at: float


class Journal(Readable):
    """A journal to write and to read, made where there is none. Reads see what is durable."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        # Of all queues only this one survives Ctrl-C at any moment.
        self._queue: queue.SimpleQueue[_Handed | None] = queue.SimpleQueue()
        self._seq = 0
        self._fault: WinnowError | None = None
        self._ended = False
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._thread is not None:
            raise UsageError(str(self.path), "this journal was opened before", "Make another Journal of the same path")
        if self.path.exists():
            with connected(self.path, "ro") as looking:
                recognize(self.path, looking)
        with ExitStack() as held:
            lock = held.enter_context(locked(self.path))
            if not self.path.exists():
                make(self.path)
            writing = held.enter_context(connected(self.path, "rw"))
            self._start_reading()
            held.callback(self._stop_reading)
            self._seq = int(self._ask("SELECT ifnull(max(seq), 0) FROM entries")[0][0])
            witness(self.path, lock, self._seq)
            # No daemon: what was handed over is still written when an impatient person interrupts the closing.
            # What is held is the thread's, so a forked child, which has no such thread, gives none of it back.
            work = (held.pop_all(), writing, lock)
            self._thread = threading.Thread(target=self._write, args=work, name=f"journal {self.path.name}")
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
        document = document_of(kind, key, value)
        if self._fault is not None:
            raise self._fault
        self._here()
        while self._queue.qsize() >= MOST_WAITING and not self._ended:
            time.sleep(0.001)
        ticket = Ticket()
        ticket.set_running_or_notify_cancel()
        self._queue.put(_Handed(kind, key, document, ticket, time.monotonic()))
        # The writer refuses what it left after it said that it ended; later comers are refused by whoever put them.
        if self._ended:
            self._refuse_left()
        return ticket

    def _write(self, held: ExitStack, writing: sqlite3.Connection, lock: int) -> None:
        try:
            with held:
                for group in self._groups():
                    self._answer(group, writing, lock)
        finally:
            self._ended = True
            self._refuse_left()

    def _answer(self, group: list[_Handed], writing: sqlite3.Connection, lock: int) -> None:
        """Every ticket of a group is answered, whatever happens to it."""
        try:
            if self._fault is None:
                with told(self.path):
                    answers = self._written(group, writing)
                self._seq += sum(answer.first for answer in answers)
                witness(self.path, lock, self._seq)
                for handed, answer in zip(group, answers, strict=True):
                    handed.ticket.set_result(answer)
        except WinnowError as error:
            self._fault = error
        finally:
            if left := [handed for handed in group if not handed.ticket.done()]:
                # Out of memory, say; that error itself is told by the thread, which ends with it.
                stopped = EnvironmentFault(str(self.path), "could not be written: the writer stopped", "Run again")
                self._fault = self._fault or stopped
                self._refuse(left, self._fault)

    def _groups(self) -> Iterator[list[_Handed]]:
        """What was handed over, until the journal closes."""
        more = True
        while more:
            group: list[_Handed] = []
            while more and len(group) < GROUP_ROWS:
                left = max(0.0, group[0].at + GROUP_SECONDS - time.monotonic()) if group else PULSE_SECONDS
                try:
                    handed = self._queue.get(timeout=left)
                except queue.Empty:
                    # A program that ends without closing is not kept waiting, and loses nothing.
                    more = threading.main_thread().is_alive()
                    break
                if handed is None:
                    more = False
                else:
                    group.append(handed)
            if group:
                yield group

    def _written(self, group: list[_Handed], writing: sqlite3.Connection) -> list[Appended]:
        """A group in one transaction, on disk when this returns; what goes wrong undoes all of it."""
        answers = []
        seq = self._seq
        writing.execute("BEGIN IMMEDIATE")
        for handed in group:
            entry = Entry(seq + 1, handed.kind, handed.key, handed.document)
            first = writing.execute(INSERT, entry.row()).rowcount == 1
            if first:
                seq += 1
            else:
                entry = entry_of(self.path, writing.execute(FOUND, (handed.kind, handed.key)).fetchone())
            answers.append(Appended(entry, first))
        writing.execute("COMMIT")
        return answers

    def _refuse_left(self) -> None:
        closed = UsageError(str(self.path), "the journal was closed before this entry was kept", "Append it again")
        with suppress(queue.Empty):
            while True:
                handed = self._queue.get_nowait()
                self._refuse([handed] if handed else [], self._fault or closed)

    def _refuse(self, group: list[_Handed], reason: WinnowError) -> None:
        for handed in group:
            handed.ticket.set_exception(reason)
