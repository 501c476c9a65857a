"""How a selection shifts the length of texts and the answers per prompt.

Lengths are counted in characters. Of a typed source only a spread of rows is read for the raw length, because
reading every text would cost more than selecting; how many rows were read is always said.
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
    """How long the texts of the raw and of the kept rows are together, and how many rows were read for it."""

    raw: int = 0
    raw_rows: int = 0
    kept: int = 0
    kept_rows: int = 0

    def add_raw(self, texts: pa.Array) -> None:
        """More raw rows."""
        self.raw += pc.sum(pc.utf8_length(texts)).as_py() or 0
        self.raw_rows += len(texts)

    def add_kept(self, texts: pa.Array) -> None:
        """More kept rows."""
        self.kept += pc.sum(pc.utf8_length(texts)).as_py() or 0
        self.kept_rows += len(texts)

    @contextmanager
    def sample_raw_lengths(self, table: Table) -> Iterator[None]:
        """Beside the work of this block, raw lengths of a typed source whose texts were not read on the way."""
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
        """Means, and the number of rows behind the raw one."""
        raw = self.raw / self.raw_rows if self.raw_rows else None
        kept = self.kept / self.kept_rows if self.kept_rows else None
        return {"raw": raw, "kept": kept, "raw_rows_read": self.raw_rows}


def prompt_shift(before: int, after: int, total: int, kept: int) -> dict[str, Any]:
    """Prompts before and after, answers per prompt before and after."""
    return {
        "prompts": before,
        "prompts_kept": after,
        "prompts_lost": before - after,
        "answers_per_prompt": {"raw": total / before if before else None, "kept": kept / after if after else None},
    }
