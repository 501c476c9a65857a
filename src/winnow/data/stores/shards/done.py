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

from winnow.data.errors import BrokenPromise
from winnow.data.readers.files import sha256_of
from winnow.data.stores.atomic import write_bytes, written
from winnow.data.stores.receipts import NAME, Books, Receipt, Shard, Work, sealed

PARTS = ("rows_in", "keep", "drop", "reject")


@dataclass(frozen=True)
class Done:
    """One shard of a result: the file, its books and what was counted on the way."""

    shard: Shard
    books: Books
    counted: dict[str, dict[str, int]] = field(default_factory=dict)


def shard_receipt(target: Path, name: str) -> Path:
    """Where it stands that a shard is done."""
    return target / f".{name}.receipt.json"


def write_shard(target: Path, name: str, batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> Shard:
    """One shard, whole or not at all; its bytes follow from its rows, however they were batched."""
    path = target / name
    # One array a column, because where batches end would show in the file.
    table = pa.Table.from_batches(batches, schema).combine_chunks()
    with written(path) as partial:
        pq.write_table(table, partial, compression="zstd", store_schema=True)
    return Shard(name, table.num_rows, path.stat().st_size, sha256_of(path))


def write_done(target: Path, work: Work, done: Done) -> None:
    """The shard's receipt, after the shard."""
    done.books.check(str(target / done.shard.name))
    content = {"identity": work.identity(), **asdict(done)}
    write_bytes(shard_receipt(target, done.shard.name), sealed(content))


def read_done(target: Path, work: Work, name: str) -> Done | None:
    """What was done of this work for a shard; None where it is to be done, or to be done again."""
    path = shard_receipt(target, name)
    try:
        raw = path.read_bytes()
        content = json.loads(raw)
        unsealed = {key: value for key, value in content.items() if key != "seal"}
        if sealed(unsealed) != raw or content["identity"] != work.identity():
            return None
        done = Done(Shard(**content["shard"]), Books(**content["books"]), content["counted"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    file = target / name
    whole = file.is_file() and not file.is_symlink() and file.stat().st_size == done.shard.bytes
    return done if whole and sha256_of(file) == done.shard.sha256 else None


def finish(target: Path, kind: str, work: Work, names: Sequence[str]) -> Receipt:
    """The receipt of a store whose shards are all done."""
    done = []
    for name in names:
        one = read_done(target, work, name)
        if one is None:
            raise BrokenPromise(str(target / name), "is not done, so the store cannot be finished", "Run it again")
        done.append(one)
    receipt = Receipt(kind, work, merged_books([one.books for one in done]), [one.shard for one in done])
    receipt.write(target / NAME)
    clear(target, names)
    return receipt


def clear(target: Path, names: Sequence[str]) -> None:
    """Take the shard receipts away, once the store's receipt says the same."""
    for name in names:
        with suppress(OSError):
            shard_receipt(target, name).unlink()


def merged_books(books: Sequence[Books]) -> Books:
    """The books of several shards as one."""
    reasons: Counter[str] = Counter()
    for one in books:
        reasons.update(one.reasons)
    rows_in, keep, drop, reject = (sum(getattr(one, part) for one in books) for part in PARTS)
    return Books(rows_in, keep, drop, reject, dict(sorted(reasons.items())))


def counted(done: Sequence[Done]) -> dict[str, Counter[str]]:
    """What was counted in all these shards, by name."""
    whole: dict[str, Counter[str]] = {}
    for one in done:
        for name, counts in one.counted.items():
            whole.setdefault(name, Counter()).update(counts)
    return whole
