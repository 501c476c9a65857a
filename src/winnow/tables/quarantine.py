"""What happens to a row that cannot be read: refused at once, or set aside with its place and reason.

The default is to refuse. With `quarantine:N` up to N bad rows are kept here, to be written beside the output;
one more stops the work. A row set aside twice (a table is read more than once) counts once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from winnow.errors import BadTable, UsageError, format_value
from winnow.tables.chunks import Chunk

MAX_LIMIT_DIGITS = 9
"""Digits of the largest limit: whoever would set aside more rows than that wants another table."""


@dataclass(frozen=True)
class BadRow:
    """One row set aside: where it stood, what was wrong, and the row as text."""

    row_location: str
    reason: str
    row: str


class BadRows:
    """The rows set aside so far, and the limit the user stated."""

    def __init__(self, limit: int = 0) -> None:
        self.limit = limit
        self._rows_by_location: dict[str, BadRow] = {}

    @classmethod
    def parse(cls, text: str | None) -> BadRows:
        """`refuse` (also None) or `quarantine:N`."""
        if text in (None, "refuse"):
            return cls()
        policy_name, _, number = str(text).partition(":")
        if policy_name != "quarantine" or not number.isdecimal() or len(number) > MAX_LIMIT_DIGITS:
            raise UsageError(
                "--bad-rows",
                f"{format_value(text)} is not 'refuse' or 'quarantine:N'",
                "Write --bad-rows quarantine:100",
            )
        return cls(int(number))

    def __len__(self) -> int:
        return len(self._rows_by_location)

    def __iter__(self) -> Iterator[BadRow]:
        return iter(self._rows_by_location.values())

    def filter_chunk(self, chunk: Chunk) -> Chunk:
        """The rows of a chunk that were not set aside so far."""
        if not self._rows_by_location:
            return chunk
        good_positions = [
            position for position in range(len(chunk)) if chunk.locate(position) not in self._rows_by_location
        ]
        return chunk if len(good_positions) == len(chunk) else chunk.take(np.array(good_positions, np.int64))

    def policy(self) -> str:
        """The policy in the words that set it."""
        return f"quarantine:{self.limit}" if self.limit else "refuse"

    def add(self, row_location: str, reason: str, row: str = "", next_step: str = "") -> None:
        """Set a row aside, or refuse the table when that is not allowed."""
        if row_location in self._rows_by_location:
            return
        if not self.limit:
            hint = f"{next_step}, or set bad rows aside with --bad-rows quarantine:N" if next_step else ""
            raise BadTable(
                row_location, reason, hint or "Mend the row, or set bad rows aside with --bad-rows quarantine:N"
            )
        if len(self._rows_by_location) >= self.limit:
            raise BadTable(
                row_location,
                f"{reason}; {self.limit} bad rows are already set aside, the stated limit",
                "Raise --bad-rows or mend the table",
            )
        self._rows_by_location[row_location] = BadRow(row_location, reason, row)
