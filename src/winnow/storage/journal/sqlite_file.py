"""The file of a journal: SQLite with a write-ahead log, the lock of its one writer, and the witness beside it.

NAME.lock is held by whoever writes, and the kernel takes it back from a process that dies. It also says how many
entries were acknowledged. That is never forced to disk, so after a power loss it may be behind and is never ahead:
a journal with fewer entries has lost some, as a copy without its NAME-wal has, and is refused. A file that is
no journal is refused untouched. It knows nothing of groups and tickets.
"""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from winnow.errors import BadTable, BrokenPromise, EnvironmentFault, UsageError
from winnow.storage.atomic_files import atomic_write, fsync_path, to_environment_fault
from winnow.storage.journal.entry import RESTORE_STEP

APPLICATION_ID, FORMAT_VERSION = 0x776E6A6C, 1
SCHEMA = (
    "CREATE TABLE entries (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, "
    "document BLOB NOT NULL, sha256 BLOB NOT NULL, UNIQUE (kind, key))"
)
BUSY_TIMEOUT_SECONDS = 30
"""Seconds to wait for another process that reads or recovers the same file."""

_held_locks: set[int] = set()


def _close_locks_after_fork() -> None:
    """In a forked child: the lock stays with the parent alone, so that it ends when the parent does."""
    while _held_locks:
        os.close(_held_locks.pop())


os.register_at_fork(after_in_child=_close_locks_after_fork)


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Errors of SQLite and of the system, in our words."""
    try:
        yield
    except OSError as error:
        raise to_environment_fault(path, error) from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_NOTADB:
            raise BadTable(str(path), "is no journal", "Name another file") from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CONSTRAINT):
            raise BrokenPromise(str(path), f"is damaged ({error})", RESTORE_STEP) from error
        next_step = "Free some space" if code == sqlite3.SQLITE_FULL else "Check the path, its permissions and the disk"
        problem = f"could not be used ({getattr(error, 'sqlite_errorname', 'SQLite')}: {str(error).rstrip('.')})"
        raise EnvironmentFault(
            str(path), problem, f"{next_step}, then run again: what was acknowledged is kept"
        ) from error


@contextmanager
def acquire_lock(path: Path) -> Iterator[int]:
    """The right to write, as a handle of the file beside."""
    with translate_errors(sibling_path(path, ".lock")):
        lock_descriptor = os.open(sibling_path(path, ".lock"), os.O_RDWR | os.O_CREAT, 0o666)
    _held_locks.add(lock_descriptor)
    try:
        try:
            fcntl.flock(lock_descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                str(path), "is being written by another run", "Wait until it ends, or only read"
            ) from error
        except OSError as error:
            raise to_environment_fault(path, error) from error
        yield lock_descriptor
    finally:
        # A forked child has closed it already, and the number may be another file's by now.
        if lock_descriptor in _held_locks:
            _held_locks.remove(lock_descriptor)
            os.close(lock_descriptor)


@contextmanager
def open_connection(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """SQLite's handle of the journal. No other may be opened by the process: closing it would drop SQLite's locks."""
    if path.is_dir():
        raise UsageError(str(path), "is a folder", "Name a file in it")
    with translate_errors(path):
        address = f"{path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(
            address, BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False, uri=True
        )
    with closing(connection):
        # What is damaged may be no text.
        connection.text_factory = bytes
        with translate_errors(path):
            for setting in ("synchronous = FULL", "fullfsync = ON", "trusted_schema = OFF", "cell_size_check = ON"):
                connection.execute(f"PRAGMA {setting}")
        yield connection


def check_is_journal(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse what is no journal."""
    with translate_errors(path):
        application_id, version = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        )
        schema = [sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
    if application_id != APPLICATION_ID:
        description = "a database" if schema else "empty"
        raise BadTable(str(path), f"is {description} and no journal", "Name another file")
    if version != FORMAT_VERSION:
        problem = f"is a journal of version {version}, and this winnow knows version {FORMAT_VERSION}"
        raise BadTable(str(path), problem, "Use the winnow that wrote it")
    if schema != [SCHEMA.encode()]:
        raise BrokenPromise(str(path), "has another table than a journal of its version", RESTORE_STEP)


def create_journal(path: Path) -> None:
    """An empty journal, there whole or not at all, so that whoever dies here leaves nothing to be repaired.

    The lock must be held: what others left half made is nobody's then.
    """
    partial_name = re.compile(rf"\.{re.escape(path.name)}\.\d+\.partial(-journal|-wal|-shm)?")
    with translate_errors(path.parent):
        for partial_file in [file for file in path.parent.iterdir() if partial_name.fullmatch(file.name)]:
            partial_file.unlink()
    with atomic_write(path) as partial, open_connection(partial, "rwc") as connection, translate_errors(path):
        if connection.execute("PRAGMA journal_mode = WAL").fetchone() != (b"wal",):
            raise EnvironmentFault(str(path), "lies where SQLite can keep no log", "Choose a local folder")
        pragmas = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT_VERSION}"
        connection.executescript(f"BEGIN IMMEDIATE; {pragmas}; {SCHEMA}; COMMIT")
        # The name is given to the file alone, so nothing may be left in its log.
        if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            raise EnvironmentFault(str(path), "could not be made: somebody holds the new file", "Run again")


def fsync_log(path: Path) -> None:
    """What a killed writer left in the log was seen by now, so a power loss must not take it back."""
    with translate_errors(path), suppress(FileNotFoundError):
        fsync_path(sibling_path(path, "-wal"))


def sibling_path(path: Path, suffix: str) -> Path:
    """A file that belongs to the journal."""
    return path.with_name(path.name + suffix)


def read_acknowledged_count(path: Path) -> int:
    """How many entries were acknowledged at least; to be asked before the entries are counted."""
    lock_file = sibling_path(path, ".lock")
    with translate_errors(lock_file), suppress(FileNotFoundError):
        # Once more while it changes, since a number read in the middle of a write was never there.
        while (content := lock_file.read_bytes()) != lock_file.read_bytes():
            pass
        count_match = re.match(rb"\d{20}", content)
        return int(count_match[0]) if count_match else 0
    return 0


def write_acknowledged_count(path: Path, lock_descriptor: int, count: int) -> None:
    """Say how many entries were acknowledged, through the handle that `locked` gave."""
    with translate_errors(sibling_path(path, ".lock")):
        os.pwrite(lock_descriptor, f"{count:020d} entries were acknowledged\n".encode(), 0)


def check_complete(path: Path, count: int, acknowledged_count: int) -> None:
    """Refuse a journal that holds fewer entries than are known to have been acknowledged."""
    if count < acknowledged_count:
        next_step = f"Put its {sibling_path(path, '-wal').name} back; to go on without them remove {sibling_path(path, '.lock').name}"
        raise BrokenPromise(
            str(path), f"holds {count} entries of the {acknowledged_count} that were acknowledged", next_step
        )
