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

from winnow.errors import BadTable, format_value
from winnow.tables.chunks import RowNumbers
from winnow.tables.table import RoleArrays, Table

BUCKET_BITS = 6
BUFFER_BYTES = 1 << 19
"""What each of the files holds in memory before it is one."""
RECORD_DTYPE = np.dtype([("hash", np.uint64), ("row", np.int64)])
MAX_DUPLICATES = 100
"""How many hashes that stand again are looked at, the first ones, and how many rows of each."""


class UniqueIdChecker:
    """Collects the ids of a table's rows; `check` refuses the first that stands twice, naming both places."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._stack = ExitStack()
        self._files: list[IO[bytes]] = []
        self.is_enabled = table.columns.id is not None

    def __enter__(self) -> UniqueIdChecker:
        if self.is_enabled:
            files = [SpooledTemporaryFile(BUFFER_BYTES) for _ in range(1 << BUCKET_BITS)]  # noqa: SIM115  # the stack closes them
            self._files = [self._stack.enter_context(file) for file in files]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add(self, rows: RowNumbers, parts: RoleArrays) -> None:
        """The ids of more rows."""
        if not self.is_enabled:
            return
        records = np.empty(len(rows), RECORD_DTYPE)
        records["hash"] = np.fromiter(map(hash, parts["id"].to_pylist()), np.int64, len(rows)).view(np.uint64)
        records["row"] = rows
        buckets = (records["hash"] >> np.uint64(64 - BUCKET_BITS)).astype(np.int64)
        records = records[np.argsort(buckets, kind="stable")]
        ends = np.cumsum(np.bincount(buckets, minlength=len(self._files)))
        for file, bucket_records in zip(self._files, np.split(records, ends[:-1]), strict=True):
            file.write(bucket_records.tobytes())

    def check(self) -> None:
        """Refuse an id that stands twice."""
        suspects = sorted(
            itertools.chain.from_iterable(map(_find_equal_hashes, self._files)), key=lambda rows: int(rows[0])
        )[:MAX_DUPLICATES]
        if not suspects:
            return
        ids, first_rows, duplicates = (
            self._read_ids(np.sort(np.concatenate(suspects))),
            dict[str, int](),
            list[tuple[int, int]](),
        )
        for row, candidate_id in sorted(ids.items()):
            if (first_row := first_rows.setdefault(candidate_id, row)) != row:
                duplicates.append((first_row, row))
        # Two ids may have one hash by chance.
        if duplicates:
            first_row, row = min(duplicates)
            first_place = self._table.locate_row(first_row)
            problem = (
                f"{self._table.columns.id} is {format_value(ids[row])}, as at {first_place}; an id names one candidate"
            )
            next_step = "Name another column with --id, or make this one the prompt with --prompt"
            raise BadTable(self._table.locate_row(row), problem, next_step)

    def _read_ids(self, rows: RowNumbers) -> dict[int, str]:
        found: dict[int, str] = {}
        for chunk, parts in self._table.read_roles(["id"]):
            is_suspect = np.isin(chunk.row_numbers, rows)
            found |= zip(
                chunk.row_numbers[is_suspect].tolist(),
                parts["id"].filter(pa.array(is_suspect)).to_pylist(),
                strict=True,
            )
        return found


def _find_equal_hashes(file: IO[bytes]) -> list[RowNumbers]:
    """The rows of each hash that stands more than once, in order."""
    file.seek(0)
    records = np.frombuffer(file.read(), RECORD_DTYPE)
    records = records[np.argsort(records["hash"], kind="stable")]
    starts = np.flatnonzero(np.diff(records["hash"], prepend=records["hash"][:1] + np.uint64(1)))
    sizes = np.diff(starts, append=len(records))
    starts, sizes = starts[sizes > 1], np.minimum(sizes[sizes > 1], MAX_DUPLICATES)
    earliest = np.argsort(records["row"][starts])[:MAX_DUPLICATES]
    return [records["row"][start : start + size] for start, size in zip(starts[earliest], sizes[earliest], strict=True)]
