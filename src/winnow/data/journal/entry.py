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

from winnow.data.errors import BrokenPromise, UsageError, shown
from winnow.data.values import canonical

LONGEST_KEY = 1000
LARGEST_DOCUMENT = 1 << 26
RESTORE = "Restore it from a copy"

Row = tuple[int, bytes, bytes, bytes, bytes]


@dataclass(frozen=True)
class Entry:
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

    def row(self) -> Row:
        """As it stands in the file."""
        return self.seq, self.kind.encode(), self.key.encode(), self.document, self.sha256()


def entry_of(path: Path, row: Row) -> Entry:
    """The entry of a row, if the row is as it was written."""
    seq, kind, key, document, sha256 = row
    # A damaged row may hold any type, and text that is none.
    with suppress(UnicodeDecodeError, AttributeError, TypeError):
        entry = Entry(seq, kind.decode(), key.decode(), document)
        if entry.sha256() == sha256:
            return entry
    where = f"{path}, entry {seq} ({_as_text(kind)} {_as_text(key)})"
    raise BrokenPromise(where, "is not what was written: its sha256 differs", RESTORE)


def _as_text(raw: object) -> str:
    return shown(raw.decode(errors="replace") if isinstance(raw, bytes) else raw)


def check_name(kind: str, key: str) -> None:
    """Refuse what cannot name an entry."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", kind):
        rule = f"{shown(kind)} is no kind, which is a short word of a-z, 0-9, _ and -"
        raise UsageError("kind", rule, "Choose such a word")
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        size = 0
    if not 0 < size <= LONGEST_KEY:
        rule = f"{shown(key)} is no key, which is text of 1 to {LONGEST_KEY} bytes in UTF-8"
        raise UsageError("key", rule, "Use the sha256 of what it stands for")


def document_of(kind: str, key: str, value: object) -> bytes:
    """A value as it is kept. Models do write halves of surrogate pairs; a paid reply is kept with them."""
    where = f"{kind} {shown(key)}"
    try:
        document = canonical(value).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError, RecursionError) as error:
        step = "Give texts, finite numbers, true, false, null, and lists and objects of them"
        raise UsageError(where, f"the value is no JSON document ({error})", step) from error
    if len(document) > LARGEST_DOCUMENT:
        rule = f"the value has {len(document)} bytes, at most {LARGEST_DOCUMENT} are kept"
        raise UsageError(where, rule, "Keep it in a file and its sha256 here")
    return document
