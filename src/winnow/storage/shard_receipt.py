"""A shard is done if and only if its own receipt says so; a store is finished when all its shards are.

Shard receipts are hidden files beside the shards. They carry the identity of the work, so the shards of other work
are never taken for these, and they go when the store has its receipt.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from winnow.errors import BrokenPromise
from winnow.storage.atomic_files import atomic_write, write_bytes
from winnow.storage.file_bytes import file_sha256
from winnow.storage.receipts import RECEIPT_NAME, Receipt, RowCounts, Shard, WorkSpec, seal_json

COUNT_FIELDS = ("rows_in", "keep", "drop", "reject")


@dataclass(frozen=True)
class ShardResult:
    """One shard of a result: the file, its books and what was counted on the way."""

    shard: Shard
    books: RowCounts
    counted: dict[str, dict[str, int]] = field(default_factory=dict)


def shard_receipt_path(target: Path, name: str) -> Path:
    """Where it stands that a shard is done."""
    return target / f".{name}.receipt.json"


def write_shard(target: Path, name: str, batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> Shard:
    """One shard, whole or not at all; its bytes follow from its rows, however they were batched."""
    path = target / name
    # One array a column, because where batches end would show in the file.
    table = pa.Table.from_batches(batches, schema).combine_chunks()
    with atomic_write(path) as partial:
        pq.write_table(table, partial, compression="zstd", store_schema=True)
    return Shard(name, table.num_rows, path.stat().st_size, file_sha256(path))


def write_shard_receipt(target: Path, work: WorkSpec, result: ShardResult) -> None:
    """The shard's receipt, after the shard."""
    result.books.check(str(target / result.shard.name))
    content = {"identity": work.identity(), **asdict(result)}
    write_bytes(shard_receipt_path(target, result.shard.name), seal_json(content))


def read_shard_receipt(target: Path, work: WorkSpec, name: str) -> ShardResult | None:
    """What was done of this work for a shard; None where it is to be done, or to be done again."""
    path = shard_receipt_path(target, name)
    try:
        stored_bytes = path.read_bytes()
        content = json.loads(stored_bytes)
        content_without_seal = {key: value for key, value in content.items() if key != "seal"}
        if seal_json(content_without_seal) != stored_bytes or content["identity"] != work.identity():
            return None
        result = ShardResult(Shard(**content["shard"]), RowCounts(**content["books"]), content["counted"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    shard_path = target / name
    is_same_size = (
        shard_path.is_file() and not shard_path.is_symlink() and shard_path.stat().st_size == result.shard.bytes
    )
    return result if is_same_size and file_sha256(shard_path) == result.shard.sha256 else None


def finish_store(target: Path, kind: str, work: WorkSpec, names: Sequence[str]) -> Receipt:
    """The receipt of a store whose shards are all done."""
    results = []
    for name in names:
        result = read_shard_receipt(target, work, name)
        if result is None:
            raise BrokenPromise(str(target / name), "is not done, so the store cannot be finished", "Run it again")
        results.append(result)
    receipt = Receipt(
        kind, work, merge_row_counts([result.books for result in results]), [result.shard for result in results]
    )
    receipt.write(target / RECEIPT_NAME)
    remove_shard_receipts(target, names)
    return receipt


def remove_shard_receipts(target: Path, names: Sequence[str]) -> None:
    """Take the shard receipts away, once the store's receipt says the same."""
    for name in names:
        with suppress(OSError):
            shard_receipt_path(target, name).unlink()


def merge_row_counts(row_counts: Sequence[RowCounts]) -> RowCounts:
    """The books of several shards as one."""
    reasons: Counter[str] = Counter()
    for counts in row_counts:
        reasons.update(counts.reasons)
    rows_in, keep, drop, reject = (sum(getattr(counts, part) for counts in row_counts) for part in COUNT_FIELDS)
    return RowCounts(rows_in, keep, drop, reject, dict(sorted(reasons.items())))


def merge_counters(results: Sequence[ShardResult]) -> dict[str, Counter[str]]:
    """What was counted in all these shards, by name."""
    totals: dict[str, Counter[str]] = {}
    for result in results:
        for name, counts in result.counted.items():
            totals.setdefault(name, Counter()).update(counts)
    return totals
