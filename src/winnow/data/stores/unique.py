"""Watches that no candidate id stands twice, at any number of rows.

What is kept of an id is its hash and its row, in files by the hash's first bits once they are many; each file is looked
through alone. Ids that winnow made itself are unique by construction and are not watched.
"""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import IO

import numpy as np
import pyarrow as pa

from winnow.data.chunks import Rows
from winnow.data.errors import BadTable, shown
from winnow.data.table import Parts, Table

BITS = 6
HELD_BYTES = 1 << 19
"""What each of the files holds in memory before it is one."""
NOTED = np.dtype([("hash", np.uint64), ("row", np.int64)])
MOST = 100
"""How many hashes that stand again are looked at, the first ones, and how many rows of each."""


class UniqueIds:
    """Collects the ids of a table's rows; `check` refuses the first that stands twice, naming both places."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._stack = ExitStack()
        self._files: list[IO[bytes]] = []
        self.watched = table.columns.id is not None

    def __enter__(self) -> UniqueIds:
        if self.watched:
            files = [SpooledTemporaryFile(HELD_BYTES) for _ in range(1 << BITS)]  # noqa: SIM115  # the stack closes them
            self._files = [self._stack.enter_context(file) for file in files]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add(self, rows: Rows, parts: Parts) -> None:
        """The ids of more rows."""
        if not self.watched:
            return
        noted = np.empty(len(rows), NOTED)
        noted["hash"] = np.fromiter(map(hash, parts["id"].to_pylist()), np.int64, len(rows)).view(np.uint64)
        noted["row"] = rows
        which = (noted["hash"] >> np.uint64(64 - BITS)).astype(np.int64)
        noted = noted[np.argsort(which, kind="stable")]
        ends = np.cumsum(np.bincount(which, minlength=len(self._files)))
        for file, piece in zip(self._files, np.split(noted, ends[:-1]), strict=True):
            file.write(piece.tobytes())

    def check(self) -> None:
        """Refuse an id that stands twice."""
        alike = sorted(itertools.chain.from_iterable(map(_alike, self._files)), key=lambda rows: int(rows[0]))[:MOST]
        if not alike:
            return
        ids, first, again = self._ids_of(np.sort(np.concatenate(alike))), dict[str, int](), list[tuple[int, int]]()
        for row, one in sorted(ids.items()):
            if (before := first.setdefault(one, row)) != row:
                again.append((before, row))
        # Two ids may have one hash by chance.
        if again:
            before, row = min(again)
            at = self._table.place(before)
            problem = f"{self._table.columns.id} is {shown(ids[row])}, as at {at}; an id names one candidate"
            step = "Name another column with --id, or make this one the prompt with --prompt"
            raise BadTable(self._table.place(row), problem, step)

    def _ids_of(self, rows: Rows) -> dict[int, str]:
        found: dict[int, str] = {}
        for chunk, parts in self._table.parts(["id"]):
            there = np.isin(chunk.rows, rows)
            found |= zip(chunk.rows[there].tolist(), parts["id"].filter(pa.array(there)).to_pylist(), strict=True)
        return found


def _alike(file: IO[bytes]) -> list[Rows]:
    """The rows of each hash that stands more than once, in order."""
    file.seek(0)
    noted = np.frombuffer(file.read(), NOTED)
    noted = noted[np.argsort(noted["hash"], kind="stable")]
    starts = np.flatnonzero(np.diff(noted["hash"], prepend=noted["hash"][:1] + np.uint64(1)))
    sizes = np.diff(starts, append=len(noted))
    starts, sizes = starts[sizes > 1], np.minimum(sizes[sizes > 1], MOST)
    early = np.argsort(noted["row"][starts])[:MOST]
    return [noted["row"][start : start + size] for start, size in zip(starts[early], sizes[early], strict=True)]
