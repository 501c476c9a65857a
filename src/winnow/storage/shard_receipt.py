"""Shards written one by one, each with its own receipt, until the store is finished.

A shard is done if and only if its receipt says so. Shard receipts are hidden files next to the shards; they carry the
identity of the work, so shards of other work are never reused, and they are removed when the store has its receipt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from winnow.errors import BrokenPromise
from winnow.storage.atomic_files import atomic_write, translate_os_errors, write_bytes
from winnow.storage.canonical_json import to_plain
from winnow.storage.file_bytes import file_sha256
from winnow.storage.locations.location import Location
from winnow.storage.receipts import RECEIPT_NAME, Receipt, RowCounts, Shard, WorkSpec, parse_sealed, seal_json

COUNT_FIELDS = ("rows_in", "keep", "drop", "reject")


@dataclass(frozen=True)
class ShardResult:
    """One shard of a result: its file, its row counts, and what the stage counted, by name and value."""

    shard: Shard
    books: RowCounts
    counted: dict[str, dict[str, int]] = field(default_factory=dict)


def shard_name(number: int) -> str:
    """Return the file name of the shard with this number."""
    return f"part-{number:05d}.parquet"


def shard_receipt_path(target: Path, name: str) -> Path:
    """Return the path of a shard's own receipt."""
    return target / f".{name}.receipt.json"


def write_shard(target: Path, name: str, batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> Shard:
    """Write one shard atomically; its bytes depend on its rows only, not on how they were batched."""
    # One array per column, because the ends of batches would show in the file.
    return write_parquet(target / name, pa.Table.from_batches(batches, schema).combine_chunks())


def write_parquet(path: Location, table: pa.Table) -> Shard:
    """Write a table as one Parquet file, atomically, and describe it for a receipt."""
    with atomic_write(path) as partial:
        pq.write_table(table, partial, compression="zstd", store_schema=True)
        return Shard(path.name, table.num_rows, partial.stat().st_size, file_sha256(partial))


def write_shard_receipt(target: Path, work: WorkSpec, result: ShardResult) -> None:
    """Write the receipt of a shard that was written before."""
    result.books.check(str(target / result.shard.name))
    content = {"identity": work.identity(), **to_plain(result)}
    write_bytes(shard_receipt_path(target, result.shard.name), seal_json(content))


def read_shard_receipt(target: Path, work: WorkSpec, name: str) -> ShardResult | None:
    """Return what was done for a shard of this work, or None if the shard must be written (again)."""
    try:
        content, is_seal_valid = parse_sealed(shard_receipt_path(target, name).read_bytes())
        if not is_seal_valid or content["identity"] != work.identity():
            return None
        result = ShardResult(Shard(**content["shard"]), RowCounts(**content["books"]), content["counted"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    path = target / name
    is_same_size = path.is_file() and not path.is_symlink() and path.stat().st_size == result.shard.bytes
    return result if is_same_size and file_sha256(path) == result.shard.sha256 else None


def finish_store(target: Path, kind: str, work: WorkSpec, names: Sequence[str]) -> Receipt:
    """Write the receipt of a store whose shards are all done, and remove the shard receipts.

    Raises:
        BrokenPromise: A shard is not done.
    """
    results = []
    for name in names:
        result = read_shard_receipt(target, work, name)
        if result is None:
            raise BrokenPromise(str(target / name), "is not done, so the store cannot be finished", "Run it again")
        results.append(result)
    counts = merge_row_counts([result.books for result in results])
    receipt = Receipt(kind, work, counts, [result.shard for result in results])
    receipt.write(target / RECEIPT_NAME)
    remove_shard_receipts(target, names)
    return receipt


def remove_shard_receipts(target: Path, names: Sequence[str]) -> None:
    """Remove shard receipts; one that cannot be removed does no harm, because the store's receipt replaces it."""
    for name in names:
        with suppress(OSError):
            shard_receipt_path(target, name).unlink()


def remove_other_shards(target: Path, names: Sequence[str]) -> None:
    """Remove shards that unfinished work of another kind left in the target."""
    expected = {*names, *(shard_receipt_path(target, name).name for name in names)}
    for path in target.iterdir():
        if path.name not in expected and path.name.startswith(("part-", ".part-")):
            with translate_os_errors(path):
                path.unlink()


def merge_row_counts(row_counts: Sequence[RowCounts]) -> RowCounts:
    """Add up the row counts of several shards."""
    reasons: Counter[str] = Counter()
    for counts in row_counts:
        reasons.update(counts.reasons)
    rows_in, keep, drop, reject = (sum(getattr(counts, name) for counts in row_counts) for name in COUNT_FIELDS)
    return RowCounts(rows_in, keep, drop, reject, dict(sorted(reasons.items())))


def merge_counters(results: Sequence[ShardResult]) -> dict[str, Counter[str]]:
    """Add up what was counted in several shards, by name."""
    totals: dict[str, Counter[str]] = {}
    for result in results:
        for name, counts in result.counted.items():
            totals.setdefault(name, Counter()).update(counts)
    return totals
