"""The files of a journal: its entries and their seals, the SQLite file with its write-ahead log, and the lock file.

The seal of an entry covers number, kind, key and document, so a row that was changed or moved is found. The writer
holds the lock NAME.lock. The lock file also stores how many entries were acknowledged. This number is not forced to
disk, so after a power loss it may be too low but never too high: a journal with fewer entries has lost some, for
example because it was copied without its NAME-wal, and is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from winnow.errors import BadTable, BrokenPromise, EnvironmentFault, UsageError, format_value
from winnow.storage.atomic_files import atomic_write, translate_os_errors
from winnow.storage.canonical_json import canonical_json

MAX_KEY_BYTES = 1000
MAX_DOCUMENT_BYTES = 1 << 26
RESTORE_STEP = "Restore it from a copy"
APPLICATION_ID, FORMAT_VERSION = 0x776E6A6C, 1
SCHEMA = (
    "CREATE TABLE entries (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, "
    "document BLOB NOT NULL, sha256 BLOB NOT NULL, UNIQUE (kind, key))"
)
BUSY_TIMEOUT_SECONDS = 30
"""How long to wait for another process that reads or recovers the same file."""

EntryRow = tuple[int, bytes, bytes, bytes, bytes]


@dataclass(frozen=True)
class JournalEntry:
    """A stored entry. Entries are numbered from 1 without gaps, in the order in which they were written."""

    seq: int
    kind: str
    key: str
    document: bytes

    @property
    def value(self) -> Any:
        """The document as a Python value."""
        return json.loads(self.document)

    def sha256(self) -> bytes:
        """Return the seal; it includes the length of the key, which marks where the key ends."""
        key = self.key.encode()
        parts = (self.seq, self.kind.encode(), len(key), key, self.document)
        return hashlib.sha256(b"%d %s %d %s %s" % parts).digest()

    def to_row(self) -> EntryRow:
        """Return the row that the database stores."""
        return self.seq, self.kind.encode(), self.key.encode(), self.document, self.sha256()


def entry_from_row(path: Path, row: EntryRow) -> JournalEntry:
    """Return the entry of a row, or raise BrokenPromise if the row is not as it was written."""
    seq, kind, key, document, sha256 = row
    # A damaged row may hold values of any type and bytes that are not text.
    with suppress(UnicodeDecodeError, AttributeError, TypeError):
        entry = JournalEntry(seq, kind.decode(), key.decode(), document)
        if entry.sha256() == sha256:
            return entry
    where = f"{path}, entry {seq} ({_decode_for_display(kind)} {_decode_for_display(key)})"
    raise BrokenPromise(where, "is not what was written: its sha256 differs", RESTORE_STEP)


def _decode_for_display(raw: object) -> str:
    return format_value(raw.decode(errors="replace") if isinstance(raw, bytes) else raw)


def check_name(kind: str, key: str) -> None:
    """Raise UsageError if an entry cannot have this kind and key."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", kind):
        problem = f"{format_value(kind)} is not a kind, which is a short word of a-z, 0-9, _ and -"
        raise UsageError("kind", problem, "Choose such a word")
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        size = 0
    if not 0 < size <= MAX_KEY_BYTES:
        problem = f"{format_value(key)} is not a key, which is text of 1 to {MAX_KEY_BYTES} bytes in UTF-8"
        raise UsageError("key", problem, "Use the sha256 of the text instead")


def encode_document(kind: str, key: str, value: object) -> bytes:
    """Encode a value as canonical JSON; half surrogates are allowed, because models write them."""
    where = f"{kind} {format_value(key)}"
    try:
        document = canonical_json(value).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError, RecursionError) as error:
        next_step = "Pass texts, finite numbers, true, false, null, and lists and objects of them"
        raise UsageError(where, f"the value is not a JSON document ({error})", next_step) from error
    if len(document) > MAX_DOCUMENT_BYTES:
        problem = f"the value has {len(document)} bytes; the limit is {MAX_DOCUMENT_BYTES}"
        raise UsageError(where, problem, "Store it in a file, and its sha256 in the journal")
    return document


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
