"""An entry of a journal: what may be kept, under which name, and the sha256 that seals it.

A document is JSON in canonical form and comes back byte for byte. The seal is over number, kind, key and document, so
that a row which was changed, or put in the place of another, is told by name. It touches no file.
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

LONGEST_KEY = 1000
LARGEST_DOCUMENT = 1 << 26
RESTORE_STEP = "Restore it from a copy"

EntryRow = tuple[int, bytes, bytes, bytes, bytes]


@dataclass(frozen=True)
class JournalEntry:
    """What is kept. Entries are numbered from 1 without gaps, in the order in which they were kept."""

    seq: int
    kind: str
    key: str
    document: bytes

    @property
    def value(self) -> Any:
        """The document, read."""
        return json.loads(self.document)

    def sha256(self) -> bytes:
        """The seal; the length of the key tells where it ends."""
        key = self.key.encode()
        parts = (self.seq, self.kind.encode(), len(key), key, self.document)
        return hashlib.sha256(b"%d %s %d %s %s" % parts).digest()

    def to_row(self) -> EntryRow:
        """As it stands in the file."""
        return self.seq, self.kind.encode(), self.key.encode(), self.document, self.sha256()


def entry_from_row(path: Path, row: EntryRow) -> JournalEntry:
    """The entry of a row, if the row is as it was written."""
    seq, kind, key, document, sha256 = row
    # A damaged row may hold any type, and text that is none.
    with suppress(UnicodeDecodeError, AttributeError, TypeError):
        entry = JournalEntry(seq, kind.decode(), key.decode(), document)
        if entry.sha256() == sha256:
            return entry
    where = f"{path}, entry {seq} ({_decode_for_display(kind)} {_decode_for_display(key)})"
    raise BrokenPromise(where, "is not what was written: its sha256 differs", RESTORE_STEP)


def _decode_for_display(raw: object) -> str:
    return format_value(raw.decode(errors="replace") if isinstance(raw, bytes) else raw)


def check_name(kind: str, key: str) -> None:
    """Refuse what cannot name an entry."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", kind):
        problem = f"{format_value(kind)} is no kind, which is a short word of a-z, 0-9, _ and -"
        raise UsageError("kind", problem, "Choose such a word")
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        size = 0
    if not 0 < size <= LONGEST_KEY:
        problem = f"{format_value(key)} is no key, which is text of 1 to {LONGEST_KEY} bytes in UTF-8"
        raise UsageError("key", problem, "Use the sha256 of what it stands for")


def encode_document(kind: str, key: str, value: object) -> bytes:
    """A value as it is kept. Models do write halves of surrogate pairs; a paid reply is kept with them."""
    where = f"{kind} {format_value(key)}"
    try:
        document = canonical_json(value).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError, RecursionError) as error:
        next_step = "Give texts, finite numbers, true, false, null, and lists and objects of them"
        raise UsageError(where, f"the value is no JSON document ({error})", next_step) from error
    if len(document) > LARGEST_DOCUMENT:
        problem = f"the value has {len(document)} bytes, at most {LARGEST_DOCUMENT} are kept"
        raise UsageError(where, problem, "Keep it in a file and its sha256 here")
    return document
