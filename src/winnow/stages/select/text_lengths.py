"""How a selection shifts the length of texts, in characters.

Of a typed source only a sample of rows is read for the raw length, because reading every text would take longer than
selecting; the report says how many rows were read.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from winnow.tables.table import Table


@dataclass
class TextLengths:
    """The total length of the texts of raw and of kept rows, and how many rows were read."""

    raw: int = 0
    raw_rows: int = 0
    kept: int = 0
    kept_rows: int = 0

    def add_raw(self, texts: pa.Array) -> None:
        """Add the lengths of raw rows."""
        self.raw += pc.sum(pc.utf8_length(texts)).as_py() or 0
        self.raw_rows += len(texts)

    def add_kept(self, texts: pa.Array) -> None:
        """Add the lengths of selected rows."""
        self.kept += pc.sum(pc.utf8_length(texts)).as_py() or 0
        self.kept_rows += len(texts)

    @contextmanager
    def sample_raw_lengths(self, table: Table) -> Iterator[None]:
        """During this block, add raw lengths of a typed source whose texts were not read when the pool was loaded."""
        with ThreadPoolExecutor(1) as executor:
            pending = executor.submit(self._add_raw_sample, table)
            yield
            pending.result()

    def _add_raw_sample(self, table: Table) -> None:
        if self.raw_rows or not table.has_role("text"):
            return
        for texts in table.sample_role("text"):
            self.add_raw(texts)

    def to_dict(self) -> dict[str, Any]:
        """The mean lengths, and the number of rows behind the raw one."""
        raw = self.raw / self.raw_rows if self.raw_rows else None
        kept = self.kept / self.kept_rows if self.kept_rows else None
        return {"raw": raw, "kept": kept, "raw_rows_read": self.raw_rows}
