"""What happens to a row that breaks a rule: the table is refused, or the row is set aside with its location and reason.

The default is to refuse. `quarantine:N` sets up to N bad rows aside, which are written next to the output; one more
stops the work. A table may be read several times; a row counts once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from winnow.errors import BadTable, UsageError, format_value
from winnow.tables.chunks import Chunk

MAX_LIMIT_DIGITS = 9
"""Digits of the largest limit: below 10^9 rows."""


@dataclass(frozen=True)
class BadRow:
    """A row that was set aside: its location, what is wrong with it, and the row as text."""

    place: str
    reason: str
    row: str


class BadRows:
    """The rows set aside so far, and the limit the user stated."""

    def __init__(self, limit: int = 0) -> None:
        self.limit = limit
        self._rows_by_location: dict[str, BadRow] = {}

    @classmethod
    def parse(cls, text: str | None) -> BadRows:
        """Parse the option --bad-rows: `refuse` (also None) or `quarantine:N`."""
        if text in (None, "refuse"):
            return cls()
        policy_name, _, number = str(text).partition(":")
        if policy_name != "quarantine" or not number.isdecimal() or len(number) > MAX_LIMIT_DIGITS:
            problem = f"{format_value(text)} is not 'refuse' or 'quarantine:N'"
            raise UsageError("--bad-rows", problem, "Write --bad-rows quarantine:100")
        return cls(int(number))

    def __len__(self) -> int:
        return len(self._rows_by_location)

    def __iter__(self) -> Iterator[BadRow]:
        return iter(self._rows_by_location.values())

    def filter_chunk(self, chunk: Chunk) -> Chunk:
        """Return the rows of a chunk that were not set aside so far."""
        if not self._rows_by_location:
            return chunk
        good = [p for p in range(len(chunk)) if chunk.locate(p) not in self._rows_by_location]
        return chunk if len(good) == len(chunk) else chunk.take(np.array(good, np.int64))

    def policy(self) -> str:
        """Return the policy as the option --bad-rows writes it."""
        return f"quarantine:{self.limit}" if self.limit else "refuse"

    def add(self, row_location: str, reason: str, row: str = "", next_step: str = "") -> None:
        """Set a row aside, or raise BadTable if that is not allowed."""
        if row_location in self._rows_by_location:
            return
        if not self.limit:
            next_step = f"{next_step or 'Fix the row'}, or set bad rows aside with --bad-rows quarantine:N"
            raise BadTable(row_location, reason, next_step)
        if len(self._rows_by_location) >= self.limit:
            problem = f"{reason}; {self.limit} bad rows are already set aside, which is the limit"
            raise BadTable(row_location, problem, "Raise --bad-rows or fix the table")
        self._rows_by_location[row_location] = BadRow(row_location, reason, row)
