"""The SQLite file of a journal, with its write-ahead log, and the lock file of its writer.

The writer holds the lock NAME.lock. The lock file also stores how many entries were acknowledged. This number is not
forced to disk, so after a power loss it may be too low but never too high: a journal with fewer entries has lost some,
such as a copy without its NAME-wal, and is refused. A file that is not a journal is refused and left unchanged.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from winnow.errors import BadTable, BrokenPromise, EnvironmentFault, UsageError
from winnow.storage.atomic_files import atomic_write, fsync_path, lock_file, translate_os_errors
from winnow.storage.journal.entry import RESTORE_STEP

APPLICATION_ID, FORMAT_VERSION = 0x776E6A6C, 1
SCHEMA = (
    "CREATE TABLE entries (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, "
    "document BLOB NOT NULL, sha256 BLOB NOT NULL, UNIQUE (kind, key))"
)
BUSY_TIMEOUT_SECONDS = 30
"""How long to wait for another process that reads or recovers the same file."""


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Translate errors of SQLite and of the operating system in this block."""
    try:
        with translate_os_errors(path):
            yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_NOTADB:
            raise BadTable(str(path), "is not a journal", "Name another file") from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CONSTRAINT):
            raise BrokenPromise(str(path), f"is damaged ({error})", RESTORE_STEP) from error
        next_step = "Free some space" if code == sqlite3.SQLITE_FULL else "Check the path, its permissions and the disk"
        problem = f"could not be used ({getattr(error, 'sqlite_errorname', 'SQLite')}: {str(error).rstrip('.')})"
        next_step = f"{next_step}, then run again: acknowledged entries are kept"
        raise EnvironmentFault(str(path), problem, next_step) from error


@contextmanager
def acquire_lock(path: Path) -> Iterator[int]:
    """Hold the right to write a journal, and yield the descriptor of its lock file."""
    busy_error = UsageError(str(path), "is being written by another run", "Wait until it ends, or only read")
    with lock_file(sibling_path(path, ".lock"), busy_error) as lock_descriptor:
        yield lock_descriptor


@contextmanager
def open_connection(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """Open the database. The process must not open the file otherwise: closing it would release SQLite's locks."""
    if path.is_dir():
        raise UsageError(str(path), "is a folder", "Name a file in it")
    with translate_errors(path):
        address = f"{path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(
            address, BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False, uri=True
        )
    with closing(connection):
        # A damaged value may not be text.
        connection.text_factory = bytes
        with translate_errors(path):
            for setting in ("synchronous = FULL", "fullfsync = ON", "trusted_schema = OFF", "cell_size_check = ON"):
                connection.execute(f"PRAGMA {setting}")
        yield connection


def check_is_journal(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a file that is not a journal of this version."""
    with translate_errors(path):
        application_id, version = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        )
        schema = [sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
    if application_id != APPLICATION_ID:
        description = "a database" if schema else "empty"
        raise BadTable(str(path), f"is {description} and not a journal", "Name another file")
    if version != FORMAT_VERSION:
        problem = f"is a journal of version {version}, and this winnow knows version {FORMAT_VERSION}"
        raise BadTable(str(path), problem, "Use the winnow that wrote it")
    if schema != [SCHEMA.encode()]:
        raise BrokenPromise(str(path), "does not have the table of a journal of its version", RESTORE_STEP)


def create_journal(path: Path) -> None:
    """Create an empty journal atomically.

    The lock must be held, because partial files of earlier attempts are removed.
    """
    partial_name = re.compile(rf"\.{re.escape(path.name)}\.\d+\.partial(-journal|-wal|-shm)?")
    with translate_errors(path.parent):
        for partial_file in [file for file in path.parent.iterdir() if partial_name.fullmatch(file.name)]:
            partial_file.unlink()
    with atomic_write(path) as partial, open_connection(partial, "rwc") as connection, translate_errors(path):
        if connection.execute("PRAGMA journal_mode = WAL").fetchone() != (b"wal",):
            raise EnvironmentFault(
                str(path), "is in a folder where SQLite cannot keep its log", "Choose a local folder"
            )
        pragmas = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT_VERSION}"
        connection.executescript(f"BEGIN IMMEDIATE; {pragmas}; {SCHEMA}; COMMIT")
        # Only the file itself is renamed, so nothing may be left in its log.
        if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            raise EnvironmentFault(str(path), "could not be created: another process uses the new file", "Run again")


def fsync_log(path: Path) -> None:
    """Force the log to disk, because a power loss must not undo entries of a killed writer that were read."""
    with translate_errors(path), suppress(FileNotFoundError):
        fsync_path(sibling_path(path, "-wal"))


def sibling_path(path: Path, suffix: str) -> Path:
    """Return the path of a file that belongs to the journal."""
    return path.with_name(path.name + suffix)


def read_acknowledged_count(path: Path) -> int:
    """Return how many entries were acknowledged at least; call it before the entries are counted."""
    lock_file = sibling_path(path, ".lock")
    with translate_errors(lock_file), suppress(FileNotFoundError):
        # Read until it is stable, because a number read during a write may never have been written.
        while (content := lock_file.read_bytes()) != lock_file.read_bytes():
            pass
        count_match = re.match(rb"\d{20}", content)
        return int(count_match[0]) if count_match else 0
    return 0


def write_acknowledged_count(path: Path, lock_descriptor: int, count: int) -> None:
    """Store how many entries were acknowledged, through the descriptor of `acquire_lock`."""
    with translate_errors(sibling_path(path, ".lock")):
        os.pwrite(lock_descriptor, f"{count:020d} entries were acknowledged\n".encode(), 0)


def check_complete(path: Path, count: int, acknowledged_count: int) -> None:
    """Raise BrokenPromise if a journal holds fewer entries than were acknowledged."""
    if count < acknowledged_count:
        problem = f"holds {count} entries of the {acknowledged_count} that were acknowledged"
        next_step = f"Put {path.name}-wal back; to continue without the missing entries, remove {path.name}.lock"
        raise BrokenPromise(str(path), problem, next_step)
