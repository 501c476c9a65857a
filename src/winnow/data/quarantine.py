"""What happens to a row that cannot be read: refused at once, or set aside with its place and reason.

The default is to refuse. With `quarantine:N` up to N bad rows are kept here, to be written beside the output;
one more stops the work. A row set aside twice (a table is read more than once) counts once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from winnow.data.chunks import Chunk
from winnow.data.errors import BadTable, UsageError, shown

LONGEST_LIMIT = 9
"""Digits of the largest limit: whoever would set aside more rows than that wants another table."""


@dataclass(frozen=True)
class Bad:
    """One row set aside: where it stood, what was wrong, and the row as text."""

    place: str
    reason: str
    row: str


class BadRows:
    """The rows set aside so far, and the limit the user stated."""

    def __init__(self, limit: int = 0) -> None:
        self.limit = limit
        self._found: dict[str, Bad] = {}

    @classmethod
    def parse(cls, text: str | None) -> BadRows:
        """`refuse` (also None) or `quarantine:N`."""
        if text in (None, "refuse"):
            return cls()
        word, _, number = str(text).partition(":")
        if word != "quarantine" or not number.isdecimal() or len(number) > LONGEST_LIMIT:
            raise UsageError(
                "--bad-rows", f"{shown(text)} is not 'refuse' or 'quarantine:N'", "Write --bad-rows quarantine:100"
            )
        return cls(int(number))

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Bad]:
        return iter(self._found.values())

    def without(self, chunk: Chunk) -> Chunk:
        """The rows of a chunk that were not set aside so far."""
        if not self._found:
            return chunk
        sound = [position for position in range(len(chunk)) if chunk.place(position) not in self._found]
        return chunk if len(sound) == len(chunk) else chunk.take(np.array(sound, np.int64))

    def said(self) -> str:
        """The policy in the words that set it."""
        return f"quarantine:{self.limit}" if self.limit else "refuse"

    def add(self, place: str, reason: str, row: str = "", next_step: str = "") -> None:
        """Set a row aside, or refuse the table when that is not allowed."""
        if place in self._found:
            return
        if not self.limit:
            hint = f"{next_step}, or set bad rows aside with --bad-rows quarantine:N" if next_step else ""
            raise BadTable(place, reason, hint or "Mend the row, or set bad rows aside with --bad-rows quarantine:N")
        if len(self._found) >= self.limit:
            raise BadTable(
                place,
                f"{reason}; {self.limit} bad rows are already set aside, the stated limit",
                "Raise --bad-rows or mend the table",
            )
        self._found[place] = Bad(place, reason, row)
