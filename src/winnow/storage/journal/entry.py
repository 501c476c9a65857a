"""An entry of a journal: its kind, key and document, and the sha256 that seals it.

A document is canonical JSON and is read back byte for byte. The seal covers number, kind, key and document, so a row
that was changed or moved is found. This module reads and writes no file.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from winnow.errors import BrokenPromise, UsageError, format_value
from winnow.storage.canonical_json import canonical_json

MAX_KEY_BYTES = 1000
MAX_DOCUMENT_BYTES = 1 << 26
RESTORE_STEP = "Restore it from a copy"

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
